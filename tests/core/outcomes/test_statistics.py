"""What many outcomes say: checked against the formulas written out once more, in floating point."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.outcomes.judge import Leg, Outcome
from cqs_sheets.core.outcomes.statistics import (
    EXCLUDED,
    Summary,
    discoveries,
    equity,
    student,
    track_record,
)
from tests.core.outcomes.trading import NOON, signal

DAY = timedelta(days=1)
LATER = NOON + 400 * DAY


def outcome(r: object = None, *, day: int = 0, word: str | None = "", **changes: Any) -> Outcome:
    """A signal of that day that made so many R, of a horizon of a week, long ago."""
    clock = changes.pop("clock", NOON + day * DAY)
    of_signal = {
        name: changes.pop(name) for name in ("type", "exchange", "coin", "risk_level") if name in changes
    }
    made = None if r is None else Decimal(str(r))
    word = word if word != "" else ("won" if (made or 0) > 0 else "stopped")
    leg = Leg(at=changes.pop("closed", clock), price=Decimal(1), share=Decimal(1), why="stop")
    given = {
        "clock": clock, "ends": clock + 7 * DAY, "targets": 3, "targets_hit": int((made or 0) > 0),
        "legs": () if made is None else (leg,),
        "r_gross": made, "r_net": made, "ambiguous": False, "as_of": LATER,
    }  # fmt: skip
    return Outcome(signal=signal(**of_signal), outcome=word, **(given | changes))


def whole(outcomes: list[Outcome]) -> Summary:
    return track_record(outcomes)[0]


def near(number: float) -> Any:
    return pytest.approx(Decimal(number), abs=Decimal("2e-8"))


def test_expectancy_profit_factor_and_drawdown() -> None:
    found = whole([outcome(r, day=day) for day, r in enumerate(("2", "-1", "-1", "0.5", "-1", "3"))])
    assert (found.signals, found.entered) == (6, 6)
    assert found.expectancy_r == Decimal("0.41666667")
    assert found.profit_factor == Decimal("1.83333333")
    assert found.max_drawdown_r == Decimal("2.5")  # from 2 down to -0.5
    assert found.hits[0].share == Decimal("0.5")


def test_without_a_loss_there_is_no_profit_factor() -> None:
    assert whole([outcome(1)]).profit_factor is None
    assert whole([outcome(1)]).max_drawdown_r == 0


def test_the_equity_curve_goes_by_the_time_of_closing() -> None:
    first = outcome(2, day=0, closed=NOON + 9 * DAY)
    second = outcome(-1, day=1, closed=NOON + 2 * DAY)
    assert [total for _, total in equity([first, second])] == [-1, 1]


def test_nothing_at_all_is_told_as_nothing() -> None:
    found = whole([])
    assert (found.signals, found.entered, found.expectancy_r, found.max_drawdown_r) == (0, 0, None, None)
    assert set(found.excluded) == set(EXCLUDED)


def test_signals_whose_horizon_is_not_over_are_counted_apart_however_early_they_finished() -> None:
    # a stop lies nearer than a horizon: on the first day only losers have finished
    young = [outcome(-1, ends=NOON + 7 * DAY, as_of=NOON + DAY) for _ in range(5)]
    found = whole(young)
    assert (found.signals, found.entered, found.excluded["too_young"]) == (5, 0, 5)
    assert found.expectancy_r is None
    old = whole([outcome(-1, ends=NOON + 7 * DAY, as_of=NOON + 7 * DAY)])
    assert (old.entered, old.expectancy_r) == (1, Decimal(-1))


def test_the_end_of_its_own_market_counts() -> None:
    # this market's candles end early: its open trades are not over, so its finished ones may not count either
    found = whole([outcome(-1, as_of=NOON + DAY), outcome(1, as_of=LATER)])
    assert (found.entered, found.excluded["too_young"]) == (1, 1)


def test_what_is_neither_win_nor_loss_is_counted_and_shown() -> None:
    words = ("missed", "invalidated", "unfilled", "touched", "unknown")
    found = whole([outcome(word=word) for word in words] + [outcome(word=None), outcome(1, ambiguous=True)])
    assert (found.signals, found.entered) == (7, 1)
    assert dict(found.excluded) == dict.fromkeys(EXCLUDED, 1) | {"too_young": 0}


def test_an_ambiguous_signal_that_was_missed_by_its_lowest_reading_was_not_entered() -> None:
    found = whole([outcome(0, word="missed", ambiguous=True)])
    assert (found.entered, found.excluded["missed"], found.excluded["ambiguous"]) == (0, 1, 1)


def test_every_unknown_at_minus_one_is_shown_beside() -> None:
    found = whole([outcome(2), outcome(word="unknown")])
    assert (found.expectancy_r, found.if_unknown_lost) == (Decimal(2), Decimal("0.5"))


def test_a_hit_rate_is_of_the_signals_that_have_that_target() -> None:
    found = whole([outcome(1, targets=1, targets_hit=1), outcome(2, targets=2, targets_hit=2), outcome(-1)])
    assert [share.share for share in found.hits] == [Decimal("0.66666667"), Decimal("0.5"), Decimal(0)]


def test_under_ten_days_neither_interval_nor_error_is_told() -> None:
    nine = whole([outcome(1 if day % 2 else -1, day=day % 9) for day in range(200)])
    assert (nine.stderr_r, nine.hits[0].low, nine.hits[0].high) == (None, None, None)
    assert nine.hits[0].share is not None
    ten = whole([outcome(1 if day % 2 else -1, day=day % 10) for day in range(200)])
    assert ten.stderr_r is not None
    assert ten.hits[0].low is not None


def test_where_every_signal_hit_the_days_are_the_sample() -> None:
    found = whole([outcome(1, day=day % 12) for day in range(48)])
    low, high = wilson(1.0, 12)
    assert (found.hits[0].low, found.hits[0].high) == (near(low), near(high))


def test_signals_that_run_for_two_weeks_are_grouped_by_week() -> None:
    days = [outcome(r, day=day, ends=NOON + (day + 14) * DAY) for day, r in enumerate([1, -1] * 35)]
    assert whole(days).clusters == 11  # 70 days, from a Sunday on
    shorter = [outcome(r, day=day, ends=NOON + (day + 13) * DAY) for day, r in enumerate([1, -1] * 35)]
    assert whole(shorter).clusters == 70


results = st.lists(
    st.tuples(st.integers(0, 25), st.sampled_from(("-1", "-0.5", "0.33333333", "1", "2"))),
    min_size=1,
    max_size=60,
)


@given(results)
def test_errors_and_intervals_are_those_of_the_formulas(drawn: list[tuple[int, str]]) -> None:
    found = whole([outcome(r, day=day) for day, r in drawn])
    days = [day for day, _ in drawn]
    numbers = [float(r) for _, r in drawn]
    hits = [float(number > 0) for number in numbers]
    groups = len(set(days))
    if groups < 10:
        assert found.stderr_r is None
        return
    assert found.stderr_r == near(math.sqrt(clustered(numbers, days)))
    share = sum(hits) / len(hits)
    naive = share * (1 - share) / len(hits)
    count = len(hits) / max(1.0, clustered(hits, days) / naive) if naive else groups
    low, high = wilson(share, count)
    assert (found.hits[0].low, found.hits[0].high) == (near(low), near(high))


def clustered(numbers: list[float], days: list[int]) -> float:
    mean = sum(numbers) / len(numbers)
    sums: dict[int, float] = defaultdict(float)
    for number, day in zip(numbers, days, strict=True):
        sums[day] += number - mean
    groups = len(sums)
    return groups / (groups - 1) * sum(one**2 for one in sums.values()) / len(numbers) ** 2


def wilson(share: float, count: float) -> tuple[float, float]:
    z = 1.959963984540054
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def test_slices() -> None:
    found = track_record(
        [
            outcome(1, type="SCALPING", coin="BTC", risk_level=Decimal("3.0")),
            outcome(-1, coin="ETH", exchange="BINANCE", day=10),
        ]
    )
    assert [(one.by, one.value, one.signals) for one in found] == [
        ("all", "all", 2), ("type", "SCALPING", 1), ("type", "SHORT TERM", 1), ("exchange", "binance", 2),
        ("side", "LONG", 2), ("risk_level", "3", 2), ("coin", "BTC", 1), ("coin", "ETH", 1),
        ("month", "2026-05", 1), ("month", "2026-06", 1),
    ]  # fmt: skip


def test_a_claim_needs_thirty_signals_and_stands_against_all_others() -> None:
    good = [outcome(r, day=day, coin="GOOD") for day, r in enumerate([1, 1.5] * 20)]
    few = [outcome(r, day=day, coin="FEW") for day, r in enumerate([1, 1.5] * 14)]
    chance = [outcome(r, day=day, coin="CHANCE") for day, r in enumerate([1, -1.05] * 20)]
    claims = {one.value: one.claim for one in track_record([*good, *few, *chance]) if one.by == "coin"}
    assert claims == {"GOOD": 1, "FEW": 0, "CHANCE": 0}


def test_of_forty_coins_two_look_significant_by_chance() -> None:
    # p-values of nothing but chance are spread evenly: some lie under 5 %, and none is claimed
    assert discoveries({at: (at + 0.5) / 40 for at in range(40)}) == set()


def test_benjamini_and_hochberg() -> None:
    chances = (0.2, 0.001, 0.9, 0.03, 0.044)
    assert discoveries(dict(enumerate(chances))) == {1, 3, 4}
    assert discoveries({}) == set()


@pytest.mark.parametrize(
    ("freedom", "ratio"),
    [(1, 12.7062), (2, 4.30265), (9, 2.26216), (10, 2.22814), (30, 2.04227), (301, 1.96788)],
)
def test_five_per_cent_of_students_t(freedom: int, ratio: float) -> None:
    assert student(ratio, freedom) == pytest.approx(0.05, abs=1e-5)
    assert student(-ratio, freedom) == student(ratio, freedom)


def test_the_clock_gives_the_month() -> None:
    found = track_record([outcome(1, clock=datetime.fromisoformat("2026-01-31T23:59:00Z"))])
    assert found[-1].value == "2026-01"
