"""Every key, table and item of a TOML document is found on the line it was written on."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.toml.lines import Path, line_at, lines_by_path

_TRICKY = "ab =#[]{},.é\t\"'"
_SCALARS = st.one_of(
    st.integers().map(str),
    st.booleans().map(lambda value: str(value).lower()),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1979-05-27", "1979-05-27 07:32:00", "1979-05-27T07:32:00.5-07:00", "07:32:00"]),
    st.sampled_from(["nan", "+inf", "0x1F", "1_000", "6.02e-23"]),
    st.text(_TRICKY + "\\\n").map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.text(_TRICKY.replace("'", "")).map(lambda text: f"'{text}'"),
    st.text(_TRICKY + "\n").map(lambda text: '"""' + _no_triple(text, '"') + '"""'),
    st.text(_TRICKY + "\n\\").map(lambda text: "'''" + _no_triple(text, "'") + "'''"),
    st.sampled_from(['"""\\\n  folded"""', '"""a\\"""""', '""""two""\n"""""', "'''''two''\n'''''"]),
    st.sampled_from(['""', "''", '""""""', "''''''"]),
)  # fmt: skip
_FILLERS = st.lists(st.sampled_from([" ", "\t", "\n", "# ] } , \" ''' comment\n", "  \n"]), max_size=3).map(
    "".join
)
_BLANKS = st.sampled_from(["", " ", "\t "])


def _no_triple(text: str, quote: str) -> str:
    while quote * 3 in text:
        text = text.replace(quote * 3, quote)
    return text


class _Writer:
    """Writes a random document and notes on which line it wrote what."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.text = ""
        self.lines: dict[Path, int] = {(): 1}
        self._names = 0

    def document(self) -> None:
        self._pairs(())
        for _ in range(self.draw(st.integers(0, 3))):
            self._table() if self.draw(st.booleans()) else self._tables()

    def _note(self, path: Path) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def _blank(self) -> str:
        return self.draw(_BLANKS)

    def _end(self) -> None:
        self.text += self._blank() + self.draw(st.sampled_from(["\n", "# a = [ \n", "\n\n# [x]\n"]))

    def _name(self) -> tuple[str, str]:
        """A fresh key, and one way to write it."""
        self._names += 1
        kind = self.draw(st.sampled_from(["bare", "basic", "literal"]))
        if kind == "bare":
            return f"k-{self._names}", f"k-{self._names}"
        if kind == "basic":
            name = self.draw(st.text(_TRICKY + "\\\n", max_size=4)) + str(self._names)
            return name, json.dumps(name, ensure_ascii=False)
        name = self.draw(st.text(_TRICKY.replace("'", ""), max_size=4)) + str(self._names)
        return name, f"'{name}'"

    def _pairs(self, table: Path) -> None:
        for _ in range(self.draw(st.integers(0, 3))):
            self._pair(table)
            self._end()

    def _pair(self, table: Path, depth: int = 0) -> None:
        name, written = self._name()
        path: Path = (*table, name)
        self.text += self._blank()
        self._note(path)
        self.text += written
        if self.draw(st.booleans()):
            inner, written = self._name()
            path = (*path, inner)
            self._note(path)
            self.text += f"{self._blank()}.{self._blank()}{written}"
        self.text += f"{self._blank()}={self._blank()}"
        self._value(path, depth)

    def _value(self, path: Path, depth: int) -> None:
        kind = self.draw(st.sampled_from(["scalar", "list", "table"])) if depth < 3 else "scalar"
        if kind == "scalar":
            self.text += self.draw(_SCALARS)
        elif kind == "list":
            self._list(path, depth)
        else:
            self._inline_table(path, depth)

    def _list(self, path: Path, depth: int) -> None:
        self.text += "["
        count = self.draw(st.integers(0, 3))
        for position in range(count):
            self.text += self.draw(_FILLERS)
            self._note((*path, position))
            self._value((*path, position), depth + 1)
            self.text += self.draw(_FILLERS)
            self.text += "," if position < count - 1 or self.draw(st.booleans()) else ""
        self.text += self.draw(_FILLERS) + "]"

    def _inline_table(self, path: Path, depth: int) -> None:
        self.text += "{" + self._blank()
        count = self.draw(st.integers(0, 3))
        for position in range(count):
            self._pair(path, depth + 1)
            self.text += self._blank() + ("," if position < count - 1 else "")
        self.text += self._blank() + "}"

    def _header(self, path: Path, written: str, brackets: int = 1) -> None:
        self.lines[path] = self.text.count("\n") + 1
        self.text += f"{'[' * brackets}{self._blank()}{written}{self._blank()}{']' * brackets}"
        self._end()
        self._pairs(path)

    def _table(self) -> None:
        name, written = self._name()
        if self.draw(st.booleans()):
            inner, inner_written = self._name()
            self._note((name,))
            self._header((name, inner), f"{written} . {inner_written}")
        if (name,) not in self.lines or self.draw(st.booleans()):
            self._header((name,), written)

    def _tables(self) -> None:
        name, written = self._name()
        inner, inner_written = self._name()
        for position in range(self.draw(st.integers(1, 3))):
            self._note((name,))
            self._header((name, position), written, 2)
            for deeper in range(self.draw(st.integers(0, 2))):
                self._note((name, position, inner))
                self._header((name, position, inner, deeper), f"{written}.{inner_written}", 2)


@st.composite
def _documents(draw: st.DrawFn) -> tuple[str, dict[Path, int]]:
    writer = _Writer(draw)
    writer.document()
    return writer.text, writer.lines


def _paths(value: Any, here: Path = ()) -> Iterator[Path]:
    yield here
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for step, member in members:
        yield from _paths(member, (*here, step))


@given(_documents(), st.booleans())
def test_everything_in_a_document_is_on_the_line_it_was_written_on(
    document: tuple[str, dict[Path, int]], windows: bool
) -> None:
    text, expected = document
    written = text.replace("\n", "\r\n") if windows else text
    assert set(_paths(tomllib.loads(written))) == set(expected)
    assert lines_by_path(written) == expected


def test_a_path_that_is_not_there_is_on_the_line_of_the_table_around_it() -> None:
    lines = lines_by_path("a = 1\n\n[b]\nc = 2\n")
    assert line_at(lines, ("b", "missing", 3)) == 3
    assert line_at(lines, ("missing",)) == 1


def test_a_key_of_hundreds_of_parts_is_given_up() -> None:
    with pytest.raises(RecursionError):
        lines_by_path(".".join(["a"] * 500) + " = 1")
