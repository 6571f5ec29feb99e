"""Signals judged on candles as they are needed: hours first, and minutes where something may have happened.

One market after the other: all its signals together, by as many sets of rules as are asked for. What was
fetched is kept before anything is made of it, so a run that ends midway is taken up by the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from cqs_sheets.core.outcomes.candles import HOUR, Candles, unsigned
from cqs_sheets.core.outcomes.judge import State, proceed
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Setup
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.market.exchanges import Exchanges, NoCandles
from cqs_sheets.market.store import CandleStore, KnownCandles
from cqs_sheets.values import dataclass, replace

_SHORT = 3 * HOUR  # so few minutes are asked for as they are
_MERGED = 8 * HOUR  # hours this near to each other are asked for together
_AT_ONCE = 960  # candles that are asked for before what came is kept: most exchanges send 1,000 an answer
_TOLD_FROM = 2  # seconds


class Market(NamedTuple):
    """A market as ccxt names it."""

    exchange: str
    symbol: str


@dataclass(slots=True)
class Case:
    """A signal on its way by one set of rules.

    Its market may trade in `units` of many coins; `unclear` is whether its prices are of neither one nor so many.
    """

    setup: Setup
    rules: Rules
    state: State
    units: int = 1
    unclear: bool = False

    def proceed(self, candles: Candles) -> None:
        """Judge on with the candles of its market."""
        if self.state.over and self.done:
            return
        fitting = self.fitting(candles)
        self.unclear = fitting is None
        if fitting:
            self.state = proceed(self.state, self.setup, self.rules, fitting)

    def fitting(self, candles: Candles) -> Candles | None:
        """The candles of its market in its own units; None if these cannot be told."""
        return candles.in_units_of(unsigned(self.setup.versions[0][1].orders[0]), self.units)

    @property
    def begin(self) -> int:
        """The first minute that matters now."""
        last = self.state.last
        if self.state.over:
            return self.setup.end - 1
        return self.setup.clock if last is None else max(last.minute + last.minutes, self.state.until or 0)

    def due(self, now: int) -> bool:
        """Whether candles up to the minute `now` can tell anything new."""
        if self.state.over:
            return (self.state.until or 0) < self.setup.end <= now
        return self.begin < min(now, self.setup.end) or (self.setup.end <= now and not self.done)

    @property
    def done(self) -> bool:
        """Whether neither candles nor time can change anything any more."""
        return (self.state.until or 0) >= self.setup.end and self.state.needs is None


def traded_at(signal: Signal, instead: Mapping[str, str] | None = None) -> Signal:
    """The signal at the exchange whose candles it is judged on."""
    other = (instead or {}).get(signal.exchange.strip().lower())
    return replace(signal, exchange=other) if other else signal


def market_of(
    signal: Signal, symbols: Symbols = BUILT_IN, instead: Mapping[str, str] | None = None
) -> Market | str:
    """Where a signal's candles come from, or in a sentence why from nowhere.

    `instead` maps exchange codes to others whose candles stand for theirs.
    """
    named = traded_at(signal, instead)
    if symbols.units(named) is None:
        name = symbols.alias(named)
        return f"how many {signal.coin} are in {name} at {named.exchange} is not known"
    found = Market(symbols.ccxt_id(named), symbols.ccxt(named))
    return (
        found
        if all(found)
        else f"no market is known for {signal.coin}/{signal.currency} at {signal.exchange}"
    )


@dataclass(slots=True, kw_only=True)
class Judging:
    """Judges cases; `now` is the minute up to which candles have ended. `progress` tells a person what is going on."""

    store: CandleStore
    exchanges: Exchanges
    now: int
    progress: Callable[[str], None] = lambda _: None

    def judge(
        self, cases: Iterable[tuple[Market, Case]], keep: Callable[[Market], None]
    ) -> dict[Market, str]:
        """Bring all cases as far as candles can be had; `keep` is called after each market.

        Returns why candles were missing, by market.
        """
        missing: dict[Market, str] = {}
        by_market: dict[Market, list[Case]] = {}
        for market, case in cases:
            by_market.setdefault(market, []).append(case)
        begun = time.monotonic()
        for number, (market, found) in enumerate(by_market.items(), 1):
            due = [case for case in found if case.due(self.now)]
            if not due:
                continue
            self.progress(_progress(market, number, len(by_market), time.monotonic() - begun))
            try:
                self._judge(market, due)
            except NoCandles as refused:
                missing[market] = refused.reason
            keep(market)
        return missing

    def _judge(self, market: Market, cases: Sequence[Case]) -> None:
        number = self.store.market(*market)
        known = self.store.known(number, min(case.begin for case in cases))
        wanted: set[int] = set()
        for case in cases:
            wanted |= self._fetch_hours(market, number, known, case)
        while wanted:
            fetched = self._fetch_minutes(market, number, known, wanted)
            candles = known.candles(self.now)
            for case in cases:
                case.proceed(candles)
            needed = {case.state.needs for case in cases if case.state.needs is not None}
            wanted = needed if needed - fetched else set()

    def _fetch_hours(self, market: Market, number: int, known: KnownCandles, case: Case) -> set[int]:
        """See that a case's hours are known, of hours that have ended; those whose minutes it needs at once."""
        begin, end = case.begin, min(self.now, case.setup.end)
        first, last = begin - begin % HOUR, end - end % HOUR
        if end - begin <= _SHORT:
            return set(range(first, end, HOUR)) or {first}
        ended = self.now - self.now % HOUR
        for start, stop in _runs(
            (h for h in range(first, min(last + 1, ended), HOUR) if h not in known.hours),
            HOUR,
            _AT_ONCE * HOUR,
        ):
            self.store.add_hours(number, known, self.exchanges.hours(*market, start, stop), start, stop)
        # how long nobody traded, only minutes can tell
        traded = {hour for hour in range(first, last, HOUR) if known.hours.get(hour)}
        edges = {
            hour for hour in traded if {hour - HOUR, hour + HOUR} - traded and first < hour < last - HOUR
        }
        return {first} | edges | ({last} if end % HOUR else set())

    def _fetch_minutes(
        self, market: Market, number: int, known: KnownCandles, wanted: Iterable[int]
    ) -> set[int]:
        """See that the minutes of these hours are known, as far as they have ended."""
        hours = {hour for hour in wanted if hour < self.now}
        missing = sorted(hour for hour in hours if not known.has_minutes(hour, self.now))
        for start, stop in _runs(missing, _MERGED, _AT_ONCE):
            end = min(stop, self.now)
            self.store.add_minutes(number, known, self.exchanges.minutes(*market, start, end), start, end)
        return hours


def _runs(hours: Iterable[int], apart: int, most: int) -> list[tuple[int, int]]:
    """Hours, in order, as stretches (first minute, end) of at most `most` minutes; those at most so far apart are one.

    A stretch is kept as a whole: one that took more requests than a run has would be begun by each anew.
    """
    found: list[tuple[int, int]] = []
    for hour in hours:
        if found and hour - found[-1][1] <= apart - HOUR and hour + HOUR - found[-1][0] <= most:
            found[-1] = (found[-1][0], hour + HOUR)
        else:
            found.append((hour, hour + HOUR))
    return found


def _progress(market: Market, number: int, count: int, seconds: float) -> str:
    done = round(20 * (number - 1) / count)
    slow = number > 1 and seconds > _TOLD_FROM
    left = f", some {seconds / (number - 1) * (count - number + 1):.0f} s left" if slow else ""
    return f"judging [{'#' * done}{'.' * (20 - done)}] {market.symbol} at {market.exchange}{left}"
