"""What the journal holds, judged: on candles of a file, or on those that exchanges are asked for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cqs_sheets.config import OutcomesSettings
from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.outcomes import keeping
from cqs_sheets.core.outcomes.candles import Candles
from cqs_sheets.core.outcomes.judge import Outcome, State, judge, outcome_of
from cqs_sheets.core.outcomes.keeping import Kept
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Story, setup_of
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols, pair
from cqs_sheets.core.signals.signal import Record, Signal, Status
from cqs_sheets.core.text import plural
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import Journal
from cqs_sheets.market.candle_files import MarketName, market_name
from cqs_sheets.market.exchanges import Budget, Exchanges
from cqs_sheets.market.store import CandleStore
from cqs_sheets.run.judging import Case, Judging, Market, market_of, traded_at
from cqs_sheets.values import dataclass

_REQUESTS, _SECONDS = 400, 60.0  # of one sync: the next one goes on
_UNITS = "its prices are neither those of one coin nor of a contract of many"
_TOO_NEW = "its first candle has not ended yet"
_ENDED = timedelta(seconds=5)  # an exchange may take a moment to end a candle


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which signals: of these feeds (names), published from `since` on, of these values; empty and None: all."""

    feeds: Collection[str] = ()
    since: datetime | None = None
    exchange: Collection[str] = ()
    currency: Collection[str] = ()
    type: Collection[str] = ()

    def takes(self, signal: Signal) -> bool:
        """Whether a signal has the values; casing does not matter."""
        return all(
            not allowed or value.casefold() in (one.strip().casefold() for one in allowed)
            for value, allowed in (
                (signal.exchange, self.exchange),
                (signal.currency, self.currency),
                (signal.type, self.type),
            )
        )


def stories(journal: Journal, chosen: Chosen) -> Iterator[Story]:
    """The chosen signals with what they were over time, by arrival."""
    for record in journal.records(chosen.feeds or None, since=chosen.since):
        if chosen.takes(record.signal):
            yield _story(journal, record)


def judged(told: Sequence[Story], rules: Rules, markets: Mapping[MarketName, Candles]) -> list[Outcome]:
    """What became of each signal by these rules, on its own market's candles."""
    return [judge(one, rules, markets.get(_market(one.signal))) for one in told]


def without_candles(told: Sequence[Story], markets: Mapping[MarketName, Candles]) -> list[MarketName]:
    """The markets of these signals that have no candle."""
    return sorted({_market(one.signal) for one in told} - set(markets))


def known_outcomes(journal: Journal, rules: Rules) -> list[Outcome]:
    """What the journal knows of every signal by these rules, without a look at any candle."""
    found = []
    kept = journal.outcomes(rules)
    for record in journal.records():
        told, known = _story(journal, record), kept.get(record.arrival)
        setup = setup_of(told, rules)
        if isinstance(setup, str) or known is None or known.state is None or known.clock != setup.clock:
            found.append(Outcome(signal=record.signal, outcome=None, reason="not judged yet"))
        else:
            found.append(outcome_of(record.signal, setup, rules, known.state))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Judges what a journal holds with candles that are fetched as they are needed, and keeps what it finds.

    `home` is where candles are kept, `markets_url` stands for all exchanges where it is given. `progress`,
    `sleep` and `stop` as a run has them.
    """

    journal: Journal
    home: Path
    settings: OutcomesSettings
    symbols: Symbols = BUILT_IN
    markets_url: str | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    progress: Callable[[str], None] = lambda _: None
    sleep: Callable[[float], None] = time.sleep
    stop: Callable[[], CqsError | None] = lambda: None

    def due(self) -> bool:
        """Whether it is long enough since signals were judged last."""
        last = self.journal.last_judged(self.settings.rules)
        return last is None or self.clock() - last >= timedelta(seconds=self.settings.prices_every)

    def judge_open(self, targets: Collection[int]) -> Judged:
        """Judge what is not over, and offer news to these targets (ids of the journal)."""
        at, rules = self.clock(), self.settings.rules
        records = list(self.journal.undone(rules))
        kept = self.journal.outcomes(rules, [record.arrival for record in records])
        cases: dict[int, tuple[Story, Case]] = {}
        notes: dict[int, str] = {}
        markets: list[tuple[Market, Case]] = []
        arrivals: dict[Market, list[int]] = {}
        for record in records:
            told = _story(self.journal, record)
            found = self._case(told, rules)
            if isinstance(found, str):
                notes[record.arrival] = found
                continue
            market, case = found
            before = kept.get(record.arrival)
            if before and before.state and before.clock == case.setup.clock:
                case.state = before.state
            cases[record.arrival] = told, case
            markets.append((market, case))
            arrivals.setdefault(market, []).append(record.arrival)
        changed = requests = 0

        def keep(market: Market) -> None:
            nonlocal changed
            known = {
                arrival: self._kept(*cases[arrival]) for arrival in arrivals[market]
                if cases[arrival][1].state.until is not None
            }  # fmt: skip
            changed += self.journal.keep_outcomes(rules, known, at=at, targets=targets, whole=False)

        missing: Mapping[Market, str] = {}
        if markets:
            budget = Budget() if self.markets_url else Budget(_REQUESTS, time.monotonic() + _SECONDS)
            with self.judging(at, budget) as judging:
                missing = judging.judge(markets, keep)
            requests = budget.made
        notes |= {
            arrival: missing.get(market, _unknown_yet(case)) for market in arrivals for arrival in arrivals[market]
            if (case := cases[arrival][1]).state.until is None
        }  # fmt: skip
        unjudged = {
            record.arrival: new for record in records
            if record.arrival in notes
            and (new := _not_judged(record.signal, notes[record.arrival])) != kept.get(record.arrival)
        }  # fmt: skip
        changed += self.journal.keep_outcomes(rules, unjudged, at=at, targets=targets)
        return Judged(changed=changed, requests=requests, missing=missing)

    def judge_all(self, told: Sequence[Story], by: Sequence[Rules]) -> list[list[Outcome]]:
        """What became of these signals by each set of rules, from scratch."""
        cases = [[self._case(one, rules) for one in told] for rules in by]
        placed = [case for found in cases for case in found if not isinstance(case, str)]
        with self.judging(self.clock(), Budget()) as judging:
            missing = judging.judge(placed, lambda _: None)
        return [
            [self._found(one, case, missing) for one, case in zip(told, found, strict=True)]
            for found in cases
        ]

    def story_of(self, record: Record) -> tuple[Outcome, Candles | None] | None:
        """What became of one signal, and its market as far as it is kept; None where it was never judged."""
        rules = self.settings.rules
        told = _story(self.journal, record)
        found = self._case(told, rules)
        kept = self.journal.outcomes(rules, [record.arrival]).get(record.arrival)
        if isinstance(found, str) or kept is None or kept.state is None:
            return None
        market, case = found
        with CandleStore.open(self.home) as store:
            known = store.known(store.market(*market), case.setup.clock)
        candles = case.fitting(known.candles(kept.state.until or case.setup.clock))
        return outcome_of(told.signal, case.setup, rules, kept.state), candles

    def _case(self, told: Story, rules: Rules) -> tuple[Market, Case] | str:
        """A signal before it is judged, with its market, or why it cannot be."""
        setup = setup_of(told, rules)
        market = market_of(told.signal, self.symbols, self.settings.candles_from)
        if isinstance(setup, str) or isinstance(market, str):
            return setup if isinstance(setup, str) else str(market)
        units = self.symbols.units(traded_at(told.signal, self.settings.candles_from)) or 1
        return market, Case(setup, rules, State(), units)

    def _found(self, told: Story, found: tuple[Market, Case] | str, missing: Mapping[Market, str]) -> Outcome:
        """What is known of a signal; where no candle was had, it is not judged yet."""
        if isinstance(found, str):
            return Outcome(signal=told.signal, outcome=None, reason=found)
        market, case = found
        if case.state.until is None:
            reason = missing.get(market, _unknown_yet(case))
            return Outcome(signal=told.signal, outcome=None, reason=reason)
        return outcome_of(told.signal, case.setup, case.rules, case.state)

    @contextmanager
    def judging(self, at: datetime, budget: Budget) -> Iterator[Judging]:
        """What judges on the candles of this home and of the exchanges, up to the last minute that has ended."""
        with CandleStore.open(self.home) as store:
            exchanges = Exchanges(
                store=store, root=self.markets_url, budget=budget, sleep=self.sleep, stop=self.stop
            )
            now = int((at - _ENDED).timestamp()) // 60
            yield Judging(store=store, exchanges=exchanges, now=now, progress=self.progress)
            store.shrink()

    def _kept(self, told: Story, case: Case) -> Kept:
        signal = told.signal
        one = outcome_of(signal, case.setup, case.rules, case.state)
        shown = keeping.shown(one, case.setup, case.state)
        other = self.settings.candles_from.get(signal.exchange.strip().lower())
        note: dict[str, CellValue] = {"outcome_note": f"judged on candles of {other}"} if other else {}
        return Kept(clock=case.setup.clock, state=case.state, shown={**shown, **note}, done=case.done)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What judging came to: how many signals now show something else, and why candles were missing."""

    changed: int
    requests: int
    missing: Mapping[Market, str]

    @property
    def warnings(self) -> list[str]:
        """What a person should know of it."""
        counted = Counter(self.missing.values())
        return [
            f"outcomes: {plural(count, 'market')} not judged: {reason}" for reason, count in counted.items()
        ]


def _unknown_yet(case: Case) -> str:
    """Why nothing is known of a signal whose market was asked, or needed not be."""
    return _UNITS if case.unclear else _TOO_NEW


def _not_judged(signal: Signal, reason: str) -> Kept:
    shown = keeping.shown(Outcome(signal=signal, outcome=None, reason=reason))
    return Kept(clock=None, state=None, shown=shown)


def _story(journal: Journal, record: Record) -> Story:
    revisions = journal.revisions(record.signal.key) if record.revision > 1 else []
    versions = [(one.at, one.record.signal) for one in revisions]
    return Story(
        first_seen=record.first_seen,
        versions=versions or [(record.first_seen, record.signal)],
        closed=record.last_seen if record.status is Status.CLOSED else None,
    )


def _market(signal: Signal) -> MarketName:
    return market_name(signal.exchange, pair(signal))
