"""Hours first, and minutes only where something may have happened: the same results, from far fewer candles."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.outcomes.candles import HOUR, Candles
from cqs_sheets.core.outcomes.judge import Outcome, State, outcome_of, proceed
from cqs_sheets.core.outcomes.keeping import state_from, state_text
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Setup, Story, setup_of
from tests.core.outcomes.trading import MINUTE_0, Row, at, candles, rules, signal, story

HOURS = 8


def market(seed: int) -> list[Row]:
    """Minutes of some hours: a walk of prices, some of them missing."""
    dice = Random(seed)  # noqa: S311 - no secret
    price, rows = 100 + dice.randint(-4, 8), list[Row]()
    for minute in range(HOURS * HOUR):
        opened = price
        price += dice.choice((-1, 0, 0, 0, 1)) * dice.choice((1, 1, 2))
        high, low = max(opened, price) + dice.choice((0, 0, 1)), min(opened, price) - dice.choice((0, 0, 1))
        if dice.random() > 0.03:
            rows.append((minute, opened, high, low, price))
    return rows


def mixed(rows: list[Row], fine: set[int]) -> Candles:
    """The same market by the hour, but for the hours (since noon) that are `fine`."""
    found: list[Row] = []
    for hour in range(HOURS):
        minutes = [row for row in rows if row[0] // HOUR == hour]
        if hour in fine:
            found += minutes
        else:
            high, low = max(row[2] for row in minutes), min(row[3] for row in minutes)
            found.append((hour * HOUR, minutes[0][1], high, low, minutes[-1][4]))
    hours = [MINUTE_0 + hour * HOUR for hour in range(HOURS) if hour not in fine]
    return candles(found, until=HOURS * HOUR, hours=hours)


def judged(told: Story, by: Rules, rows: list[Row]) -> tuple[Outcome, set[int]]:
    """As a run judges that fetches what it needs; and the hours whose minutes it asked for."""
    setup = setup_of(told, by)
    assert isinstance(setup, Setup)
    state, fine = State(needs=setup.clock), set[int]()
    while state.needs is not None:
        fine.add((state.needs - MINUTE_0) // HOUR)
        assert len(fine) <= HOURS
        state = proceed(state_from(state_text(state)), setup, by, mixed(rows, fine))
    return outcome_of(told.signal, setup, by, state), fine


@given(
    st.integers(0, 10**6), st.sampled_from(("LONG", "SHORT")), st.sampled_from(("near", "steps")),
    st.sampled_from(("fixed", "breakeven", "trailing")),
    st.integers(1, HOURS * HOUR) | st.sampled_from(range(HOUR, HOURS * HOUR + 1, HOUR)), st.booleans(),
)  # fmt: skip
def test_the_same_as_from_minutes_alone(
    seed: int, direction: str, entry: str, stop: str, horizon: int, revised: bool
) -> None:
    rows = market(seed)
    side = 1 if direction == "LONG" else -1
    levels = {
        "buy_start": 100, "buy_end": 100 - side * 4, "target1": 100 + side * 6, "target2": 100 + side * 9,
        "target3": 100 + side * 14, "stop_loss": 100 - side * 8,
    }  # fmt: skip
    first = signal(direction, **levels)
    later = signal(direction, **{**levels, "stop_loss": 100 - side * 5})
    told = story(first, (95, later)) if revised else story(first)
    table = {"entry": entry, "stop": stop, "values": "revised" if revised else "first"}
    by = rules(**table, horizon={"SHORT TERM": f"{horizon}m"})
    setup = setup_of(told, by)
    assert isinstance(setup, Setup)
    whole = proceed(State(), setup, by, candles(rows, until=HOURS * HOUR))
    found, _ = judged(told, by, rows)
    assert found == outcome_of(told.signal, setup, by, whole)


def test_an_hour_that_reaches_no_level_is_passed_over() -> None:
    rows: list[Row] = [(minute, 100, 101, 99, 100) for minute in range(HOURS * HOUR)]
    told = story(signal(buy_start=95, buy_end=95, stop_loss=90, target1=110))
    found, fine = judged(told, rules(horizon={"SHORT TERM": "8h"}), rows)
    assert (found.outcome, fine) == ("unfilled", {0})


@pytest.mark.parametrize("horizon", [119, 120, 121, 180])
@pytest.mark.parametrize("quiet", [(), (119,), (118, 119, 120), (178, 179)])
def test_what_the_horizon_ends_is_closed_in_the_last_minute_that_was_traded(
    horizon: int, quiet: tuple[int, ...]
) -> None:
    rows: list[Row] = [
        (minute, 100, 101, 99, 100 + minute % 2) for minute in range(HOURS * HOUR) if minute not in quiet
    ]
    told = story(signal(stop_loss=90, target1=110))
    by = rules(horizon={"SHORT TERM": f"{horizon}m"})
    found, _ = judged(told, by, rows)
    assert found.outcome == "expired"
    assert found.legs[-1].at == at(max(row[0] for row in rows if row[0] < horizon))
    setup = setup_of(told, by)
    assert isinstance(setup, Setup)
    whole = proceed(State(), setup, by, candles(rows, until=HOURS * HOUR))
    assert found == outcome_of(told.signal, setup, by, whole)


@pytest.mark.parametrize(("minute", "needs"), [(0, None), (1, 0), (59, 0), (60, None), (61, 60)])
def test_a_minute_within_an_hour_is_not_guessed(minute: int, needs: int | None) -> None:
    found = mixed([(each, 100, 100, 100, 100) for each in range(HOURS * HOUR)], set())
    around = found.hour_around(MINUTE_0 + minute)
    assert around == (None if needs is None else MINUTE_0 + needs)
