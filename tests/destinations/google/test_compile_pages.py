"""Report pages, the blocks they look at, and the user's own tables, as the first write makes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.templates.template import BlocksTab, ReportTab, TableTab, Template
from cqs_sheets.destinations.google.compile import NewTab, compile_tabs
from cqs_sheets.destinations.google.compile.styles import rectangles, rule_formula
from cqs_sheets.destinations.google.compile.table import new_place
from cqs_sheets.destinations.google.read.layout import column_letters
from cqs_sheets.template_files import built_in, load_template
from tests.destinations.forms_google import carried_out, compiled, compiled_built_in
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import start
from tests.emulators.sheets.model import Spreadsheet
from tests.make import SIGNALS_TAB

ADVISED_BYTES = 2_000_000
JOURNAL, DASHBOARD = load_template("journal"), load_template("dashboard")
TEMPLATES = pytest.mark.parametrize("name", built_in())

_TEXT = re.compile(r'"(?:[^"]|"")*"')
_TAB = re.compile(r"'((?:[^']|'')+)'!")
_NAME = re.compile(r"(?<![\w.$'!])[A-Za-z_][A-Za-z_0-9.]*(?![\w.(!'])")
_CELL = re.compile(r"[A-Z]{1,3}[0-9]+|TRUE|FALSE")


def formulas(book: Spreadsheet) -> Iterator[str]:
    for sheet in book.sheets:
        yield from (cell.formula for _, _, cell in sheet.grid.occupied() if cell.formula)


@cache
def made(name: str) -> Spreadsheet:
    """A spreadsheet with all tabs of a template; to look at."""
    with start() as sheets:
        return carried_out(compiled_built_in(name), sheets)


@TEMPLATES
def test_every_formula_speaks_only_of_tabs_and_names_that_are_there(name: str) -> None:
    book = made(name)
    names = {each["name"] for each in book.named_ranges}
    for formula in formulas(book):
        bare = _TEXT.sub('""', formula)
        assert not set("{}#") & set(bare), formula
        assert {title for title in _TAB.findall(bare) if not book.tab(title)} == set(), formula
        spoken = set(_NAME.findall(_TAB.sub("", bare)))
        assert {each for each in spoken if not _CELL.fullmatch(each)} <= names, formula


@TEMPLATES
def test_tabs_and_names_are_made_before_anything_speaks_of_them(name: str) -> None:
    kinds = [next(iter(request)) for request in compiled_built_in(name)]
    others = [at for at, kind in enumerate(kinds) if kind not in ("addSheet", "addNamedRange")]
    assert kinds[: others[0]] == sorted(kinds[: others[0]], key=("addSheet", "addNamedRange").index)
    assert not {"addSheet", "addNamedRange"} & set(kinds[others[0] :])


def test_the_tabs_stand_in_the_templates_order_and_those_of_blocks_are_hidden() -> None:
    book = made("dashboard")
    assert [sheet.title for sheet in book.sheets[1:]] == [tab.name for tab in DASHBOARD.tabs]
    hidden = [sheet.title for sheet in book.sheets if sheet.properties.get("hidden")]
    assert hidden == ["_calc", "_equity"]


@pytest.mark.parametrize("new_rows", ["top", "bottom"])
def test_rows_that_come_in_below_the_header_are_in_every_range_of_a_page(
    user: GoogleUser, new_rows: str
) -> None:
    tables = [
        replace(tab, new_rows=new_rows, spare_rows=1) for tab in DASHBOARD.tabs if isinstance(tab, TableTab)
    ]
    template = Template(name="page", title="Page", tabs=(*tables, DASHBOARD.tab("_calc")))
    before = ranges_of_signals(carried_out(compiled(template), user.sheets))
    for number in ("1", "2"):
        sync(user, row(number, template=template), template=template)
    book = user.sheets.book(user.book)
    assert ranges_of_signals(book) == before
    assert {first for first, _ in before} == {"2"}
    sheet = book.tab("Signals")
    assert sheet
    assert {sheet.grid.cell(at, 0).value for at in (2, 3)} == {1, 2}


def ranges_of_signals(book: Spreadsheet) -> set[tuple[str, str]]:
    """The first row, and whatever stands for the last, of each range that a page has of Signals."""
    found = (re.findall(r"'Signals'!\$[A-Z]+\$(\d+):\$[A-Z]+(\$\d+)?", formula) for formula in formulas(book))
    return {each for ranges in found for each in ranges}


def test_the_users_own_table_has_formulas_of_the_same_row_in_every_spare_row() -> None:
    journal = DASHBOARD.tab("Journal")
    assert isinstance(journal, TableTab)
    sheet = made("dashboard").tab("Journal")
    assert sheet
    place = new_place(journal, 1, "Journal")
    assert sheet.grid.row_count == place.header_row + 1 + journal.spare_rows
    at, entry = place.columns["status"], column_letters(place.columns["entry"])
    for index in range(place.end, sheet.grid.row_count):
        formula = sheet.grid.cell(index, at).formula
        assert formula
        assert re.findall(rf"\b{entry}\d+\b", formula) == [f"{entry}{index + 1}"]


def test_charts_show_hidden_tabs_and_begin_with_the_header_that_names_them() -> None:
    book = made("dashboard")
    charts = [chart for sheet in book.sheets for chart in sheet.objects.get("charts", [])]
    assert len(charts) == sum(len(tab.charts) for tab in DASHBOARD.tabs if isinstance(tab, ReportTab))
    for chart in charts:
        basic = chart["spec"]["basicChart"]
        assert chart["spec"]["hiddenDimensionStrategy"] == "SHOW_ALL"
        assert basic["headerCount"] == 1
        assert {series["targetAxis"] for series in basic["series"]} == {
            "BOTTOM_AXIS" if basic["chartType"] == "BAR" else "LEFT_AXIS"
        }
        for data in (basic["domains"][0]["domain"], *(series["series"] for series in basic["series"])):
            (cells,) = data["sourceRange"]["sources"]
            assert cells["startRowIndex"] == 1
            assert cells["endRowIndex"] <= book.sheet(cells["sheetId"]).grid.row_count


def test_lines_are_not_stacked_as_google_sheets_cannot(user: GoogleUser) -> None:
    tabs = (stacked(tab) if isinstance(tab, ReportTab) else tab for tab in DASHBOARD.tabs)
    book = carried_out(compiled(replace(DASHBOARD, tabs=tuple(tabs))), user.sheets)
    charts = [chart for sheet in book.sheets for chart in sheet.objects.get("charts", [])]
    basics = [chart["spec"]["basicChart"] for chart in charts]
    assert {basic["chartType"] for basic in basics if "stackedType" not in basic} == {"LINE"}


def stacked(tab: ReportTab) -> ReportTab:
    return replace(tab, charts=tuple(replace(chart, stacked=True) for chart in tab.charts))


def test_references_follow_a_title_that_was_not_free(user: GoogleUser) -> None:
    new = [NewTab(tab=tab, sheet_id=at, title=f"{tab.name} 2") for at, tab in enumerate(DASHBOARD.tabs, 1)]
    requests = compile_tabs(DASHBOARD, new, {}, zone_name="UTC", taken=()).requests
    spoken = {title for text in formulas(carried_out(requests, user.sheets)) for title in _TAB.findall(text)}
    assert spoken == {"Signals 2", "Scalping 2", "Journal 2", "_calc 2", "_equity 2"}


def test_a_page_that_a_template_gained_comes_with_blocks_of_its_own(user: GoogleUser) -> None:
    sync(user, row("1", template=JOURNAL), template=JOURNAL)
    sync(user, row("1", template=DASHBOARD), template=DASHBOARD)
    book = user.sheets.book(user.book)
    page, blocks = book.tab("Dashboard"), book.tab("_equity (CQS)")
    assert page
    assert blocks
    looked_at = json.dumps(page.objects["charts"])
    assert f'"sheetId": {blocks.id}' in looked_at
    assert "#REF!" not in "".join(formulas(book))


def test_cells_whose_column_was_deleted_stay_empty_and_the_user_is_told(user: GoogleUser) -> None:
    pages = BlocksTab | ReportTab
    plain = replace(DASHBOARD, tabs=tuple(tab for tab in DASHBOARD.tabs if not isinstance(tab, pages)))
    sync(user, row("1", template=plain), template=plain)
    with user.editing() as hand:
        at = [column.id for column in DASHBOARD.fed_tabs[0].columns].index("rr")
        hand.delete_columns("Signals", column_letters(at))
    applied = sync(user, row("1", template=DASHBOARD), template=DASHBOARD)
    assert applied
    (warning,) = [each for each in applied.warnings if each.startswith("_calc:")]
    assert "some cells stay empty" in warning
    assert "Signals.rr" in warning
    assert "Signals.time" not in warning
    assert all("#REF!" not in formula for formula in formulas(user.sheets.book(user.book)))


@TEMPLATES
def test_all_tabs_of_a_template_leave_room_for_rows_in_one_request(name: str) -> None:
    size = len(json.dumps(compiled_built_in(name), separators=(",", ":")))
    assert size < ADVISED_BYTES / 2


def test_the_first_write_with_many_rows_is_split_below_what_google_advises(user: GoogleUser) -> None:
    rows = [row(str(number), template=DASHBOARD, coin="C" * 40_000) for number in range(1, 16)]
    sync(user, *rows, template=DASHBOARD)
    writes = [len(json.dumps(exchange.body)) for exchange in user.sheets.exchanges if not exchange.is_read]
    assert len(writes) > 1
    assert max(writes) < ADVISED_BYTES


def test_a_rule_over_a_column_of_another_tab_is_no_rule_of_google_sheets() -> None:
    with pytest.raises(LookupError, match=r"Journal\.r"):
        rule_formula("={stop}>SUM({Journal.r})", new_place(SIGNALS_TAB, 1, "Signals"), [])


def test_a_page_without_the_tab_it_looks_at_has_no_formula_for_it() -> None:
    page = DASHBOARD.tab("Performance")
    blocks = DASHBOARD.tab("_equity")
    new = [NewTab(tab=tab, sheet_id=at, title=tab.name) for at, tab in enumerate((page, blocks), 1)]
    made = compile_tabs(DASHBOARD, new, {}, zone_name="UTC", taken=())
    assert "Journal" not in json.dumps([each for each in made.requests if "updateCells" in each])
    assert len(made.warnings) == 2


@given(st.dictionaries(st.tuples(st.integers(1, 6), st.integers(1, 6)), st.sampled_from("ab")))
def test_rectangles_hold_every_cell_once_among_its_equals(cells: dict[tuple[int, int], str]) -> None:
    held = [((row, at), item) for span, item in rectangles(cells) for row in span.rows for at in span.columns]
    assert sorted(held) == sorted(cells.items())
