"""Workbooks to damage: each of a kind that users have, small, and as the bytes of its parts."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import openpyxl
import xlsxwriter
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.worksheet.datavalidation import DataValidation

from cqs_sheets.core.plan.plan import Add, Update
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.run.looking import read_target
from tests.make import SIGNALS_TAB, TEMPLATE, plan_of

_AT = datetime(2026, 5, 24, 14, 32, 5)  # noqa: DTZ001 - a cell's wall time

Parts = dict[str, bytes]


def row(key: str, coin: str = "BTC") -> Add:
    """A whole row of sync-owned values."""
    return Add(
        tab="Signals",
        key=key,
        values={
            "id": Decimal(key) if key.isdigit() else key,
            "time": _AT,
            "coin": coin,
            "stop": Decimal("93100.5"),
            "lev": None,
            "status": "open",
            "seen": _AT,
        },
    )


def stamp_update() -> Update:
    """The settings cell that most syncs write."""
    return Update(tab="Settings", key="Last_sync", column="value", old=None, new=_AT)


def _ours(path: Path) -> None:
    """As the sync itself makes it."""
    destination = ExcelDestination(path, backups=0)
    table = read_target(destination, TEMPLATE, {})
    adds = tuple(row(str(key), coin) for key, coin in enumerate(("BTC", "=1+1", "<&>"), 1))
    updates = (stamp_update(),)
    destination.apply(plan_of(table, adds, updates, sequence=1))


def _plain(path: Path) -> None:
    """A sheet with nothing but our headers: no table, no names."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Signals"
    sheet.append([column.header for column in SIGNALS_TAB.columns])
    for key in (1, 2, 3):
        sheet.append([key, _AT, "BTC", 93100.5, None, "open", _AT, f"=D{key + 1}*2", "mine"])
    book.save(path)


def _rich(path: Path) -> None:
    """A user's own workbook: table with totals, shared formulas, rules, lists, notes, links, merged cells, a chart."""
    book = openpyxl.load_workbook(_saved(_ours))
    sheet = book["Signals"]
    rule = CellIsRule(operator="equal", formula=['"open"'])  # type: ignore[no-untyped-call,unused-ignore]
    sheet.conditional_formatting.add("F2:F4", rule)  # type: ignore[no-untyped-call,unused-ignore]
    choices = DataValidation(type="list", formula1='"a,b"')
    choices.add("I2:I4")
    sheet.add_data_validation(choices)
    sheet["C2"].comment = Comment("mine", "me")
    sheet["I3"].hyperlink = "https://example.com"
    sheet.merge_cells("A9:C10")
    sheet["A9"] = "below"
    book.create_sheet("Mine & <yours>")["A1"] = "=SUM(Signals!D2:D4)"
    book.save(path)


def _other_maker(path: Path) -> None:
    """Made by another library, with strings shared, a chart and a macro-free but busy package."""
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet("Signals")
    columns = [{"header": column.header} for column in SIGNALS_TAB.columns]
    sheet.add_table(0, 0, 4, len(columns) - 1, {"name": "Signals", "columns": columns, "total_row": True})
    for number in (1, 2, 3):
        sheet.write_row(number, 0, [number, 46000.5, "BTC", 93100.5, None, "open", 46000.5])
        sheet.write_formula(number, 7, f"=D{number + 1}*2", None, 1)
    chart = book.add_chart({"type": "line"})
    chart.add_series({"values": "=Signals!$D$2:$D$4"})
    sheet.insert_chart("L2", chart)
    for at, column in enumerate(SIGNALS_TAB.columns):
        book.define_name(f"cqs.Signals.{column.id}", f"=Signals!${chr(65 + at)}$1")
    book.close()


_MAKERS: tuple[Callable[[Path], None], ...] = (_ours, _plain, _rich, _other_maker)


@cache
def books() -> tuple[Parts, ...]:
    """The parts of every kind of workbook."""
    return tuple(_parts(_saved(make)) for make in _MAKERS)


def _saved(make: Callable[[Path], None]) -> io.BytesIO:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "book.xlsx")
        make(path)
        return io.BytesIO(path.read_bytes())


def _parts(file: io.BytesIO) -> Parts:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: Parts) -> bytes:
    """The archive of these parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            member = zipfile.ZipInfo(name)
            member.filename = name  # Windows has turned its backslashes round
            archive.writestr(member, content, zipfile.ZIP_DEFLATED, 1)
    return file.getvalue()


def template() -> Template:
    """The template all of them are synced with."""
    assert isinstance(TEMPLATE.tab("Signals"), TableTab)
    return TEMPLATE
