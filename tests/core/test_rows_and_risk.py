"""Records as rows: which tab, which values, and the arithmetic of a planned trade."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.plan.rows import Rows, by_column, passes
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.fields import SOURCES, source
from cqs_sheets.core.signals.signal import FeedTable
from tests.make import SIGNALS_TAB, TEMPLATE, column, record, signal, wanted_rows

PRICES = st.decimals(min_value=Decimal("1E-8"), max_value=Decimal(100000), places=8)


def test_times_are_shown_on_the_clocks_of_the_chosen_zone() -> None:
    (row,) = wanted_rows(TEMPLATE, record(), ZoneInfo("Europe/Berlin"))
    assert row.values["time"] == datetime(2026, 5, 24, 14, 0)  # noqa: DTZ001 - a cell's wall time


def test_the_free_scalping_table_never_mixes_with_the_main_one() -> None:
    assert not list(wanted_rows(TEMPLATE, record(table=FeedTable.SCALPING), UTC))
    both = replace(SIGNALS_TAB, tables=frozenset(FeedTable))
    mixed = replace(TEMPLATE, tabs=(both,))
    assert len(list(wanted_rows(mixed, record(table=FeedTable.SCALPING), UTC))) == 1


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, True),
        ({"direction": "long"}, True),
        ({"direction": ["SHORT", "LONG"]}, True),
        ({"direction": "SHORT"}, False),
        ({"max_risk": 3}, True),
        ({"max_risk": 2}, False),
        ({"min_risk": 3, "direction": "LONG"}, True),
        ({"min_risk": 4}, False),
        ({"min_leverage": 1}, False),  # it has none
        ({"risk_level": 3}, True),
    ],
)
def test_a_where_decides_which_signals_come(where: dict[str, object], expected: bool) -> None:
    assert passes(where, record(), UTC) is expected


def test_a_field_the_guide_does_not_name_can_be_a_column() -> None:
    assert source("extra:volume").read(record(extra={"volume": "12"}), UTC) == "12"
    assert source("extra:absent").read(record(), UTC) is None


_PRICED = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask", "leverage")
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "direction": st.sampled_from(["LONG", "SHORT", ""]),
    "exchange": st.sampled_from(["binance", "bybit", "nobody's"]),
    "coin": st.sampled_from(["BTC", "PEPE"]),
    **dict.fromkeys(_PRICED, st.none() | PRICES),
}
EVERYTHING = replace(
    TEMPLATE,
    tabs=(
        replace(SIGNALS_TAB, columns=tuple(column(name, name, each.type) for name, each in SOURCES.items())),
    ),
)


@given(st.lists(st.fixed_dictionaries(_FIELDS), min_size=1, max_size=5))
def test_a_column_at_a_time_shows_what_each_row_does(found: list[dict[str, Any]]) -> None:
    made = Rows(EVERYTHING, UTC)
    rows = [row.values for each in found for row in made.of(record(**each))]
    for some in (rows, [*rows, {"stop_pct": "another's"}]):
        ids = [*rows[0], "absent"]
        assert [*by_column(some, ids)] == [[row.get(id_) for row in some] for id_ in ids]


def test_every_source_reads_the_barest_signal() -> None:
    names = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask", "risk_level")
    absent: dict[str, Any] = dict.fromkeys(names)
    bare = record(direction="", type="", exchange="", currency="", **absent)
    for item in SOURCES.values():
        item.read(bare, UTC)


@given(start=PRICES, end=PRICES, stop=PRICES, target=PRICES, side=st.sampled_from(["LONG", "SHORT"]))
def test_ratios_agree_with_plain_fractions(
    start: Decimal, end: Decimal, stop: Decimal, target: Decimal, side: str
) -> None:
    made = signal(buy_start=start, buy_end=end, stop_loss=stop, target1=target, direction=side)
    entry = (Fraction(start) + Fraction(end)) / 2
    sign = 1 if side == "LONG" else -1
    risked, reward = (entry - Fraction(stop)) * sign, (Fraction(target) - entry) * sign
    ratio, distance = risk.reward_to_risk(made, target), risk.stop_share(made)
    assert (distance is None) == (risked <= 0)
    assert (ratio is None) == (risked <= 0 or reward <= 0)
    if distance is not None:
        assert abs(Fraction(distance) / (risked / entry) - 1) < Fraction(1, 10**10)
    if ratio is not None:
        assert abs(Fraction(ratio) / (reward / risked) - 1) < Fraction(1, 10**10)


@pytest.mark.parametrize("missing", ["stop_loss", "target1"])
def test_a_missing_price_gives_no_ratio(missing: str) -> None:
    absent: dict[str, Any] = {missing: None}
    made = signal(**absent)
    assert risk.reward_to_risk(made, made.target1) is None


def test_a_zone_sent_the_wrong_way_round_is_the_same_zone() -> None:
    low, high = Decimal(94250), Decimal(94400)
    assert risk.entry_zone(signal(buy_start=high, buy_end=low)) == (low, high)
