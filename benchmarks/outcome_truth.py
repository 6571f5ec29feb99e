"""Signals of the sandbox judged on candles that are fetched as they are needed, and by everyone of their seconds.

    python -m benchmarks.outcome_truth [--signals 20000] [--seed 1]

Both sides, all types, entries in one order and in three, three kinds of stops, five ways to share. The real ccxt
fetches over HTTP, hours first. Every result is held against what somebody saw who sat there each second
(tests/market/seconds.py, which shares no code with the judge), and against the judge on all minutes; every
twentieth is judged once more alone. Ends with 1 if a result that is called certain is wrong, if hours and minutes
differ where no pause explains it, or if a signal alone took more than a tenth of its candles.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from cqs_sheets import sandbox
from cqs_sheets.core.outcomes.candles import Candles, to_eight_places
from cqs_sheets.core.outcomes.judge import Outcome, State, judge, outcome_of
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Setup, Story, setup_of
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.core.signals.read_signal import read_signal
from cqs_sheets.core.signals.signal import FeedTable, Signal
from cqs_sheets.market.exchanges import Budget, Exchanges
from cqs_sheets.market.store import CandleStore, Row
from cqs_sheets.run.judging import Case, Judging, Market, market_of
from cqs_sheets.sandbox.prices import EXCHANGES, Exchange, Pair, Prices
from tests.core.outcomes.oracle import Plan, Truth
from tests.market.seconds import Seconds

NOW = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
MINUTE = int(NOW.timestamp()) // 60
OLD = timedelta(days=91)  # every horizon is over
SERVED = {one.code: one for one in EXCHANGES if one.code in ("binance", "binance_futures", "bybit")}
SPLITS = (None, ("0.5", "0.3", "0.2"), ("0", "0", "1"), ("1", "0", "0"), ("0.25", "0.75", "0"))
FEE = Fraction(1, 2000)
FINER = 6000
"""The oracle's units of one tick: a scalp's zone is finer than the grid, and fills are shared by two and three."""
FEWER, ALONE, SHOWN = 10, 20, 20


@dataclass(frozen=True)
class Told:
    """A signal as it was caught, where it trades, and the rules it is judged by."""

    story: Story
    rules: Rules
    setup: Setup
    exchange: Exchange
    pair: Pair
    market: Market
    plan: Plan


def caught(market: sandbox.Market, count: int, dice: Random) -> list[Told]:
    """The latest signals whose time is over, of the exchanges whose candles the sandbox serves."""
    found: list[Told] = []
    until = NOW - OLD
    while len(found) < count:
        since = until - timedelta(days=1)
        published = market.history(since, until)
        dice.shuffle(published)
        for one in published:
            code = str(one.published_fields["exchange"]).lower()
            if code in SERVED and len(found) < count:
                found += filter(None, [_told(one, SERVED[code], dice)])
        until = since
    return found


def _told(one: sandbox.Signal, exchange: Exchange, dice: Random) -> Told | None:
    signal = read_signal(dict(one.published_fields), FeedTable(one.table.value), UTC)
    market = market_of(signal)
    # the sandbox prices SATS and 1000SATS each by itself
    if not isinstance(market, Market) or (signal.coin == "SATS" and exchange.futures):
        return None
    pair = next(
        each for each in exchange.pairs if (each.coin, each.currency) == (signal.coin, signal.currency)
    )
    split = dice.choice(SPLITS)
    rules = Rules(
        entry=dice.choice(("near", "steps")),
        stop=dice.choice(("fixed", "breakeven", "trailing")),
        split=None if split is None else tuple(map(Decimal, split)),
    )
    seen = signal.timestamp + timedelta(seconds=dice.randrange(1, 1200))
    story = Story(first_seen=seen, versions=[(seen, signal)])
    setup = setup_of(story, rules)
    assert isinstance(setup, Setup)
    return Told(story, rules, setup, exchange, pair, market, _plan(signal, pair, rules, setup))


def _plan(signal: Signal, pair: Pair, rules: Rules, setup: Setup) -> Plan:
    """The levels once more, read from the signal by the words of the rules, in units of the oracle."""
    long = signal.direction == "LONG"

    def units(price: Decimal) -> int:
        exact = price * FINER * 10**pair.decimals / pair.tick
        assert exact == int(exact)
        return int(exact)

    bounds = sorted(units(bound) for bound in (signal.buy_start, signal.buy_end) if bound is not None)
    near, far = (bounds[-1], bounds[0]) if long else (bounds[0], bounds[-1])
    sent = [units(price) for price in (signal.target1, signal.target2, signal.target3) if price is not None]
    stop = None if signal.stop_loss is None else units(signal.stop_loss)
    return Plan(
        long=long,
        near=near,
        far=far,
        stop=stop,
        targets=tuple(
            sorted({price for price in sent if (price > near) == long and price != near}, reverse=not long)
        ),
        entry=rules.entry,
        stops=rules.stop,
        split=None if rules.split is None else tuple(map(Fraction, rules.split)),
        fee=FEE,
        horizon=setup.end - setup.clock,
    )


def wrong(found: Outcome, true: Truth, told: Told) -> str:
    """What of a result is not so, "" if it is."""
    if found.ambiguous:
        if true.gross is not None and found.r_worst is not None and found.r_best is not None:
            enclosed = found.r_worst <= to_eight_places(true.gross) <= found.r_best
            return "" if enclosed else f"{true.gross} is not within {found.r_worst} to {found.r_best}"
        return ""
    entered = None if found.entered_at is None else int(found.entered_at.timestamp()) // 60 - told.setup.clock
    legs = [(leg.why, leg.share) for leg in found.legs if leg.share]
    pairs: list[tuple[str, Any, Any]] = [
        ("outcome", found.outcome, true.outcome),
        ("targets", found.targets_hit, true.hits),
        ("entered", entered, true.entered),
    ]
    if true.gross is not None and true.net is not None and true.outcome != "missed":
        pairs += [
            ("exits", legs, [(why, to_eight_places(share)) for _, _, share, why in true.exits]),
            ("gross", found.r_gross, to_eight_places(true.gross)),
            ("net", found.r_net, to_eight_places(true.net)),
        ]
        if found.mae_r is None or found.mfe_r is None:
            return "no excursions"
        if not to_eight_places(true.worst) <= found.mae_r <= found.mfe_r <= to_eight_places(true.best):
            return f"excursions {found.mae_r} and {found.mfe_r} are not within {true.worst} and {true.best}"
    return next((f"{what} {ours}, in truth {theirs}" for what, ours, theirs in pairs if ours != theirs), "")


@dataclass(slots=True, kw_only=True)
class Invented(Exchanges):
    """Exchanges that are the sandbox's prices themselves; counts what it tells."""

    seconds: Seconds
    candles: int = 0

    def _fetch(self, exchange: str, symbol: str, step: str, first: int, end: int, minutes: int) -> list[Row]:
        del exchange, symbol, minutes
        at, tick = self.seconds, self.seconds.pair.tick
        read = at.prices.minutes if step == "1m" else at.prices.hours
        rows = [
            Row(
                one.minute,
                one.open * tick,
                one.high * tick,
                one.low * tick,
                one.close * tick,
                at.pair.decimals,
            )
            for one in read(at.exchange, at.pair, first, end)
        ]
        self.candles += len(rows)
        return rows


def whole(seconds: Seconds, first: int, end: int) -> Candles:
    """All minutes of a market."""
    pair = seconds.pair
    rows = [one for hour in range(first - first % 60, end, 60) for one in seconds.hour(hour).candles]
    minutes, opens, highs, lows, closes, _ = zip(*rows, strict=True)
    columns = ([price * pair.tick for price in column] for column in (opens, highs, lows, closes))
    return Candles(minutes, *columns, decimals=pair.decimals, until=end)


@contextmanager
def judging(exchanges: Mapping[str, Any], kind: type[Exchanges] = Exchanges) -> Iterator[Judging]:
    """What judges, with a store of its own."""
    with tempfile.TemporaryDirectory() as folder, CandleStore.open(Path(folder)) as store:
        asked = kind(store=store, budget=Budget(), **exchanges)
        yield Judging(store=store, exchanges=asked, now=MINUTE)


def case_of(one: Told) -> Case:
    """A signal before anything was judged."""
    return Case(one.setup, one.rules, State(), BUILT_IN.units(one.story.signal) or 1)


def alone(one: Told, seconds: Seconds) -> int:
    """The candles that a signal takes by itself."""
    with judging({"root": "", "seconds": seconds}, Invented) as at:
        at.judge({one.market: [case_of(one)]}, lambda _: None)
        assert isinstance(at.exchanges, Invented)
        return at.exchanges.candles


class Tally:
    """What all the signals came to."""

    def __init__(self) -> None:
        self.words: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.ambiguous: Counter[str] = Counter()
        self.problems: list[str] = []
        self.pauses = self.fetched = self.every = 0

    def market(self, cases: Sequence[tuple[Told, Case]], prices: Prices) -> None:
        """Hold all that was judged on one market against its seconds."""
        at = cases[0][0]
        seconds = Seconds(prices, at.exchange, at.pair, FINER)
        full = whole(
            seconds, min(one.setup.clock for one, _ in cases), max(one.setup.end for one, _ in cases)
        )
        for one, case in cases:
            found = outcome_of(one.story.signal, one.setup, one.rules, case.state)
            problem = self._differs(found, judge(one.story, one.rules, full))
            if not problem and found.outcome != "unknown":
                problem = wrong(found, seconds.truth(one.plan, one.setup.clock), one)
            signal = one.story.signal
            self.problems += [f"{signal.key} {one.market} {one.rules}: {problem}"] if problem else []
            self.words[str(found.outcome)] += 1
            self.types[signal.type] += 1
            self.ambiguous[signal.type] += found.ambiguous or False
            if self.words.total() % ALONE == 0:
                self.fetched += alone(one, seconds)
                self.every += one.setup.end - one.setup.clock

    def _differs(self, found: Outcome, minutely: Outcome) -> str:
        if _plain(minutely) == _plain(found):
            return ""
        if minutely.outcome == "unknown" != found.outcome:
            self.pauses += 1
            return ""
        return f"{found} by hours, {minutely} by minutes"

    def told(self) -> str:
        """All figures."""
        count = self.words.total()
        kinds = (f"{kind} {self.ambiguous[kind]} of {of:,}" for kind, of in self.types.most_common())
        return "\n".join(
            (
                *self.problems[:SHOWN],
                f"{count:,} signals: {len(self.problems)} certain results wrong",
                ", ".join(f"{word} {of:,}" for word, of in self.words.most_common()),
                f"ambiguous {self.ambiguous.total() / count:.3%}: {'; '.join(kinds)}",
                f"pauses that only minutes show: {self.pauses}",
                f"one signal alone: {self.every / self.fetched:.1f} times fewer candles than minutes",
            )
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Say the figures; exit code 1 if one of them is not good enough."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--signals", type=int, default=20_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args(arguments)
    tally = Tally()
    with sandbox.start(seed=given.seed, clock=lambda: NOW) as server, judging({"root": server.url}) as at:
        markets: dict[Market, list[tuple[Told, Case]]] = defaultdict(list)
        for one in caught(server.market, given.signals, Random(given.seed)):
            markets[one.market].append((one, case_of(one)))
        for number, (market, cases) in enumerate(markets.items(), 1):
            missing = at.judge({market: [case for _, case in cases]}, lambda _: None)
            assert not missing, missing
            tally.market(cases, server.market.prices)
            done, problems = tally.words.total(), len(tally.problems)
            print(
                f"{number} of {len(markets)} markets, {done:,} signals, {problems} wrong,"
                f" {tally.ambiguous.total()} ambiguous, {tally.pauses} pauses",
                flush=True,
            )
        assert at.exchanges is not None
        print(tally.told(), f"{at.exchanges.budget.made:,} requests for all", sep="\n")
    return 1 if tally.problems or tally.every < FEWER * tally.fetched else 0


def _plain(one: Outcome) -> tuple[Any, ...]:
    """What must not depend on how candles came, `as_of` aside: each market's end is its own."""
    return (
        one.outcome, one.targets_hit, one.entered_at, one.entry, one.legs, one.r_gross, one.r_net, one.r_worst,
        one.r_best, one.mfe_r, one.mae_r, one.ambiguous,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
