"""The plan: what is wanted against what a target holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.changes import plan_lines
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.core.plan.plan import HeldRow, Plan, Snapshot, TabState, Update
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.signal import Status
from tests.make import SIGNALS_TAB, TEMPLATE, record, table_of, wanted_rows

COLUMNS = {column.id: number for number, column in enumerate(SIGNALS_TAB.columns, start=1)}
SETTINGS = {"Last_sync": datetime(2026, 5, 24, 12, 5), "Feed_status": "ok"}  # noqa: DTZ001 - a cell's wall time


def row(id_: str = "1847291", *, added: int | None = None, **changes: Any) -> WantedRow:
    (made,) = wanted_rows(TEMPLATE, record(id_, **changes), UTC, added=added)
    return made


def table(
    *held: WantedRow, sequence: int | None = 7, columns: Mapping[str, int] = COLUMNS, rows: int = 100
) -> Snapshot:
    state = TabState(
        name="Signals",
        columns=columns,
        rows={h.key: HeldRow(row=n, values=h.values) for n, h in enumerate(held, start=2)},
        row_count=rows,
    )
    settings = TabState(
        name="Settings",
        columns={"value": 3},
        rows={
            "Last_sync": HeldRow(row=5, values={"value": None}),
            "Feed_status": HeldRow(row=6, values={"value": "ok"}),
        },
    )
    return table_of(
        exists=True, sequence=sequence, version="v", tabs={"Signals": state, "Settings": settings}
    )


def plan(*wanted: WantedRow, into: Snapshot, **options: Any) -> Plan:
    return make_plan(wanted, into, sequence=8, settings=options.pop("settings", {}), **options)


def test_a_signal_that_is_not_there_is_added() -> None:
    made = plan(row(), into=table())
    assert made.adds == (row(),)
    assert not made.updates


def test_a_signal_that_stands_there_already_needs_nothing() -> None:
    assert plan(row(), into=table(row())).empty


def test_only_the_cell_that_changed_is_updated() -> None:
    made = plan(row(stop_loss=Decimal(93000)), into=table(row()))
    assert made.updates == (
        Update(tab="Signals", key="1847291", column="stop", old=Decimal(93100), new=Decimal(93000)),
    )


def test_a_deleted_column_is_not_written() -> None:
    columns = {name: at for name, at in COLUMNS.items() if name != "stop"}
    assert plan(row(stop_loss=Decimal(93000)), into=table(row(), columns=columns)).empty


def test_a_target_the_provider_took_back_is_blanked() -> None:
    made = plan(row(stop_loss=None), into=table(row()))
    assert [(change.column, change.new) for change in made.updates] == [("stop", None)]


def test_a_leverage_once_known_is_never_blanked() -> None:
    assert plan(row(leverage=None), into=table(row(leverage=Decimal(10)))).empty


def test_the_first_sight_of_a_signal_is_never_rewritten() -> None:
    earlier = row()
    held = WantedRow(
        tab="Signals", key=earlier.key, signal=earlier.signal, revision=1,
        values={**earlier.values, "seen": datetime(2026, 5, 24, 11, 0)},  # noqa: DTZ001
    )  # fmt: skip
    assert plan(row(), into=table(held)).empty


def test_a_row_the_user_deleted_stays_deleted() -> None:
    made = plan(row(added=3), into=table())
    assert made.empty
    assert made.left_deleted == 1


def test_a_row_the_user_deleted_comes_back_when_asked_for() -> None:
    made = plan(row(added=3), into=table(), choices=Choices(restore=True))
    assert len(made.adds) == 1


def test_rows_of_a_file_that_is_gone_are_written_anew() -> None:
    assert len(plan(row(added=3), into=table_of(exists=False)).adds) == 1


def test_settings_ride_along_with_a_change_but_make_none_by_themselves() -> None:
    assert plan(row(), into=table(row()), settings=SETTINGS).empty
    made = plan(row(stop_loss=Decimal(1)), into=table(row()), settings=SETTINGS)
    assert [(change.tab, change.key) for change in made.updates] == [
        ("Signals", "1847291"),
        ("Settings", "Last_sync"),
    ]


def test_a_heartbeat_refreshes_the_settings_alone() -> None:
    made = plan(row(), into=table(row()), settings=SETTINGS, refresh_settings=True)
    assert [change.key for change in made.updates] == ["Last_sync"]


def test_a_settings_tab_the_user_removed_is_left_removed() -> None:
    held = table(row())
    without = table_of(exists=True, sequence=7, tabs={"Signals": held.tabs["Signals"]})
    assert plan(row(), into=without, settings=SETTINGS, refresh_settings=True).empty


def test_a_plan_that_would_rewrite_much_of_the_sheet_is_refused() -> None:
    held = [row(str(n)) for n in range(1, 41)]
    wanted = [row(str(n), stop_loss=Decimal(1)) for n in range(1, 41)]
    assert plan(*wanted, into=table(*held)).refusals
    assert not plan(*wanted, into=table(*held), choices=Choices(force=True)).refusals


@pytest.mark.parametrize("status", [Status.CLOSED, Status.AGED])
def test_many_signals_ending_at_once_is_no_rewrite(status: Status) -> None:
    held = [row(str(n)) for n in range(1, 41)]
    wanted = [row(str(n), status=status) for n in range(1, 41)]
    made = plan(*wanted, into=table(*held, rows=40))
    assert len(made.updates) == 40
    assert not made.refusals


def test_duplicate_ids_are_named_with_their_rows() -> None:
    held = table(row())
    state = held.tabs["Signals"]
    doubled = TabState(
        name="Signals", columns=COLUMNS, rows=state.rows, duplicates={"1847291": (2, 9)}, row_count=100
    )
    made = plan(row(stop_loss=Decimal(1)), into=table_of(exists=True, sequence=7, tabs={"Signals": doubled}))
    assert any("rows 2, 9" in warning for warning in made.warnings)
    assert len(made.updates) == 1


def test_a_plan_can_be_printed() -> None:
    made = plan(row(stop_loss=Decimal(93000)), row("2"), into=table(row()))
    assert any(line.startswith("+ Signals 2 ") for line in plan_lines(made))
    assert "~ Signals 1847291 Stop: 93100 -> 93000" in list(plan_lines(made))


IDS = st.integers(min_value=1, max_value=30).map(str)
PRICES = st.sampled_from([None, Decimal(1), Decimal("2.50"), Decimal("1E-8")])


@given(st.dictionaries(IDS, PRICES), st.dictionaries(IDS, PRICES), st.booleans())
def test_applying_a_plan_leaves_nothing_to_plan(
    held: dict[str, CellValue], wanted: dict[str, CellValue], restore: bool
) -> None:
    before = table(*(row(key, stop_loss=price) for key, price in held.items()))
    rows = [row(key, stop_loss=price, added=3 if int(key) % 2 else None) for key, price in wanted.items()]
    choices = Choices(restore=restore, force=True)
    made = make_plan(rows, before, sequence=8, settings={}, choices=choices)
    after = _applied(before, made)
    again = make_plan(rows, after, sequence=9, settings={}, choices=choices)
    assert again.empty
    assert again.left_deleted == made.left_deleted
    kept = set(held) - set(wanted)
    assert all(after.tabs["Signals"].rows[key] == before.tabs["Signals"].rows[key] for key in kept)


def _applied(before: Snapshot, made: Plan) -> Snapshot:
    state = before.tabs["Signals"]
    rows = {key: dict(held.values) for key, held in state.rows.items()}
    for change in made.updates:
        rows[change.key][change.column] = change.new
    rows |= {add.key: dict(add.values) for add in made.adds}
    after = TabState(
        name="Signals", columns=COLUMNS, row_count=len(rows),
        rows={key: HeldRow(row=n, values=values) for n, (key, values) in enumerate(rows.items(), start=2)},
    )  # fmt: skip
    return table_of(exists=True, sequence=8, version="w", tabs={"Signals": after})
