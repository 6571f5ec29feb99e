"""The judge sees candles, the oracle every price: what the judge calls certain is never wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.core.outcomes.candles import to_eight_places
from cqs_sheets.core.outcomes.judge import Outcome, State, judge, outcome_of, proceed
from cqs_sheets.core.outcomes.keeping import state_from, state_text
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Setup, setup_of
from tests.core.outcomes.oracle import Plan, Tick, truth_of
from tests.core.outcomes.trading import Row, at, candles, number, rules, signal, story

SPLITS = (None, (0.5, 0.3, 0.2), (0, 0, 1), (1, 0, 0), (0.25, 0.75, 0))
HORIZON = 12
"""Minutes: short, so that trades also end by time."""


@dataclass(frozen=True)
class Trade:
    """A drawn signal, how it is judged, and every price of its market."""

    direction: str
    near: int
    far: int
    stop: int
    targets: tuple[int, ...]
    entry: str
    stops: str
    split: tuple[float, ...] | None
    minutes: tuple[tuple[int, ...], ...]

    def plan(self) -> Plan:
        split = None if self.split is None else tuple(Fraction(str(share)) for share in self.split)
        return Plan(
            long=self.direction == "LONG", near=self.near, far=self.far, stop=self.stop, targets=self.targets,
            entry=self.entry, stops=self.stops, split=split, fee=Fraction(1, 1000), horizon=HORIZON,
        )  # fmt: skip

    def rules(self) -> Rules:
        table: dict[str, Any] = {"entry": self.entry, "stop": self.stops, "fee": 0.001}
        if self.split is not None:
            table["split"] = list(self.split)
        return rules(**table, horizon={"SHORT TERM": f"{HORIZON}m"})

    def signal(self, **changes: Any) -> Any:
        three = (*self.targets, None, None)[:3]
        levels = dict(zip(("target1", "target2", "target3"), three, strict=True))
        levels |= {"buy_start": self.near, "buy_end": self.far, "stop_loss": self.stop}
        return signal(self.direction, **(levels | changes))

    def judged(self, rows: Sequence[Row] | None = None, **changes: Any) -> Outcome:
        market = candles(bars(self.minutes) if rows is None else rows, until=len(self.minutes))
        return judge(story(self.signal(**changes)), self.rules(), market)


def prices(waypoints: Sequence[int]) -> Iterator[int]:
    """Every price of a minute that goes by these ones: none in between is left out."""
    yield waypoints[0]
    for here, there in pairwise(waypoints):
        step = 1 if there > here else -1
        yield from range(here + step, there + step, step)


def ticks(minutes: Sequence[Sequence[int]]) -> list[Tick]:
    return [(price, minute) for minute, waypoints in enumerate(minutes) for price in prices(waypoints)]


def bars(minutes: Sequence[Sequence[int]], width: int = 1) -> list[Row]:
    """Candles of `width` minutes."""
    rows: list[Row] = []
    for first in range(0, len(minutes), width):
        block = [price for minute in minutes[first : first + width] for price in minute]
        rows.append((first, block[0], max(block), min(block), block[-1]))
    return rows


waypoint = st.integers(80, 120)


@st.composite
def trades(draw: st.DrawFn, *, most: int = 16) -> Trade:
    """Signals whose levels lie close to each other, on paths that wander through all of them."""
    direction = draw(st.sampled_from(("LONG", "SHORT")))
    side = 1 if direction == "LONG" else -1
    near, stop = 100, 100 - side * draw(st.integers(1, 9))
    far = near - side * draw(st.sampled_from((0, 2, 4, 6)))
    targets = sorted(draw(st.sets(st.integers(1, 12), min_size=1, max_size=3)))
    minute = st.lists(waypoint, min_size=1, max_size=4).map(tuple)
    return Trade(
        direction, near, far, stop, tuple(near + side * target for target in targets),
        draw(st.sampled_from(("near", "steps"))), draw(st.sampled_from(("fixed", "breakeven", "trailing"))),
        draw(st.sampled_from(SPLITS)), tuple(draw(st.lists(minute, min_size=1, max_size=most))),
    )  # fmt: skip


@given(trades())
def test_certain_results_are_never_wrong_and_ambiguous_ones_enclose_the_truth(trade: Trade) -> None:
    compare(trade)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(20))
def test_twenty_thousand_signals_on_random_walks(seed: int) -> None:
    dice = Random(seed)  # noqa: S311
    ambiguous = sum(compare(walk(dice)).ambiguous or False for _ in range(1000))
    print(f"seed {seed}: {ambiguous / 10:.1f} % ambiguous")  # noqa: T201 - the figure is the point of the run


def compare(trade: Trade) -> Outcome:
    found, truth = trade.judged(), truth_of(trade.plan(), ticks(trade.minutes))
    if found.ambiguous:
        if truth.gross is not None and found.r_worst is not None and found.r_best is not None:
            assert found.r_gross == found.r_worst <= to_eight_places(truth.gross) <= found.r_best
        return found
    assert (found.outcome, found.targets_hit) == (truth.outcome, truth.hits)
    assert found.entered_at == (None if truth.entered is None else at(truth.entered))
    assert [(leg.at, leg.price, leg.share, leg.why) for leg in found.legs if leg.share] == [
        (at(minute), decimal(price), to_eight_places(share), why) for minute, price, share, why in truth.exits
    ]
    if truth.gross is not None and truth.net is not None and truth.outcome != "missed":
        assert (found.r_gross, found.r_net) == (to_eight_places(truth.gross), to_eight_places(truth.net))
        assert found.r_worst == found.r_best == found.r_gross
        assert found.mfe_r is not None
        assert found.mae_r is not None
        assert to_eight_places(truth.worst) <= found.mae_r <= found.mfe_r <= to_eight_places(truth.best)
    return found


def decimal(price: Fraction) -> Decimal:
    """A price to 16 digits."""
    return Context(prec=16).divide(Decimal(price.numerator), Decimal(price.denominator))


def walk(dice: Random) -> Trade:
    """A random walk of some minutes, of sixty seconds each, with a gap now and then."""
    side = dice.choice((1, -1))
    price, minutes = 100 + dice.randint(-6, 12), []
    for _ in range(dice.randint(3, 16)):
        price += dice.choice((0, 0, 0, dice.randint(-8, 8)))
        seconds = [price]
        for _ in range(59):
            seconds.append(seconds[-1] + dice.choice((-1, 0, 1)))
        price = seconds[-1]
        minutes.append(tuple(seconds))
    targets = sorted(dice.sample(range(1, 16), dice.randint(1, 3)))
    return Trade(
        "LONG" if side > 0 else "SHORT", 100, 100 - side * dice.choice((0, 2, 4)),
        100 - side * dice.randint(1, 12), tuple(100 + side * target for target in targets),
        dice.choice(("near", "steps")), dice.choice(("fixed", "breakeven", "trailing")),
        dice.choice(SPLITS), tuple(minutes),
    )  # fmt: skip


# The properties that a definition like this one must have


def worth(found: Outcome) -> tuple[Any, ...]:
    """What does not depend on where prices stand."""
    legs = [(leg.at, leg.share, leg.why) for leg in found.legs]
    return (
        found.outcome, found.targets_hit, found.entered_at, legs, found.ambiguous,
        found.r_gross, found.r_worst, found.r_best, found.mfe_r, found.mae_r,
    )  # fmt: skip


@given(trades())
def test_a_long_mirrored_is_a_short(trade: Trade) -> None:
    mirrored = Trade(
        "SHORT" if trade.direction == "LONG" else "LONG", 200 - trade.near, 200 - trade.far, 200 - trade.stop,
        tuple(200 - target for target in trade.targets), trade.entry, trade.stops, trade.split,
        tuple(tuple(200 - price for price in minute) for minute in trade.minutes),
    )  # fmt: skip
    assert worth(mirrored.judged()) == worth(trade.judged())


@given(trades(), st.sampled_from(("0.00000017", "0.3", "7", "12345.678", "0.0000000000000000000123")))
def test_prices_scaled_by_any_factor_give_the_same_r(trade: Trade, factor: str) -> None:
    scale = number(factor)
    assert scale is not None
    three = dict(zip(("target1", "target2", "target3"), (*trade.targets, None, None)[:3], strict=True))
    levels = {"buy_start": trade.near, "buy_end": trade.far, "stop_loss": trade.stop} | three
    scaled = {name: None if level is None else level * scale for name, level in levels.items()}
    rows = [(row[0], *(price * scale for price in row[1:])) for row in bars(trade.minutes)]
    market = candles(rows, decimals=22, until=len(trade.minutes))
    found = judge(story(trade.signal(**scaled)), trade.rules(), market)
    assert (*worth(found), found.r_net) == (*worth(trade.judged()), trade.judged().r_net)


@given(trades(), st.integers(2, 5))
def test_finer_candles_never_contradict_a_certain_result(trade: Trade, width: int) -> None:
    fixed = Trade(
        **{**vars(trade), "stops": "fixed"}
    )  # a moved stop holds from the next candle: there width counts
    whole = len(trade.minutes) // width * width
    if not whole:
        return
    cut = replace(fixed, minutes=trade.minutes[:whole])
    coarse, fine = cut.judged(bars(cut.minutes, width)), cut.judged()
    if HORIZON % width == 0 and not coarse.ambiguous and coarse.outcome not in ("open", "waiting"):
        assert not fine.ambiguous
        assert (fine.outcome, fine.targets_hit) == (coarse.outcome, coarse.targets_hit)


@given(trades(), st.integers(1, 10))
def test_a_stop_further_away_never_turns_won_into_a_loss(trade: Trade, further: int) -> None:
    away = trade.stop - further if trade.direction == "LONG" else trade.stop + further
    if trade.entry == "near" and trade.judged().outcome == "won" and not trade.judged().ambiguous:
        found = trade.judged(stop_loss=away)
        assert found.outcome == "won"
        assert found.r_gross is not None
        assert found.r_gross > 0


@given(trades(), st.lists(st.integers(1, 16), max_size=3), st.sets(st.integers(0, 15)))
def test_judging_in_several_sittings_gives_what_one_gives(
    trade: Trade, cuts: list[int], missing: set[int]
) -> None:
    told, by = story(trade.signal()), replace(trade.rules(), max_hole=2)
    rows = [row for row in bars(trade.minutes) if row[0] not in missing]
    end = len(trade.minutes)
    setup = setup_of(told, by)
    assert isinstance(setup, Setup)
    state, begin = State(), 0
    for cut in (*sorted(cut for cut in cuts if cut < end), end):
        state = proceed(state, setup, by, candles([row for row in rows if begin <= row[0] < cut], until=cut))
        kept = state_from(state_text(state))
        assert kept == state
        state, begin = kept, cut
    assert outcome_of(told.signal, setup, by, state) == judge(told, by, candles(rows, until=end))
