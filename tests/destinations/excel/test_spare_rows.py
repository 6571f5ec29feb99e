"""A Journal goes on: with few spare rows left, a sync adds more, and touches nothing that is there."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from openpyxl.styles import PatternFill

from cqs_sheets.core.templates.template import ColumnKind, TableTab
from tests.destinations.excel.test_living import TABLES, columns, edit, sheet, sync, type_trades, values
from tests.destinations.excel_create.soundness import assert_sound

JOURNAL = TABLES.tab("Journal")
assert isinstance(JOURNAL, TableTab)
COLUMNS, SPARE = JOURNAL.columns, JOURNAL.spare_rows
LAST = 2 + SPARE
FULL = SPARE - 19  # trades that leave 19 rows: too few


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("spare") / "book.xlsx"
    sync(path, *range(1, 31), template=TABLES)
    return path.read_bytes()


@pytest.fixture
def book(tmp_path: Path, made: bytes) -> Path:
    path = tmp_path / "book.xlsx"
    path.write_bytes(made)
    return path


def reach(path: Path) -> str:
    return str(sheet(openpyxl.load_workbook(path), "Journal").tables["Journal"].ref)


def test_a_journal_with_twenty_rows_left_is_left_alone(book: Path) -> None:
    type_trades(book, FULL - 1)
    before = values(book, "Journal")
    sync(book, 31, template=TABLES)
    assert values(book, "Journal") == before


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory, made: bytes) -> tuple[Path, list[list[object]]]:
    """A workbook whose Journal was nearly full when it was synced, and what stood there before."""
    path = tmp_path_factory.mktemp("grown") / "book.xlsx"
    path.write_bytes(made)
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


def test_nothing_is_added_where_the_user_has_something_below(book: Path) -> None:
    type_trades(book, FULL)
    edit(book, lambda opened: sheet(opened, "Journal").cell(LAST + 5, 3, "my own sum"))
    before = values(book, "Journal")
    sync(book, 31, template=TABLES)
    assert values(book, "Journal") == before
    assert reach(book) == f"A2:AO{LAST}"


def test_it_goes_on_and_on(grown: tuple[Path, list[list[object]]], tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(grown[0].read_bytes())
    type_trades(path, SPARE + FULL)
    sync(path, 32, template=TABLES)
    assert reach(path) == f"A2:AO{LAST + 2 * SPARE}"
