"""Each format of cells stands in the styles once, however many syncs want it: Excel opens no workbook with too many."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.signals.signal import Record, Status
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.parts import styles
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.styles import CellFormats
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.destinations.excel.books import parts, signals_book
from tests.e2e.machines import START
from tests.make import signal, wanted_rows

STYLES = "xl/styles.xml"
PRICES = ("0.00001234", "0.123", "7.5", "12", "345.67", "64321.5")


def sync(path: Path, name: str, first: int) -> None:
    """Six new signals, with prices of all sizes."""
    template = load_template(name)
    rows = [
        row
        for at, price in enumerate(PRICES, start=first)
        for row in wanted_rows(template, record(at, Decimal(price)), UTC)
    ]
    destination = ExcelDestination(path, backups=0)
    table = read_target(destination, template, {row.tab: {each.key for each in rows} for row in rows})
    plan = make_plan(rows, table, sequence=(table.sequence or 0) + 1, settings={})
    destination.apply(replace(plan, refusals=()))


def record(number: int, price: Decimal) -> Record:
    times = {
        "buy_start": "0.99", "buy_end": "1.01", "target1": "1.03", "target2": "1.05", "target3": "1.08",
        "stop_loss": "0.95", "ask": "1",
    }  # fmt: skip
    prices: dict[str, Any] = {
        name: (price * Decimal(factor)).quantize(price) for name, factor in times.items()
    }
    return Record(
        signal=replace(signal(str(number), timestamp=START), **prices), status=Status.OPEN, revision=1,
        first_seen=START + timedelta(minutes=1), last_seen=None, arrival=number,
    )  # fmt: skip


def formats(path: Path) -> list[str]:
    [held] = re.findall(rb"<cellXfs[^>]*>(.*?)</cellXfs>", parts(path)[STYLES], re.DOTALL)
    return re.findall(r"<xf\b", held.decode())


@pytest.mark.parametrize("name", ["signals", "raw"])
def test_the_next_sync_finds_the_formats_that_the_one_before_made(name: str, tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    sync(path, name, 1)
    made = len(formats(path))
    for number in range(1, 5):
        sync(path, name, 1 + 10 * number)
    assert len(formats(path)) == made
    sheet = openpyxl.load_workbook(path)["Signals"]
    looks = [tuple(cell.number_format for cell in row) for row in sheet.iter_rows() if row[0].value]
    rows = looks[-5 * len(PRICES) :]
    assert [rows[at : at + len(PRICES)] for at in range(0, len(rows), len(PRICES))] == [
        rows[: len(PRICES)]
    ] * 5


def test_a_format_is_found_however_another_program_writes_it(tmp_path: Path) -> None:
    path = signals_book(tmp_path / "book.xlsx")
    with Package.open(path) as package:
        draft = Draft(package)
        added = CellFormats(draft, STYLES).like(1, "0.0000")
        before = draft.read(STYLES)
        [numbered] = re.findall(rb'<xf numFmtId="(?!0")\d+"[^>]*?/>', before)[-1:]
        turned = b"<xf " + b" ".join(reversed(numbered[4:-2].split())) + b"></xf>"
        draft.put(STYLES, before.replace(numbered, turned))
        assert CellFormats(draft, STYLES).like(1, "0.0000") == added
        assert draft.read(STYLES) == before.replace(numbered, turned)


def test_where_a_workbook_has_all_formats_that_excel_takes_a_cell_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = signals_book(tmp_path / "book.xlsx")
    monkeypatch.setattr(styles, "_MOST_FORMATS", len(formats(path)) + 1)
    with Package.open(path) as package:
        found = CellFormats(Draft(package), STYLES)
        assert found.like(1, "0.0000") == len(formats(path))
        assert found.like(1, "0.00000") == 1
        assert found.like(1, "0.0000") == len(formats(path))
