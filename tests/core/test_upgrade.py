"""What a template gained, told from what a user took away."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.changes import plan_lines
from cqs_sheets.core.plan.binding import Binding, Bindings, How
from cqs_sheets.core.plan.facts import Made
from cqs_sheets.core.plan.plan import (
    USERS_OWN,
    NewColumn,
    NewTab,
    Plan,
    TabState,
    made_after,
    parts,
    record_from,
    record_text,
    shape,
)
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.templates.template import Template
from tests.make import SETTINGS_TAB, SIGNALS_TAB, TEMPLATE, column, record, table_of, wanted_rows

IDS = [each.id for each in SIGNALS_TAB.columns]
ALL = {tab.name: parts(tab) for tab in TEMPLATE.tabs}
ADOPTED = Bindings(
    template=TEMPLATE,
    tabs={"Signals": (Binding(sheet="x", title="Signals", header_row=1, columns={"id": 1}, how=How.TITLE),)},
)


def plan(made: Made | None, template: Template = TEMPLATE) -> Plan:
    table = table_of(
        exists=True, sequence=3, tabs={"Signals": TabState(name="Signals")}, made=made,
        bindings=Bindings(template=template),
    )  # fmt: skip
    return make_plan((), table, sequence=4, settings={})


def test_what_was_made_before_is_not_new() -> None:
    made = plan(ALL)
    assert made.empty
    assert (made.new_tabs, made.new_columns) == ((), ())


def test_a_column_and_a_setting_never_made_are_new_in_the_templates_order() -> None:
    made = plan({"Signals": ALL["Signals"] - {"lev", "coin"}, "Settings": ALL["Settings"] - {"Equity"}})
    assert made.new_columns == (
        NewColumn("Signals", "coin"),
        NewColumn("Signals", "lev"),
        NewColumn("Settings", "Equity"),
    )
    assert not made.empty


def test_a_tab_never_made_is_new_as_a_whole() -> None:
    made = plan({"Signals": ALL["Signals"]})
    assert made.new_tabs == (NewTab("Settings", "Settings"),)
    assert made.new_columns == ()


def test_a_tab_made_when_needed_is_not_made_for_being_new() -> None:
    spare = replace(SIGNALS_TAB, name="Scalping", when_needed=True)
    assert plan(ALL, replace(TEMPLATE, tabs=(*TEMPLATE.tabs, spare))).empty


def test_nothing_is_new_in_a_tab_of_the_users_own() -> None:
    assert plan({"Signals": USERS_OWN, "Settings": ALL["Settings"]}).empty


def test_a_workbook_made_by_hand_gets_no_new_tabs() -> None:
    assert plan({"Signals": USERS_OWN}).empty


def test_a_sheet_made_by_hand_is_not_told_settings_it_does_not_have() -> None:
    table = table_of(exists=True, tabs={"Signals": TabState(name="Signals")}, bindings=ADOPTED)
    (wanted,) = wanted_rows(TEMPLATE, record("1"), UTC)
    made = make_plan([wanted], table, sequence=1, settings={"Feed_status": "late"})
    assert len(made.adds) == 1
    assert made.updates == ()


def test_without_a_record_nothing_can_be_said_to_be_new() -> None:
    assert plan(None).empty


@given(st.sets(st.sampled_from(IDS)), st.sets(st.sampled_from(IDS)))
def test_what_was_once_made_is_never_new_again(made: set[str], there: set[str]) -> None:
    record = {"Signals": frozenset(made), "Settings": ALL["Settings"]}
    state = TabState(name="Signals", columns={id_: at for at, id_ in enumerate(there & made, 1)})
    table = table_of(exists=True, sequence=3, tabs={"Signals": state}, made=record)
    first = make_plan((), table, sequence=4, settings={})
    assert {new.column for new in first.new_columns} == {*IDS} - made
    after = made_after(first)
    assert not [*make_plan((), replace(table, made=after), sequence=5, settings={}).new_columns]


def test_what_could_not_be_made_stays_new() -> None:
    upgrade = plan({"Signals": ALL["Signals"] - {"lev", "coin"}, "Settings": ALL["Settings"]})
    record = made_after(upgrade, [NewColumn("Signals", "lev")])
    assert ALL["Signals"] - record["Signals"] == {"lev"}


def test_tabs_that_a_first_write_found_are_the_users_own() -> None:
    table = table_of(exists=True, tabs={"Signals": TabState(name="Signals")}, bindings=ADOPTED)
    first = make_plan((), table, sequence=1, settings={})
    assert made_after(first) == {"Signals": USERS_OWN, "Settings": ALL["Settings"]}


def test_what_a_first_write_did_not_make_is_settled_for_good() -> None:
    first = make_plan((), table_of(exists=True), sequence=1, settings={})
    assert made_after(first) == ALL


def test_a_target_older_than_its_record_counts_as_having_all() -> None:
    older = plan(None)
    assert made_after(older) == ALL


tab_names = st.text(min_size=1, max_size=20)
ids = st.frozensets(st.text(max_size=10), max_size=5)


@given(st.dictionaries(tab_names, ids, max_size=5))
def test_a_record_is_read_back_as_it_was(made: dict[str, frozenset[str]]) -> None:
    assert record_from(record_text(made)) == made


@pytest.mark.parametrize("text", ["", "no json", "[1]", '{"Signals": 5}', "7"])
def test_what_is_no_record_reads_as_none(text: str) -> None:
    assert record_from(text) is None


def changed(columns: Collection[str]) -> Template:
    return replace(TEMPLATE, tabs=(replace(SIGNALS_TAB, columns=tuple(map(column, columns))), SETTINGS_TAB))


def test_the_shape_tells_templates_of_other_columns_apart() -> None:
    assert shape(changed(["id", "coin"])) != shape(changed(["id", "coin", "time"]))
    assert shape(changed(["id", "coin"])) == shape(changed(["coin", "id"]))
    assert shape(replace(TEMPLATE, title="Another")) == shape(TEMPLATE)


def test_a_plan_tells_what_it_will_make() -> None:
    made = plan({"Signals": ALL["Signals"] - {"lev"}})
    assert list(plan_lines(made))[:2] == ["+ tab Settings", "+ column lev of Signals"]
