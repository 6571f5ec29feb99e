"""What people do to a workbook with a journal and a dashboard, and what the next sync leaves alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import PatternFill
from openpyxl.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.core.templates.template import BlocksTab, ColumnKind, ReportTab, TableTab, Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.destinations.excel.books import parts
from tests.destinations.excel_create.soundness import assert_sound
from tests.make import record, wanted_rows

DASHBOARD = load_template("dashboard")
TABLES = replace(  # without what takes long to draw and to work out
    DASHBOARD,
    tabs=tuple(
        replace(tab, spare_rows=60) if isinstance(tab, TableTab) and tab.spare_rows else tab
        for tab in DASHBOARD.tabs
        if not isinstance(tab, BlocksTab | ReportTab)
    ),
)
JOURNAL = TABLES.tab("Journal")
assert isinstance(JOURNAL, TableTab)
COLUMNS, SPARE = JOURNAL.columns, JOURNAL.spare_rows
LAST = 2 + SPARE
FULL = SPARE - 19  # trades that leave 19 rows: too few, so a sync adds more
NOT_OURS = ("Dashboard", "Journal", "Performance", "_calc", "_equity")


def sync(path: Path, *ids: int, status: Status = Status.OPEN, template: Template = DASHBOARD) -> None:
    destination = ExcelDestination(path, backups=0, lock_wait=0)
    rows = [row for id_ in ids for row in wanted_rows(template, record(str(id_), status=status), UTC)]
    table = read_target(destination, template, {"Signals": {row.key for row in rows}})
    settings: dict[str, CellValue] = {
        "Feed_status": f"{len(ids)} asked for",
        "Top_coins": "BTC, ETH",
        "Top_exchanges": "Binance",
    }
    sequence = (table.sequence or 0) + 1
    destination.apply(make_plan(rows, table, sequence=sequence, settings=settings))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("living") / "book.xlsx"
    sync(path, *range(1, 31))
    return path.read_bytes()


@pytest.fixture
def book(tmp_path: Path, fresh: bytes) -> Path:
    path = tmp_path / "book.xlsx"
    path.write_bytes(fresh)
    return path


@pytest.fixture(scope="module")
def fresh_tables(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("tables") / "book.xlsx"
    sync(path, *range(1, 31), template=TABLES)
    return path.read_bytes()


@pytest.fixture
def tables(tmp_path: Path, fresh_tables: bytes) -> Path:
    path = tmp_path / "book.xlsx"
    path.write_bytes(fresh_tables)
    return path


def edit(path: Path, change: Callable[[Workbook], object]) -> None:
    """The user opens the workbook in another program and saves it."""
    opened = openpyxl.load_workbook(path)
    change(opened)
    opened.save(path)


def sheet(opened: Workbook, name: str) -> Worksheet:
    found = opened[name]
    assert isinstance(found, Worksheet)
    return found


def values(path: Path, name: str) -> list[list[object]]:
    opened = openpyxl.load_workbook(path, read_only=True)  # that tab alone
    try:
        return [list(row) for row in opened[name].iter_rows(values_only=True)]
    finally:
        opened.close()


def not_ours(path: Path) -> dict[str, bytes]:
    """The sheets to which no sync adds, and all charts; in a new workbook sheets are numbered in order."""
    content = parts(path)
    titles = re.findall(r'<sheet [^>]*name="([^"]+)"', content["xl/workbook.xml"].decode())
    sheets = {name: content[f"xl/worksheets/sheet{titles.index(name) + 1}.xml"] for name in NOT_OURS}
    drawn = {name: xml for name, xml in content.items() if "chart" in name or "drawing" in name}
    return {name: without_values(xml) for name, xml in (sheets | drawn).items()}


def without_values(xml: bytes) -> bytes:
    """Without what formulas and charts last showed, which every sync keeps true."""
    xml = re.sub(rb"<((?:c:)?(?:num|str)Cache)>.*?</\1>", b"", xml, flags=re.DOTALL)
    return re.sub(
        rb'(<c r="[A-Z]+\d+"(?: s="\d+")?)(?: t="\w+")?(><f>[^<]*</f>)(?:<v>[^<]*</v>|<v/>)?', rb"\1\2", xml
    )


def test_no_sync_writes_the_tabs_that_are_not_fed(book: Path) -> None:
    before = not_ours(book)
    sync(book, 31, 32, 33)
    sync(book, 1, 2, status=Status.CLOSED)
    assert not_ours(book) == before
    assert len(before) > 2 * len(NOT_OURS)


def columns(path: Path, tab_name: str) -> dict[str, int]:
    """Where the columns of a tab stand, by id."""
    tab = DASHBOARD.tab(tab_name)
    assert isinstance(tab, TableTab)
    found = values(path, tab_name)[1]
    return {column.id: found.index(column.header) + 1 for column in tab.columns if column.header in found}


def type_trades(path: Path, count: int) -> None:
    """The user fills in signal numbers and exits; more than there are spare rows would go on below."""
    at = columns(path, "Journal")

    def typed(opened: Workbook) -> None:
        journal = sheet(opened, "Journal")
        for number in range(count):
            journal.cell(3 + number, at["sig"]).value = 1 + number % 30
            journal.cell(3 + number, at["note"]).value = f"trade {number}"

    edit(path, typed)


def test_trades_typed_into_the_journal_stay_as_they_were_typed(tables: Path) -> None:
    type_trades(tables, 40)
    before = values(tables, "Journal")
    sync(tables, 31, 32, template=TABLES)
    sync(tables, *range(1, 10), status=Status.CLOSED, template=TABLES)
    assert values(tables, "Journal") == before
    assert len(values(tables, "Signals")) == 2 + 32
    assert_sound(tables.read_bytes())


def test_signals_sorted_by_the_user_stay_in_their_order(tables: Path) -> None:
    def upside_down(opened: Workbook) -> None:
        signals = sheet(opened, "Signals")
        rows = [[cell.value for cell in row] for row in signals.iter_rows(min_row=3, max_row=32)]
        for number, row in enumerate(reversed(rows), 3):
            for at, value in enumerate(row, 1):
                if not str(value).startswith("="):
                    signals.cell(number, at).value = value

    edit(tables, upside_down)
    sync(tables, 5, status=Status.CLOSED, template=TABLES)
    sync(tables, 31, template=TABLES)
    at = columns(tables, "Signals")
    rows = values(tables, "Signals")[2:]
    assert [row[at["id"] - 1] for row in rows] == [*range(30, 0, -1), 31]
    assert [row[at["id"] - 1] for row in rows if row[at["status"] - 1] == "closed"] == [5]


@pytest.mark.parametrize(
    ("gone", "made", "template"),
    [("Dashboard", "book", DASHBOARD), ("Journal", "tables", TABLES)],
    ids=["Dashboard", "Journal"],
)
def test_a_tab_that_the_user_deleted_stays_deleted(
    gone: str, made: str, template: Template, request: pytest.FixtureRequest
) -> None:
    book = request.getfixturevalue(made)

    def delete(opened: Workbook) -> None:
        del opened[gone]
        for name in [
            name for name, each in opened.defined_names.items() if f"{gone}!" in (each.attr_text or "")
        ]:
            opened.defined_names[name].attr_text = "#REF!"

    edit(book, delete)
    sync(book, 31, template=template)
    sync(book, 2, status=Status.CLOSED, template=template)
    assert gone not in openpyxl.load_workbook(book).sheetnames
    assert len(values(book, "Signals")) == 2 + 31


def test_lists_are_written_into_their_settings_and_nowhere_else(book: Path) -> None:
    opened = openpyxl.load_workbook(book)
    for name, text in (("Top_coins", "BTC, ETH"), ("Top_exchanges", "Binance")):
        [(title, cell)] = opened.defined_names[name].destinations
        assert title == "Settings"
        assert opened[title][cell.replace("$", "")].value == text


def test_a_workbook_of_signals_becomes_a_dashboard_with_the_settings_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    sync(path, 1, template=load_template("signals"))
    before = openpyxl.load_workbook(path)
    new = ["Max_open_risk", "BE_band", "Max_slip", "Min_sample", "Top_exchanges", "Top_coins"]
    assert not set(new) & set(before.defined_names)
    sync(path, 2)
    opened = openpyxl.load_workbook(path)
    found = {}
    for name in new:
        [(title, cell)] = opened.defined_names[name].destinations
        found[name] = opened[title][cell.replace("$", "")].value
    assert found == dict(zip(new, (0.05, 0.05, 0.2, 30, "Binance", "BTC, ETH"), strict=True))
    assert_sound(path.read_bytes())


def reach(path: Path) -> str:
    return str(sheet(openpyxl.load_workbook(path), "Journal").tables["Journal"].ref)


def test_a_journal_with_twenty_rows_left_is_left_alone(tables: Path) -> None:
    type_trades(tables, FULL - 1)
    before = values(tables, "Journal")
    sync(tables, 31, template=TABLES)
    assert values(tables, "Journal") == before


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, fresh_tables: bytes) -> tuple[Path, list[list[object]]]:
    """A workbook whose Journal was nearly full when it was synced, and what stood there before."""
    path = tmp_path_factory.mktemp("grown") / "book.xlsx"
    path.write_bytes(fresh_tables)
    type_trades(path, FULL)
    edit(
        path, lambda opened: setattr(opened["Journal"]["B5"], "fill", PatternFill("solid", fgColor="FF0000"))
    )
    before = values(path, "Journal")
    sync(path, 31, template=TABLES)
    return path, before


def test_a_journal_that_is_nearly_full_gets_as_many_rows_as_it_came_with(
    grown: tuple[Path, list[list[object]]],
) -> None:
    path, before = grown
    after = values(path, "Journal")
    assert after[: len(before)] == before
    assert len(after) == LAST + SPARE
    assert reach(path) == f"A2:AO{len(after)}"
    assert_sound(path.read_bytes())


def test_new_spare_rows_have_the_formulas_and_looks_of_the_last_one_and_no_values(
    grown: tuple[Path, list[list[object]]],
) -> None:
    path, _ = grown
    journal = sheet(openpyxl.load_workbook(path), "Journal")
    at = columns(path, "Journal")
    for column in COLUMNS:
        last, new = (journal.cell(row, at[column.id]) for row in (LAST, LAST + 1))
        assert new.value == last.value
        assert (new.value is not None) == (column.kind is ColumnKind.FORMULA)
        assert (new.number_format, new.fill.fgColor.rgb) == (last.number_format, last.fill.fgColor.rgb)
    assert journal.row_dimensions[LAST + 1].height == journal.row_dimensions[LAST].height


def test_rules_and_choices_of_the_journal_reach_the_new_rows(
    grown: tuple[Path, list[list[object]]],
) -> None:
    journal = sheet(openpyxl.load_workbook(grown[0]), "Journal")
    ranges = [str(each.sqref) for each in journal.conditional_formatting]
    ranges += [str(each.sqref) for each in journal.data_validations.dataValidation]
    ends = {int(row) for text in ranges for row in re.findall(r":[A-Z]+(\d+)", text)}
    assert ends == {LAST + SPARE}


def test_nothing_is_added_where_the_user_has_something_below(tables: Path) -> None:
    type_trades(tables, FULL)
    edit(tables, lambda opened: sheet(opened, "Journal").cell(LAST + 5, 3, "my own sum"))
    before = values(tables, "Journal")
    sync(tables, 31, template=TABLES)
    assert values(tables, "Journal") == before
    assert reach(tables) == f"A2:AO{LAST}"


def test_it_goes_on_and_on(grown: tuple[Path, list[list[object]]], tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(grown[0].read_bytes())
    type_trades(path, SPARE + FULL)
    sync(path, 32, template=TABLES)
    assert reach(path) == f"A2:AO{LAST + 2 * SPARE}"
