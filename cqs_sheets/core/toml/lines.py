"""On which line each key, table and list item of a TOML document stands.

tomllib gives values without positions, so this walks the same text once more. It knows only as
much grammar as it needs to find its way: the text must be one that tomllib has accepted.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping

from cqs_sheets.patterns import regex

Path = tuple[str | int, ...]
"""Keys and list positions (from 0) from the top of a document to a value."""

_BLANK = regex(r"[ \t]*+")
_FILLER = regex(r"(?:[ \t\n]|#[^\n]*+)*+")
_KEY_PART = regex(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*+"|'[^']*+'""")
_SCALAR = regex(
    r'''"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}'''
    r"""|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"""
    r"""|"(?:[^"\\]|\\.)*+"|'[^']*+\'"""
    r"""|[^,\]}#\n]++""",
    re.DOTALL,
)
_MOST_DOTS = 100  # paths of thousands of parts would fill the memory


def lines_by_path(text: str) -> dict[Path, int]:
    """The line (from 1) of every path of a document that tomllib accepts; the document itself is on 1.

    A key stands where it is written; a table on its header, or where it is first named if it has
    none; a list of tables on its first header; a list item where the item begins. Raises
    RecursionError for a document nested deeper than it can follow.
    """
    return _Walk(text.replace("\r\n", "\n")).document()


def line_at(lines: Mapping[Path, int], path: Path) -> int:
    """The line of a path, or of the nearest table around it that the document has."""
    while path not in lines:
        path = path[:-1]
    return lines[path]


class _Walk:
    """One pass over a text; `at` is the place of the next character to read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self.lines: dict[Path, int] = {(): 1}
        self.counts: dict[Path, int] = {}

    def document(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_FILLER)
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_FILLER)
        return self.lines

    def _header(self) -> Path:
        brackets = 2 if self.text.startswith("[[", self.at) else 1
        line = self._line()
        self.at += brackets
        keys = self._key()
        self.at += brackets
        path: Path = ()
        for key in keys[:-1]:
            path = self._note((*path, key), line)
            if path in self.counts:
                path = (*path, self.counts[path] - 1)
        path = (*path, keys[-1])
        if brackets == 2:  # noqa: PLR2004 - [[name]]: one more table of a list
            self._note(path, line)
            self.counts[path] = self.counts.get(path, 0) + 1
            path = (*path, self.counts[path] - 1)
        self.lines[path] = line
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for key in self._key():
            path = self._note((*path, key), line)
        self.at += 1  # =
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> list[str]:
        """A dotted key; leaves `at` on what follows it and its blanks."""
        parts: list[str] = []
        while not parts or self.text.startswith(".", self.at):
            if len(parts) == _MOST_DOTS:
                raise RecursionError("a dotted key with too many parts")
            self.at += bool(parts)
            self._skip(_BLANK)
            import tomllib  # noqa: PLC0415 - many run without a config

            part = self._skip(_KEY_PART)
            parts.append(tomllib.loads(f"key = {part}")["key"] if part[0] in "\"'" else part)
            self._skip(_BLANK)
        return parts

    def _value(self, path: Path) -> None:
        opening = self.text[self.at]
        if opening == "[":
            self._items(path)
        elif opening == "{":
            self._members(path)
        else:
            self._skip(_SCALAR)

    def _items(self, path: Path) -> None:
        self.at += 1
        self._skip(_FILLER)
        position = 0
        while self.text[self.at] != "]":
            item = self._note((*path, position), self._line())
            self._value(item)
            self._separator()
            position += 1
        self.at += 1

    def _members(self, path: Path) -> None:
        self.at += 1
        self._skip(_FILLER)
        while self.text[self.at] != "}":
            self._pair(path)
            self._separator()
        self.at += 1

    def _separator(self) -> None:
        self._skip(_FILLER)
        if self.text[self.at] == ",":
            self.at += 1
            self._skip(_FILLER)

    def _note(self, path: Path, line: int) -> Path:
        self.lines.setdefault(path, line)
        return path

    def _line(self) -> int:
        return bisect_right(self.starts, self.at)

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError("not a document that tomllib accepts")
        self.at = found.end()
        return found.group()
