"""A template gains columns, settings and tabs; the workbook it made long ago gets them too."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.table import TableColumn
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.cells import CellType, CellValue
from cqs_sheets.core.plan.plan import Plan
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.templates.template import (
    CellFormat,
    ColumnKind,
    Rule,
    Setting,
    SettingsSection,
    TableTab,
    Template,
    TextStyle,
)
from cqs_sheets.destinations import Applied
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.run.looking import read_target
from tests.destinations.excel.books import grid, parts, signals_book, with_parts
from tests.destinations.excel_create.soundness import assert_sound
from tests.make import SETTINGS_TAB, SIGNALS_TAB, TEMPLATE, column, record, wanted_rows

GAINED = (
    column(
        "ask", type_=CellType.NUMBER, format=CellFormat(pattern="0.00"),
        group="ENTRY", note="As published.", width=17,
    ),
    column("triple", "", CellType.NUMBER, kind=ColumnKind.FORMULA, formula="={ask}*3+{stop}"),
    column("take", "", kind=ColumnKind.INPUT, choices=("yes", "no"), header="Take?"),
)  # fmt: skip
RULES = (
    Rule(on=("coin", "take"), when='={coin}="ETH"', style=TextStyle(bold=True, text="#AA0000")),
    Rule(on=("ask",), when="={ask}>{lev}", style=TextStyle(fill="#EEEEEE")),
)
FEE = Setting(name="Fee", label="Fee", value=0.1, min=0, note="Of each trade.")
COUNT = Setting(name="Count", label="Rows", synced=True)
LATER_SETTINGS = replace(
    SETTINGS_TAB, sections=(*SETTINGS_TAB.sections, SettingsSection(title="LATER", settings=(FEE, COUNT)))
)
LATER_TAB = replace(SIGNALS_TAB, columns=(*SIGNALS_TAB.columns, *GAINED), rules=RULES)
LATER = replace(TEMPLATE, tabs=(LATER_TAB, LATER_SETTINGS))
NEW = ["Ask", "Triple", "Take?"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "living.xlsx"
    sync(path, TEMPLATE, range(1, 6))
    return path


def planned(
    path: Path, template: Template, ids: Iterable[int], **changes: Any
) -> tuple[ExcelDestination, Plan]:
    destination = ExcelDestination(path, backups=0, lock_wait=0)
    rows = [
        row
        for id_ in ids
        for row in wanted_rows(template, record(str(id_), **changes), UTC, fill_only=not changes)
    ]
    keys: dict[str, set[str]] = {}
    for row in rows:
        keys.setdefault(row.tab, set()).add(row.key)
    table = read_target(destination, template, keys)
    settings: dict[str, CellValue] = {"Feed_status": "ok", "Count": Decimal(5)}
    plan = make_plan(rows, table, sequence=(table.sequence or 0) + 1, settings=settings)
    return destination, plan


def sync(path: Path, template: Template, ids: Iterable[int], **changes: Any) -> Applied:
    destination, plan = planned(path, template, ids, **changes)
    return destination.apply(plan)


def sheet(path: Path, name: str = "Signals") -> Worksheet:
    found = openpyxl.load_workbook(path)[name]
    assert isinstance(found, Worksheet)
    return found


def headers(path: Path) -> list[Any]:
    return [value for value in next(row for row in grid(path) if "ID" in row) if value != ""]


def at(found: Worksheet, header: str) -> int:
    return next(cell.column for row in found.iter_rows() for cell in row if cell.value == header)


def looks(path: Path) -> dict[str, tuple[Any, ...]]:
    """Every cell that holds something: its value, and all that makes up its look."""
    return {
        f"{found.title}!{cell.coordinate}": (
            cell.value, cell.number_format, repr(cell.font), repr(cell.fill), repr(cell.border),
            repr(cell.alignment), cell.comment and cell.comment.text,
        )
        for found in openpyxl.load_workbook(path).worksheets
        for row in found.iter_rows()
        for cell in row
        if cell.value is not None
    }  # fmt: skip


def test_new_columns_come_at_the_right_filled_for_the_rows_that_are_there(book: Path) -> None:
    sync(book, LATER, range(1, 6))
    assert headers(book)[-4:] == ["Memo", *NEW]
    found = sheet(book)
    ask, triple, take = (at(found, header) for header in NEW)
    assert [found.cell(row, ask).value for row in range(3, 8)] == [94325] * 5
    assert [found.cell(row, triple).value for row in range(3, 8)] == [f"=J{n}*3+D{n}" for n in range(3, 8)]
    assert [found.cell(row, take).value for row in range(3, 8)] == [None] * 5


def test_nothing_that_was_there_is_moved_or_changed(book: Path) -> None:
    before = looks(book)
    sync(book, LATER, range(1, 6))
    after = looks(book)
    written = {"Settings!B10"}  # the sync's own cell: when it wrote last
    assert {cell for cell in before if after.get(cell) != before[cell]} <= written


def width(found: Worksheet, column: int) -> float:
    return found.column_dimensions[get_column_letter(column)].width


def test_new_columns_look_and_behave_as_in_a_new_workbook(book: Path, tmp_path: Path) -> None:
    sync(book, LATER, range(1, 6))
    fresh = tmp_path / "fresh.xlsx"
    sync(fresh, LATER, range(1, 6))
    old, new = sheet(book), sheet(fresh)
    for header in NEW:
        one, other = at(old, header), at(new, header)
        for row in range(1, 8):
            mine, theirs = old.cell(row, one), new.cell(row, other)
            for part in ("number_format", "font", "fill", "border", "alignment", "value"):
                assert repr(getattr(mine, part)) == repr(getattr(theirs, part)), (header, row, part)
        assert width(old, one) == width(new, other)
    note = old.cell(2, at(old, "Ask")).comment
    assert note is not None
    assert note.text == "As published."
    (table,) = old.tables.values()
    assert table.ref == "A2:L7"
    assert table.autoFilter is not None
    assert table.autoFilter.ref == "A2:L7"
    assert [str(each.sqref) for each in old.data_validations.dataValidation] == ["L3:L7"]


def test_rules_of_new_columns_come_with_them(book: Path) -> None:
    sync(book, LATER, range(1, 6))
    rules = {
        str(ranges.sqref): [rule.formula[0] for rule in ranges.rules]
        for ranges in sheet(book).conditional_formatting
    }
    assert rules == {"L3:L7": ['$C3="ETH"'], "J3:J7": ["$J3>$E3"]}


def test_rows_that_come_later_have_the_new_columns_too(book: Path) -> None:
    sync(book, LATER, range(1, 6))
    sync(book, LATER, [6])
    found = sheet(book)
    assert [found.cell(8, at(found, header)).value for header in NEW] == [94325, "=J8*3+D8", None]
    assert [str(each.sqref) for each in found.data_validations.dataValidation] == ["L3:L8"]
    assert found.cell(8, at(found, "Ask")).number_format == "0.00"


def test_a_second_sync_has_nothing_left_to_add(book: Path) -> None:
    sync(book, LATER, range(1, 6))
    assert planned(book, LATER, range(1, 6))[1].empty


def test_filling_new_columns_is_no_large_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "many.xlsx"
    sync(path, TEMPLATE, range(1, 101))
    _, plan = planned(path, LATER, range(1, 101))
    assert len(plan.updates) >= 100
    assert plan.refusals == ()


def test_a_value_that_the_user_changed_is_left_alone_when_columns_are_filled(book: Path) -> None:
    edit(book, lambda found: found.cell(3, at(found, "Coin"), "mine"))
    sync(book, LATER, range(1, 6))
    assert sheet(book).cell(3, 3).value == "mine"


def edit(path: Path, change: Callable[[Worksheet], object], name: str = "Signals") -> None:
    """The user opens the workbook in another program and saves it."""
    opened = openpyxl.load_workbook(path)
    found = opened[name]
    assert isinstance(found, Worksheet)
    change(found)
    opened.save(path)


def without_coin(path: Path, *, name_stays: bool) -> None:
    """The user deletes the last synced column; the name of its header is kept as #REF!, or dropped."""
    told = rb"\1#REF!\2" if name_stays else b""
    name = re.compile(rb'(<definedName name="cqs\.Signals\.seen"[^>]*>)[^<]*(</definedName>)')
    with_parts(path, {"xl/workbook.xml": lambda xml: name.sub(told, xml)})


@pytest.mark.parametrize("name_stays", [True, False])
def test_a_column_that_the_user_deleted_does_not_come_back(book: Path, *, name_stays: bool) -> None:
    without_coin(book, name_stays=name_stays)
    sync(book, LATER, range(1, 6))
    assert headers(book).count("Seen") == 1
    sync(book, LATER, [6])
    assert [row[6] for row in grid(book)[2:]].count("") == 1  # the new row has no such value


def test_a_new_column_may_be_deleted_too(book: Path) -> None:
    sync(book, LATER, range(1, 6))
    drop = re.compile(rb'<definedName name="cqs\.Signals\.ask"[^>]*>[^<]*</definedName>')
    with_parts(book, {"xl/workbook.xml": lambda xml: drop.sub(b"", xml)})
    assert planned(book, LATER, range(1, 6))[1].new_columns == ()


def test_columns_of_the_users_own_stay_where_they_are(book: Path) -> None:
    def add_a_column(found: Worksheet) -> None:
        found["J2"], found["J3"] = "My view", "bullish"
        (table,) = found.tables.values()
        table.ref = table.autoFilter.ref = "A2:J7"
        table.tableColumns.append(TableColumn(id=10, name="My view"))

    edit(book, add_a_column)
    sync(book, LATER, range(1, 6))
    assert headers(book) == [*(each.header for each in SIGNALS_TAB.columns), "My view", *NEW]
    assert sheet(book)["J3"].value == "bullish"
    assert sheet(book)["L3"].value == "=K3*3+D3"
    assert_sound(book.read_bytes())


def test_a_header_that_the_user_has_already_is_told_apart(book: Path) -> None:
    def rename(found: Worksheet) -> None:
        found.cell(2, at(found, "Memo")).value = "Ask"
        (table,) = found.tables.values()
        table.tableColumns[-1].name = "Ask"

    edit(book, rename)
    sync(book, LATER, range(1, 6))
    assert headers(book)[-4:] == ["Ask", "Ask 2", "Triple", "Take?"]
    assert_sound(book.read_bytes())


def test_where_something_stands_beside_the_table_columns_are_left_out_and_told(book: Path) -> None:
    edit(book, lambda found: found.cell(5, 11, "my own notes"))
    applied = sync(book, LATER, range(1, 6))
    assert any("Ask, Triple, Take?" in warning for warning in applied.warnings)
    assert sheet(book).cell(5, 11).value == "my own notes"
    assert "Ask" not in headers(book)
    edit(book, lambda found: found.delete_cols(11))
    sync(book, LATER, range(1, 6))
    assert headers(book)[-3:] == NEW


def test_a_tab_whose_table_was_made_a_plain_range_gets_them_right_of_all_that_is_used(book: Path) -> None:
    def to_range(found: Worksheet) -> None:
        found.tables.clear()
        found["M5"] = "mine"

    edit(book, to_range)
    sync(book, LATER, range(1, 6))
    found = sheet(book)
    assert [found.cell(2, column).value for column in (14, 15, 16)] == NEW
    assert found["N7"].value == 94325
    assert found["M5"].value == "mine"


def test_a_tab_moved_down_and_over_is_found_and_extended_where_it_is(book: Path) -> None:
    def move(found: Worksheet) -> None:
        found.move_range("A1:I7", rows=3, cols=2)
        (table,) = found.tables.values()
        table.ref = table.autoFilter.ref = "C5:K10"
        assert found.parent is not None
        for name, each in found.parent.defined_names.items():
            if name.startswith("cqs.Signals."):
                letter = each.attr_text[-3]
                each.attr_text = f"Signals!${chr(ord(letter) + 2)}$5"

    edit(book, move)
    sync(book, LATER, range(1, 6))
    found = sheet(book)
    assert [found.cell(5, column).value for column in (12, 13, 14)] == NEW
    assert found["L6"].value == 94325
    assert found["M10"].value == "=L10*3+F10"
    assert found["L4"].value == "ENTRY"
    assert found["L5"].comment is not None
    assert_sound(book.read_bytes())


def test_new_settings_are_appended_and_written(book: Path) -> None:
    sync(book, LATER, range(1, 6))
    opened = openpyxl.load_workbook(book)
    for name, value in (("Fee", 0.1), ("Count", 5)):
        [(title, cell)] = opened.defined_names[name].destinations
        found = opened[title][cell.replace("$", "")]
        assert found.value == value
        assert found.row > 10
    validations = opened["Settings"].data_validations.dataValidation
    fee = opened.defined_names["Fee"].attr_text.split("!")[1].replace("$", "")
    assert [str(each.sqref) for each in validations] == [fee]
    assert planned(book, LATER, range(1, 6))[1].empty


def test_a_new_setting_whose_name_is_taken_is_left_out_and_told(book: Path) -> None:
    taken = b'<definedName name="Fee">Settings!$A$1</definedName></definedNames>'
    with_parts(book, {"xl/workbook.xml": lambda xml: xml.replace(b"</definedNames>", taken)})
    applied = sync(book, LATER, range(1, 6))
    assert any("new setting Fee" in warning for warning in applied.warnings)
    opened = openpyxl.load_workbook(book)
    assert opened.defined_names["Fee"].attr_text == "Settings!$A$1"
    assert "Count" in opened.defined_names


def test_a_settings_tab_that_the_user_deleted_stays_away(book: Path) -> None:
    opened = openpyxl.load_workbook(book)
    del opened["Settings"]
    for name in [
        name for name, each in opened.defined_names.items() if "Settings!" in (each.attr_text or "")
    ]:
        del opened.defined_names[name]
    opened.save(book)
    sync(book, LATER, range(1, 6))
    assert openpyxl.load_workbook(book).sheetnames == ["Signals"]


NOTES = TableTab(
    name="Notes",
    key="what",
    fed=False,
    columns=(column("what", kind=ColumnKind.INPUT), column("why", kind=ColumnKind.INPUT)),
)


def test_a_tab_that_a_template_gained_is_made_once(book: Path) -> None:
    later = replace(TEMPLATE, tabs=(*TEMPLATE.tabs, NOTES))
    sync(book, later, range(1, 6))
    opened = openpyxl.load_workbook(book)
    assert opened.sheetnames == ["Signals", "Settings", "Notes"]
    del opened["Notes"]
    for name in [name for name in opened.defined_names if name.startswith("cqs.Notes.")]:
        del opened.defined_names[name]
    opened.save(book)
    sync(book, later, [6])
    assert openpyxl.load_workbook(book).sheetnames == ["Signals", "Settings"]


def test_a_tab_of_the_users_gets_columns_and_formulas_in_all_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "notes.xlsx"
    sync(path, replace(TEMPLATE, tabs=(*TEMPLATE.tabs, NOTES)), range(1, 3))
    edit(path, lambda found: found.cell(3, 1, "typed"), "Notes")
    length = column("length", "", CellType.NUMBER, kind=ColumnKind.FORMULA, formula="=LEN({what})")
    grown = replace(NOTES, columns=(*NOTES.columns, length))
    sync(path, replace(TEMPLATE, tabs=(*TEMPLATE.tabs, grown)), range(1, 3))
    found = sheet(path, "Notes")
    assert (found["A3"].value, found["C2"].value, found["C3"].value) == ("typed", "Length", "=LEN(A3)")


def test_a_sheet_made_by_hand_gets_no_columns_ever(tmp_path: Path) -> None:
    path = signals_book(tmp_path / "mine.xlsx")
    with_parts(path, {"xl/workbook.xml": lambda xml: re.sub(rb"<definedNames>.*</definedNames>", b"", xml)})
    before = headers(path)
    sync(path, TEMPLATE, [9])
    sync(path, LATER, [10])
    assert headers(path) == before


def test_a_plain_template_grows_plainly(tmp_path: Path) -> None:
    path = tmp_path / "raw.xlsx"
    plain = replace(SIGNALS_TAB, plain=True)
    sync(path, replace(TEMPLATE, tabs=(plain,)), range(1, 4))
    sync(path, replace(TEMPLATE, tabs=(replace(LATER_TAB, plain=True),)), range(1, 4))
    assert grid(path)[0][-3:] == NEW
    assert [row[9] for row in grid(path)[1:]] == [94325] * 3


def test_a_formula_that_needs_a_deleted_column_is_left_empty_and_told(book: Path) -> None:
    drop = re.compile(rb'<definedName name="cqs\.Signals\.stop"[^>]*>[^<]*</definedName>')
    with_parts(book, {"xl/workbook.xml": lambda xml: drop.sub(b"", xml)})
    applied = sync(book, LATER, range(1, 6))
    assert any("Triple was left empty" in warning for warning in applied.warnings)
    assert sheet(book)["K3"].value is None


def test_a_tab_continued_in_another_is_extended_in_both(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqs_sheets.destinations.excel.read.scan.MAX_ROW", 8)
    sync(book, TEMPLATE, range(6, 10))
    monkeypatch.undo()
    sync(book, LATER, range(1, 10))
    opened = openpyxl.load_workbook(book)
    for title in ("Signals", "Signals 2"):
        found = opened[title]
        assert [cell.value for cell in found[2]][-3:] == NEW
        assert {found.cell(row, 10).value for row in range(3, found.max_row + 1)} == {94325}
    assert_sound(book.read_bytes())


def test_the_grown_workbook_is_sound(book: Path) -> None:
    sync(book, LATER, range(1, 6))
    sync(book, LATER, [6, 7])
    assert_sound(book.read_bytes())
    if validator := os.environ.get("OOXML_VALIDATOR"):
        done = subprocess.run([validator, str(book)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_notes_are_made_where_a_sheet_had_none(book: Path) -> None:
    assert not [name for name in parts(book) if "comments" in name]
    sync(book, LATER, range(1, 6))
    shapes = next(xml for name, xml in parts(book).items() if name.endswith(".vml"))
    assert re.findall(rb"<\w+:(Row|Column)>(\d+)<", shapes) == [(b"Row", b"1"), (b"Column", b"9")]


def test_the_first_new_column_is_titled_with_its_group_wherever_its_neighbours_belong(book: Path) -> None:
    grouped = [replace(each, group="ENTRY") for each in SIGNALS_TAB.columns]
    tab = replace(LATER_TAB, columns=(*grouped, *GAINED))
    sync(book, replace(TEMPLATE, tabs=(tab, SETTINGS_TAB)), range(1, 6))
    assert sheet(book)["J1"].value == "ENTRY"
