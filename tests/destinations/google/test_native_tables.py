"""Google's own tables: one made by the user over our rows grows with them, and a template can ask for one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.core.templates.template import ColumnKind, Template
from cqs_sheets.template_files import load_template
from tests.destinations.google.syncing import row, sync
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import Switches, start
from tests.make import SIGNALS_TAB, TEMPLATE, column

Json = dict[str, Any]

NATIVE = replace(TEMPLATE, tabs=(replace(SIGNALS_TAB, native=True), *TEMPLATE.tabs[1:]))


@pytest.fixture(params=[True, False], ids=["grows by itself", "does not"])
def user(request: pytest.FixtureRequest) -> Iterator[GoogleUser]:
    with start(switches=Switches(tables_grow=request.param)) as sheets:
        made = GoogleUser.on(sheets)
        yield made
        made.http.close()


def tables(user: GoogleUser, title: str = "Signals") -> list[Json]:
    tab = user.sheets.book(user.book).tab(title)
    assert tab
    return tab.listed("tables")


def convert(user: GoogleUser, bottom: int, right: int = 9, left: int = 0, top: int = 1) -> None:
    """ "Convert to table", over the header and the rows below it, as far as `bottom` on the screen."""
    with user.editing() as hand:
        span = {"sheetId": hand.tab("Signals").id, "startRowIndex": top, "endRowIndex": bottom}
        span |= {"startColumnIndex": left, "endColumnIndex": right}
        hand.do({"addTable": {"table": {"name": f"Mine{left or ''}", "range": span}}})


def rows_in(table: Json) -> range:
    return range(table["range"]["startRowIndex"], table["range"]["endRowIndex"])


def test_new_rows_belong_to_a_table_over_our_rows(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    convert(user, bottom=4)
    sync(user, row("1"), row("2", status=Status.CLOSED), row("3"), row("4"))
    (table,) = tables(user)
    assert rows_in(table) == range(1, 6)
    assert table["name"] == "Mine"
    sync(user, row("5"))
    assert rows_in(tables(user)[0]) == range(1, 7)
    assert [str(line["id"]) for line in user.rows()] == ["1", "2", "3", "4", "5"]


def test_so_do_tables_over_some_of_our_columns(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"))
    convert(user, bottom=4, left=1, right=4)
    convert(user, bottom=4, left=5)
    sync(user, row("3"), row("4"))
    assert [rows_in(table) for table in tables(user)] == [range(1, 6), range(1, 6)]


def test_the_first_rows_in_a_table_of_the_users_own_belong_to_it(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.do({"addSheet": {"properties": {"title": "Signals"}}})
        hand.type("Signals!A1", ["ID", "Time", "Coin", "Stop", "Lev", "Status"])
        hand.type("Signals!A2", ["1", "", "BTC"])
    convert(user, bottom=2, right=6, top=0)
    sync(user, row("1"), row("2"), row("3"))
    assert [rows_in(table) for table in tables(user)] == [range(4)]


def test_rows_that_an_earlier_version_left_below_the_table_join_it(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"), row("3"))
    convert(user, bottom=3)
    sync(user, row("4"))
    assert rows_in(tables(user)[0]) == range(1, 6)


def test_rows_that_come_in_at_the_top_belong_to_it(user: GoogleUser) -> None:
    top = replace(TEMPLATE, tabs=(replace(SIGNALS_TAB, new_rows="top"), *TEMPLATE.tabs[1:]))
    sync(user, row("1"), row("2"), template=top)
    convert(user, bottom=4)
    sync(user, row("3"), template=top)
    assert rows_in(tables(user)[0]) == range(1, 5)
    assert str(user.rows()[0]["id"]) == "3"


def test_a_new_column_of_the_template_belongs_to_it(user: GoogleUser) -> None:
    sync(user, row("1"))
    convert(user, bottom=3)
    ask = column("ask", type_=CellType.NUMBER)
    later = replace(
        TEMPLATE, tabs=(replace(SIGNALS_TAB, columns=(*SIGNALS_TAB.columns, ask)), *TEMPLATE.tabs[1:])
    )
    sync(user, row("1", template=later), template=later)
    assert tables(user)[0]["range"]["endColumnIndex"] == 10


def test_another_table_beside_or_below_is_left_as_it_is(user: GoogleUser) -> None:
    sync(user, row("1"))
    with user.editing() as hand:
        sheet = hand.tab("Signals").id
        hand.do({"appendDimension": {"sheetId": sheet, "dimension": "ROWS", "length": 10}})
        hand.type("Signals!A6", ["Note", "More"])
        below = {"sheetId": sheet, "startRowIndex": 5, "endRowIndex": 7}
        below |= {"startColumnIndex": 0, "endColumnIndex": 2}
        hand.do({"addTable": {"table": {"name": "Notes", "range": below}}})
    sync(user, row("2"), row("3"))
    (table,) = tables(user)
    assert rows_in(table) == range(7, 9)
    assert [str(line["id"]) for line in user.rows() if str(line["id"]).isdigit()] == ["1", "2", "3"]


def test_a_native_tab_is_made_as_a_table_with_types(user: GoogleUser) -> None:
    sync(user, row("1"), row("2"), template=NATIVE)
    sync(user, row("3"), template=NATIVE)
    (table,) = tables(user)
    assert table["name"] == "Signals"
    assert rows_in(table) == range(1, 6)  # the header, three rows, the spare one
    types = {each["columnName"]: each.get("columnType") for each in table["columnProperties"]}
    assert types == {
        "ID": None,
        "Time": "DATE_TIME",
        "Coin": "TEXT",
        "Stop": "DOUBLE",
        "Lev": "DOUBLE",
        "Status": "TEXT",
        "Seen": "DATE_TIME",
        "Double": None,
        "Memo": None,
    }
    assert user.sheets.book(user.book).tab("Signals").basic_filter is None  # type: ignore[union-attr]


def test_only_the_users_own_choices_are_a_dropdown() -> None:
    template: Template = load_template("journal")
    for tab in template.fed_tabs:
        kinds = {each.id: each.kind for each in tab.columns if each.choices}
        assert set(kinds.values()) <= {ColumnKind.INPUT}
