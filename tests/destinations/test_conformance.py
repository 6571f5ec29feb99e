"""What every kind of target must do alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.core.cells import CellType, CellValue, key_text, same
from cqs_sheets.core.plan.binding import bind
from cqs_sheets.core.plan.facts import Choices, Where, top
from cqs_sheets.core.plan.plan import Plan
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.core.templates.template import Template
from cqs_sheets.errors import TargetChanged
from cqs_sheets.run.looking import look, read_target
from tests.destinations.google.user import GoogleUser
from tests.destinations.users import USERS, User
from tests.make import SIGNALS_TAB, TEMPLATE, column, record, wanted_rows

FILES = [
    name for name in USERS if name != "google"
]  # a sheet is written while people edit it: google/test_races.py
NOW = datetime(2026, 5, 24, 12, 5)  # noqa: DTZ001 - a cell's wall time


@pytest.fixture(params=USERS, ids=str)
def user(request: pytest.FixtureRequest, tmp_path: Path) -> User:
    made = USERS[request.param](tmp_path)
    if isinstance(made, GoogleUser):
        request.addfinalizer(made.close)  # noqa: PT021 - the others have nothing to close
    return made


ASK = column("ask", type_=CellType.NUMBER)
LATER = replace(
    TEMPLATE, tabs=(replace(SIGNALS_TAB, columns=(*SIGNALS_TAB.columns, ASK)), *TEMPLATE.tabs[1:])
)


def row(
    id_: str,
    *,
    added: int | None = None,
    template: Template = TEMPLATE,
    fill_only: bool = False,
    **changes: Any,
) -> WantedRow:
    (made,) = wanted_rows(template, record(id_, **changes), UTC, added=added, fill_only=fill_only)
    return made


def planned(
    user: User, rows: Iterable[WantedRow], *, restore: bool = False, template: Template = TEMPLATE
) -> Plan:
    wanted = list(rows)
    table = read_target(user.destination, template, {"Signals": {row.key for row in wanted}})
    settings: dict[str, CellValue] = {"Last_sync": NOW, "Feed_status": "ok"}
    return make_plan(wanted, table, sequence=(table.sequence or 0) + 1, settings=settings,
        choices=Choices(restore=restore),
    )  # fmt: skip


def sync(user: User, *rows: WantedRow, restore: bool = False, template: Template = TEMPLATE) -> Plan:
    plan = planned(user, rows, restore=restore, template=template)
    if not plan.empty:
        user.destination.apply(plan)
    return plan


def test_a_target_that_is_not_there_is_made(user: User) -> None:
    assert not user.destination.stamp("").exists
    sync(user, row("1"), row("2"))
    assert [str(line["id"]) for line in user.rows()] == ["1", "2"]
    assert user.setting("Last_sync") == NOW


def test_an_empty_target_is_made_too_and_filled_later(user: User) -> None:
    sync(user)
    assert user.rows() == []
    sync(user, row("1"))
    assert len(user.rows()) == 1


def test_newest_first_is_the_users_word_and_a_sheet_in_the_other_order_is_told(user: User) -> None:
    top_down = TEMPLATE.newest_first()
    sync(user, row("1"), row("2"), template=top_down)
    told = sync(user, row("3"), template=top_down).warnings
    assert [str(line["id"]) for line in user.rows()] == ["3", "2", "1"]
    assert not told
    assert any("sort these by Time" in warning for warning in sync(user, row("4")).warnings)
    assert str(user.rows()[-1]["id"]) == "4"
    assert not sync(user, row("5")).warnings


def test_values_arrive_as_they_were_meant(user: User) -> None:
    sync(user, row("1", coin="=1+1", stop_loss=Decimal("0.00000065"), leverage=Decimal(20)))
    (line,) = user.rows()
    assert line["coin"] == "=1+1"
    assert line["stop"] == Decimal("0.00000065")
    assert line["lev"] == 20
    assert line["time"] == datetime(2026, 5, 24, 12, 0)  # noqa: DTZ001


@pytest.mark.parametrize(
    "text",
    [
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "7e30",
        "1/2",
        "TRUE",
        "  padded  ",
        "a\nb",
        "<&>\"'",
        "币安人生",
        "\x01",
    ],
)
def test_text_stays_the_text_it_is(user: User, text: str) -> None:
    sync(user, row("1", coin=text))
    held = (
        read_target(user.destination, TEMPLATE, {"Signals": {"1"}}).tabs["Signals"].rows["1"].values["coin"]
    )
    assert same(text, held)
    assert planned(user, [row("1", coin=text)]).empty


def test_ids_that_are_no_numbers_are_found_again(user: User) -> None:
    ids = ["007", "1e5", "abc-9", "12345678901234567890", "15"]
    rows = [row(id_) for id_ in ids]
    sync(user, *rows)
    assert [str(line["id"]) for line in user.rows()] == ids
    assert planned(user, rows).empty


def test_what_was_applied_needs_no_second_plan(user: User) -> None:
    rows = [row(str(number)) for number in range(1, 40)]
    sync(user, *rows)
    assert planned(user, rows).empty
    assert [add.key for add in planned(user, [*rows, row("40")]).adds] == ["40"]


def test_only_the_changed_cell_changes(user: User) -> None:
    sync(user, row("1"), row("2"))
    before = user.rows()
    sync(user, row("1"), row("2", stop_loss=Decimal(93000)))
    after = user.rows()
    assert after[0] == before[0]
    assert after[1] == {**before[1], "stop": Decimal(93000)}


def test_a_value_can_become_blank_and_come_back(user: User) -> None:
    sync(user, row("1"))
    sync(user, row("1", stop_loss=None))
    assert user.rows()[0]["stop"] is None
    sync(user, row("1"))
    assert user.rows()[0]["stop"] == Decimal(93100)


def test_the_users_column_survives_every_sync(user: User) -> None:
    sync(user, row("1"), row("2"))
    user.type_memo("2", "my own words")
    sync(user, row("1", status=Status.CLOSED), row("2", status=Status.CLOSED), row("3"))
    assert [line.get("memo") for line in user.rows()] == [None, "my own words", None]


def test_rows_are_found_wherever_the_user_sorted_them(user: User) -> None:
    sync(user, row("1"), row("2"), row("3"))
    user.reverse_rows()
    sync(user, row("1", coin="ETH"))
    assert [(str(line["id"]), line["coin"]) for line in user.rows()] == [
        ("3", "BTC"),
        ("2", "BTC"),
        ("1", "ETH"),
    ]


def test_new_rows_come_after_the_last(user: User) -> None:
    sync(user, row("1"), row("2"))
    user.reverse_rows()
    sync(user, row("3"))
    assert [str(line["id"]) for line in user.rows()] == ["2", "1", "3"]


def test_a_deleted_row_stays_deleted_until_restored(user: User) -> None:
    sync(user, row("1"), row("2"))
    user.delete_row("1")
    assert sync(user, row("1", added=1), row("2", added=1)).left_deleted == 1
    assert [str(line["id"]) for line in user.rows()] == ["2"]
    sync(user, row("1", added=1), row("2", added=1), restore=True)
    assert sorted(str(line["id"]) for line in user.rows()) == ["1", "2"]


LONG = "1234567890123456789"
SURE: Mapping[str, tuple[str, str | float]] = {
    "padded": ("5003", "  5003 "),
    "no-break spaces": ("5003", "\u00a05003\u00a0"),
    "zero-width": ("5003", "\u200b5003\ufeff"),
    "zero-width in a text": ("AB-4", "AB\u200b-4"),
    "a decimal point": ("5003", "5003.0"),
    "an apostrophe": ("5003", "'5003"),
    "an apostrophe before zeros": ("007", "'007"),
    "grouped": ("5006", "5,006"),
    "grouped by spaces": ("1005006", "1\u202f005\u202f006"),
    "grouped, with decimals": ("1005006", "1,005,006.00"),
    "decimals behind a comma": ("5003", "5003,0"),
    "quoted": ("5003", '"5003"'),
    "a slanted apostrophe": ("5003", "\u20185003"),
    "wide digits": ("5003", "\uff15\uff10\uff10\uff13"),
    "marks of direction": ("5003", "\u202a5003\u202c"),
    "an exponent": ("5003", "5.003E+03"),
    "a number of 17 digits": (LONG, float(LONG)),
    "a number of 15 digits": (LONG, 1234567890123450000.0),
    "the text of such a number": (LONG, "1.23456789012345E+18"),
}
UNSURE: Mapping[str, tuple[str, str | float]] = {
    "an exponent that lost digits": ("5003", "5.00E+03"),
    "a long id with few digits": (LONG, "1.23457E+18"),
    "a point that groups, or not": ("5006", "5.006"),
    "zeros in front of a number": ("5003", "0005003"),
    "a sign before it": ("5003", "#5003"),
    "brackets around it": ("5003", "(5003)"),
    "the number of such a text": ("5006", 5.006),
}
OTHERS: Mapping[str, tuple[str, str | float]] = {
    "zeros in front": ("007", 7),
    "an exponent of a coin": ("1e5", 100000),
    "another one": ("7e30", "7E+31"),
}


@pytest.mark.parametrize(("key", "typed"), SURE.values(), ids=SURE)
def test_an_id_that_was_written_anew_is_still_that_row(user: User, key: str, typed: str | float) -> None:
    sync(user, row("1"), row(key), row("9"))
    user.retype_key(key, typed)
    before = user.rows()
    plan = sync(user, row("1", added=1), row(key, added=1, coin="ETH"), row("9", added=1), row("10"))
    assert [add.key for add in plan.adds] == ["10"]
    assert plan.left_deleted == 0
    told = [line for line in plan.warnings if key in line]
    assert told == [] if key_text(typed if isinstance(typed, str) else None) == key else "row" in told[0]
    after = user.rows()
    assert after[:3] == [before[0], {**before[1], "coin": "ETH"}, before[2]]
    assert str(after[3]["id"]) == "10"
    assert planned(user, [row(key, added=1, coin="ETH"), row("10", added=2)]).empty


@pytest.mark.parametrize(("key", "typed"), UNSURE.values(), ids=UNSURE)
@pytest.mark.parametrize("added", [None, 1])
def test_what_may_be_a_row_is_told_and_nothing_else(
    user: User, key: str, typed: str | float, added: int | None
) -> None:
    sync(user, row("1"), row(key))
    user.retype_key(key, typed)
    before = user.rows()
    plan = sync(user, row("1", added=1), row(key, added=added, coin="ETH"))
    assert (plan.adds, plan.updates, plan.left_deleted) == ((), (), 0)
    assert any(f"id {key} is not written: row" in line and "--restore" in line for line in plan.warnings)
    assert user.rows() == before


@pytest.mark.parametrize(("key", "typed"), OTHERS.values(), ids=OTHERS)
def test_what_only_looks_like_an_id_is_another(user: User, key: str, typed: str | float) -> None:
    sync(user, row("1"), row(key))
    user.retype_key(key, typed)
    plan = sync(user, row("1", added=1), row(key, added=1), row("12"))
    assert ([add.key for add in plan.adds], plan.left_deleted) == (["12"], 1)


def test_two_cells_that_may_be_one_id_are_told(user: User) -> None:
    sync(user, row("1"), row("5003"), row("9"))
    user.retype_key("9", "'5003")
    user.retype_key("5003", "5003.0")
    plan = sync(user, row("5003", coin="ETH"))
    assert (plan.adds, plan.updates) == ((), ())
    assert any("id 5003 is not written: rows" in line for line in plan.warnings)


def test_one_cell_that_may_be_two_ids_is_told(user: User) -> None:
    sync(user, row("1"), row(LONG))
    user.retype_key(LONG, float(LONG))
    plan = sync(user, row(LONG, coin="ETH"), row("1234567890123456790"))
    assert (plan.adds, plan.updates) == ((), ())
    assert sum("is not written" in line for line in plan.warnings) == 2


def test_the_exact_id_comes_first(user: User) -> None:
    sync(user, row("5003"), row("9"))
    user.retype_key("9", "5,003")
    sync(user, row("5003", coin="ETH"))
    assert [line["coin"] for line in user.rows()] == ["ETH", "BTC"]


def open_keys(user: User) -> Mapping[str, Collection[str]]:
    facts = look(user.destination, TEMPLATE, {}, user.destination.stamp(""))
    return user.destination.keys_where(
        facts, bind(TEMPLATE, facts, {}), {"Signals": Where("status", {"open"})}
    )


def test_open_rows_are_found_wherever_they_stand(user: User) -> None:
    sync(user, row("1"), row("2", status=Status.CLOSED), row("3"), row("AB-4"), row("5", status=Status.AGED))
    assert open_keys(user) == {"Signals": {"1", "3", "AB-4"}}
    user.reverse_rows()
    user.delete_row("3")
    assert open_keys(user) == {"Signals": {"1", "AB-4"}}
    table = read_target(user.destination, TEMPLATE, {"Signals": {"AB-4"}})  # it may follow
    assert table.tabs["Signals"].rows["AB-4"].values["status"] == "open"


def test_all_keys_are_found_wherever_they_stand(user: User) -> None:
    sync(user, row("1"), row("2", status=Status.CLOSED), row("AB-4"))
    user.reverse_rows()
    facts = look(user.destination, TEMPLATE, {}, user.destination.stamp(""))
    found = user.destination.all_keys(facts, bind(TEMPLATE, facts, {}))
    assert {tab: set(keys) for tab, keys in found.items()} == {"Signals": {"1", "2", "AB-4"}}
    table = read_target(user.destination, TEMPLATE, found)  # it may follow
    assert table.tabs["Signals"].rows["2"].values["status"] == "closed"


def test_duplicates_are_reported_by_row_and_the_first_is_updated(user: User) -> None:
    sync(user, row("1"), row("2"))
    user.duplicate_row("1")
    plan = sync(user, row("1", coin="ETH"), row("2"))
    assert any("id 1 stands in rows" in warning for warning in plan.warnings)
    assert [line["coin"] for line in user.rows()] == ["ETH", "BTC", "BTC"]


def test_each_write_leaves_its_sequence_number(user: User) -> None:
    sync(user, row("1"))
    restore = user.remember()
    sync(user, row("1"), row("2"))
    assert read_target(user.destination, TEMPLATE, {}).sequence == 2
    restore()
    assert top(user.destination.stamp("").lineage).number == 1
    assert [str(line["id"]) for line in user.rows()] == ["1"]


@pytest.mark.parametrize("user", FILES, indirect=True)
def test_a_target_changed_since_it_was_read_is_not_written(user: User) -> None:
    sync(user, row("1"))
    plan = planned(user, [row("2")])
    user.type_memo("1", "saved in between")
    with pytest.raises(TargetChanged):
        user.destination.apply(plan)
    assert len(user.rows()) == 1
    assert user.rows()[0]["memo"] == "saved in between"


@pytest.mark.parametrize("user", FILES, indirect=True)
def test_the_stamp_knows_its_own_last_write(user: User) -> None:
    applied = user.destination.apply(planned(user, [row("1")]))
    assert user.destination.stamp(applied.version).version == applied.version
    user.type_memo("1", "x")
    assert user.destination.stamp(applied.version).version != applied.version


def grown(user: User, *ids: str) -> Plan:
    """A sync with the template that gained a column."""
    return sync(user, *(row(id_, template=LATER, fill_only=True) for id_ in ids), template=LATER)


def asks(user: User, *ids: str) -> list[CellValue]:
    rows = read_target(user.destination, LATER, {"Signals": set(ids)}).tabs["Signals"].rows
    return [rows[id_].values.get("ask") for id_ in ids]


def test_a_column_that_the_template_gained_is_made_and_filled(user: User) -> None:
    sync(user, row("1"), row("2"))
    user.type_memo("2", "mine")
    before = user.rows()
    plan = grown(user, "1", "2")
    assert [new.column for new in plan.new_columns] == ["ask"]
    assert asks(user, "1", "2") == [Decimal(94325)] * 2
    assert [{id_: value for id_, value in line.items() if id_ != "ask"} for line in user.rows()] == before


def test_a_column_once_made_is_not_made_again(user: User) -> None:
    sync(user, row("1"))
    grown(user, "1")
    assert grown(user, "1").empty
    grown(user, "1", "2")
    assert asks(user, "1", "2") == [Decimal(94325)] * 2


def test_a_gained_column_is_found_wherever_rows_were_sorted(user: User) -> None:
    sync(user, row("1"), row("2", ask=Decimal(7)))
    user.reverse_rows()
    sync(user, row("1", template=LATER), row("2", template=LATER, ask=Decimal(7)), template=LATER)
    assert asks(user, "1", "2") == [Decimal(94325), Decimal(7)]
