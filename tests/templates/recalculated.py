"""Workbooks made by the product, recalculated by LibreOffice, read back as plain values."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from openpyxl.workbook import Workbook

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.signals.coverage import next_arrival, observe
from cqs_sheets.core.signals.parse import parse_signals
from cqs_sheets.core.signals.signal import FeedTable, Record, Status
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.destinations.excel.edit.results import store_results
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.workbook import Workbook as ExcelWorkbook
from cqs_sheets.export import write_workbook
from cqs_sheets.template_files import load_template
from tests.templates.wire import NOW, Sent

ZONE = ZoneInfo("Europe/Berlin")
ERRORS = ("#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#SPILL!", "Err:")
_SYNCED: Mapping[str, CellValue] = {
    "Time_zone": "Europe/Berlin",
    "Last_sync": NOW.astimezone(ZONE).replace(tzinfo=None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A workbook to make: a template, the signals in it, and what its user typed before it was recalculated.

    `settings` are typed into the cells of those names (None empties them); `typed` may type anything else.
    `known` adds to the records what else is known of them.
    """

    name: str
    template: str
    signals: Sequence[Sent]
    settings: Mapping[str, Any] = field(default_factory=dict)
    typed: Callable[[Workbook], None] | None = None
    known: Callable[[Iterable[Record]], Iterable[Record]] = iter


@dataclass(frozen=True, slots=True)
class Recalculated:
    """A workbook's values after LibreOffice worked out its formulas, and the signals in it."""

    template: str
    signals: Sequence[Sent]
    book: Workbook
    stored: Path
    """The workbook as the product stored it: with the values that whoever does not compute sees."""

    def disagreements(self) -> tuple[int, list[str]]:
        """How many formulas there are, and those whose stored value is not what LibreOffice makes of them."""
        found, total = [], 0
        for title, address, formula, held in _formulas(self.stored):
            total += 1
            worked_out = self.book[title][address].value
            if not _alike(held, worked_out):
                found.append(f"{title}!{address} ={formula}: {held!r}, not {worked_out!r}")
        return total, found

    def rows(self, tab_name: str) -> list[dict[str, Any]]:
        """A table tab's rows as column id -> value, blank cells as None; rows without a value left out."""
        tab = load_template(self.template).tab(tab_name)
        assert isinstance(tab, TableTab)
        ids = {column.header: column.id for column in tab.columns}
        header, *rows = self._table(tab_name, set(ids))
        named = [
            {ids[head]: value for head, value in zip(header, row, strict=True) if head in ids} for row in rows
        ]
        return [row for row in named if any(value is not None for value in row.values())]

    def errors(self) -> list[str]:
        """Every cell of every tab that shows an error."""
        return [
            f"{sheet.title}!{cell.coordinate} {cell.value}"
            for sheet in self.book.worksheets
            for row in sheet.iter_rows()
            for cell in row
            if isinstance(cell.value, str) and cell.value.startswith(ERRORS)
        ]

    def _table(self, tab_name: str, headers: set[str]) -> Iterator[tuple[Any, ...]]:
        rows = iter(self.book[tab_name].iter_rows(values_only=True))
        header = next(row for row in rows if headers <= set(row))
        yield header
        yield from (tuple(None if value == "" else value for value in row) for row in rows)


_FORMULA = re.compile(
    r'<c r="([A-Z]+[0-9]+)"(?: s="[0-9]+")?(?: t="(\w+)")?><f>([^<]*)</f>(?:<v>([^<]*)</v>|<v/>)?'
)


def _formulas(path: Path) -> Iterator[tuple[str, str, str, object]]:
    """Sheet, cell, formula and stored value of each formula that the product wrote, sheets numbered in order.

    By an expression, as openpyxl takes a second for what is a few thousand cells of one shape.
    """
    with ZipFile(path) as book:
        titles = re.findall(r'<sheet [^>]*name="([^"]+)"', book.read("xl/workbook.xml").decode())
        for number, title in enumerate(titles, start=1):
            text = book.read(f"xl/worksheets/sheet{number}.xml").decode()
            found = _FORMULA.findall(text)
            assert len(found) == text.count("<f>") + text.count("<f ")
            for address, kind, formula, value in found:
                yield title, address, formula, _stored(kind, value)


def _stored(kind: str, value: str) -> object:
    if kind == "b":
        return value == "1"
    return html.unescape(value) if kind else float(value) if value else None


def records(signals: Iterable[Sent]) -> Iterator[Record]:
    """What the product knows after it saw these."""
    arrival = None
    for each in signals:
        parsed = parse_signals([each.fields], table=FeedTable(each.table), zone=UTC)
        assert not parsed.rejects
        for signal in parsed.signals:
            arrival = next_arrival(arrival, each.first_seen)
            status = Status(each.status)
            last_seen = None if status is Status.OPEN else NOW
            yield replace(observe(None, signal, each.first_seen, arrival), status=status, last_seen=last_seen)


def recalculated(books: Iterable[Made], folder: Path) -> dict[str, Recalculated]:
    """Make them all, let one LibreOffice work them out, read them: by name."""
    if shutil.which("soffice") is None:
        pytest.skip("LibreOffice (soffice) is not installed, and nothing else here works out formulas")
    made = {book.name: book for book in books}
    for book in made.values():
        _make(book, folder / f"{book.name}.xlsx")
    subprocess.run(
        [
            "soffice", "--headless", f"-env:UserInstallation={(folder / 'profile').as_uri()}",
            "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", str(folder / "out"),
            *(str(_without_results(folder / f"{name}.xlsx")) for name in made),
        ],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return {
        name: Recalculated(
            book.template,
            book.signals,
            openpyxl.load_workbook(folder / "out" / f"{name}.xlsx", data_only=True),
            folder / f"{name}.xlsx",
        )
        for name, book in made.items()
    }


def _make(book: Made, path: Path) -> None:
    write_workbook(path, load_template(book.template), book.known(records(book.signals)), ZONE, _SYNCED)
    if not book.settings and book.typed is None:
        return
    workbook = openpyxl.load_workbook(path)
    for name, value in book.settings.items():
        [(sheet, cell)] = workbook.defined_names[name].destinations
        workbook[sheet][cell.replace("$", "")].value = value
    if book.typed is not None:
        book.typed(workbook)
    workbook.save(path)
    with Package.open(path.read_bytes()) as package:
        draft = Draft(package)
        read = ExcelWorkbook(draft)
        store_results(draft, read, load_template(book.template), read.sheets)
        with path.open("w+b") as file:
            draft.write(file)


_RESULT = re.compile(rb'(<c [^>]*?)(?: t="(?:str|b)")?([^>]*>)(<f[^>]*>[^<]*</f>)<v>[^<]*</v>')


def _without_results(path: Path) -> Path:
    """A copy that LibreOffice has to work out: it believes what is stored."""
    bare = path.parent / "bare" / path.name
    bare.parent.mkdir(exist_ok=True)
    with ZipFile(path) as book, ZipFile(bare, "w") as copy:
        for name in book.namelist():
            copy.writestr(name, _RESULT.sub(rb"\1\2\3", book.read(name)))
    return bare


_DAY_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a cell's wall time


def _alike(shown: Any, worked_out: Any) -> bool:
    if isinstance(worked_out, datetime) and isinstance(
        shown, float
    ):  # LibreOffice gives a cell without a format one
        return abs(shown - (worked_out - _DAY_ZERO) / timedelta(days=1)) < 1e-5
    if isinstance(shown, int | float) and isinstance(worked_out, int | float):
        return abs(shown - worked_out) <= 1e-9 * max(abs(shown), abs(worked_out), 1e-12)
    if isinstance(shown, datetime) and isinstance(worked_out, datetime):
        return abs((shown - worked_out).total_seconds()) < 1
    return (shown or "") == (worked_out or "")
