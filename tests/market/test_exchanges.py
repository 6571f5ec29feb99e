"""The unmodified ccxt asks the sandbox for candles over HTTP; what is judged on them is held to every second."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import pytest

from cqs_sheets import sandbox
from cqs_sheets.core.outcomes.candles import to_eight_places
from cqs_sheets.core.outcomes.judge import Outcome, State, outcome_of
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Setup, setup_of
from cqs_sheets.core.signals.exchanges import BUILT_IN, SPELLINGS
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.market import exchanges
from cqs_sheets.market.exchanges import Budget, Exchanges, NoCandles
from cqs_sheets.market.store import STORE_FILE, CandleStore
from cqs_sheets.run.judging import Case, Judging, Market, market_of
from cqs_sheets.sandbox.prices import EXCHANGES, Exchange, Pair
from tests.api.fakes import Canned, serving
from tests.core.outcomes.oracle import Plan, Truth
from tests.core.outcomes.trading import story
from tests.make import signal
from tests.market.seconds import Seconds
from tests.sandbox.clock import NOON, Clock

ccxt = pytest.importorskip("ccxt")

NOW = int(NOON.timestamp()) // 60
SERVED = [exchange for exchange in EXCHANGES if exchange.code in ("binance", "binance_futures", "bybit")]


@pytest.fixture
def market() -> Iterator[sandbox.RunningSandbox]:
    with sandbox.start(seed=3, clock=Clock()) as running:
        yield running


@dataclass
class Desk:
    """What asks: a store, exchanges that are the sandbox, and the pauses that were made."""

    store: CandleStore
    exchanges: Exchanges
    slept: list[float] = field(default_factory=list)

    def judging(self) -> Judging:
        return Judging(store=self.store, exchanges=self.exchanges, now=NOW)


@contextmanager
def desk(folder: Path, market: sandbox.RunningSandbox, budget: Budget | None = None) -> Iterator[Desk]:
    slept: list[float] = []
    with CandleStore.open(folder) as store:
        asked = Exchanges(store=store, root=market.url, budget=budget or Budget(), sleep=slept.append)
        yield Desk(store, asked, slept)


BTC = Market("binance", "BTC/USDT")


@pytest.mark.parametrize(
    ("exchange", "symbol"),
    [("binance", "BTC/USDT"), ("binanceusdm", "1000SATS/USDT:USDT"), ("bybit", "BTC/USDT:USDT")],
)
def test_minutes_and_hours_are_those_of_every_second(
    tmp_path: Path, market: sandbox.RunningSandbox, exchange: str, symbol: str
) -> None:
    code = {"binance": "binance", "binanceusdm": "binance_futures", "bybit": "bybit"}[exchange]
    [at] = [each for each in EXCHANGES if each.code == code]
    coin, quote = symbol.partition(":")[0].split("/")
    pair = next(one for one in at.pairs if (one.coin, one.currency) == (coin, quote))
    prices = market.market.prices
    with desk(tmp_path, market) as asked:
        minutes = asked.exchanges.minutes(exchange, symbol, NOW - 1500, NOW)
        hours = asked.exchanges.hours(exchange, symbol, NOW - 1500, NOW)
    assert [row.minute for row in minutes] == [
        one.minute for one in prices.minutes(at, pair, NOW - 1500, NOW)
    ]
    assert [row.minute for row in hours] == list(range(NOW - 1500, NOW, 60))
    for row in minutes[:5]:
        paid = [prices.at(at, pair, row.minute * 60 + second) for second in range(60)]
        scale = Decimal(10) ** -row.decimals
        told = [Decimal(price) * scale for price in row[1:5]]
        assert told == [Decimal(pair.price(one)) for one in (paid[0], max(paid), min(paid), paid[-1])]
    for row in hours[:3]:
        within = [one for one in minutes if row.minute <= one.minute < row.minute + 60]
        highs = max(Decimal(one.high).scaleb(-one.decimals) for one in within)
        assert Decimal(row.high).scaleb(-row.decimals) == highs


@pytest.mark.parametrize(
    ("fault", "told", "requests"),
    [
        ("market-451", "does not serve this computer's address", 1),
        ("market-429", "wants fewer requests", 2),
        ("market-418", "wants fewer requests", 1),
        ("market-503", "did not answer", 2),
    ],
)
def test_an_exchange_that_refuses_is_asked_no_more(
    tmp_path: Path, market: sandbox.RunningSandbox, fault: str, told: str, requests: int
) -> None:
    market.set_faults([fault])
    with desk(tmp_path, market) as asked:
        for _ in range(2):
            with pytest.raises(NoCandles, match=told):
                asked.exchanges.minutes(*BTC, NOW - 10, NOW)
        assert asked.exchanges.budget.made == requests
        assert len(asked.slept) == requests - 1


def test_once_it_asks_for_a_pause_it_gets_one(tmp_path: Path, market: sandbox.RunningSandbox) -> None:
    market.set_faults(["market-429@1"])
    with desk(tmp_path, market) as asked:
        assert asked.exchanges.minutes(*BTC, NOW - 10, NOW)
        assert asked.slept == [1.0]  # what Retry-After said


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (Market("bitmex", "BTC/USDT:USDT"), "BitMEX closed"),
        (Market("nowhere", "BTC/USDT"), "ccxt knows no exchange"),
        (Market("binance", "GONE/USDT"), "lists no GONE/USDT"),
    ],
)
def test_what_is_not_there_is_told(
    tmp_path: Path, market: sandbox.RunningSandbox, name: Market, told: str
) -> None:
    with desk(tmp_path, market) as asked, pytest.raises(NoCandles, match=told):
        asked.exchanges.minutes(*name, NOW - 10, NOW)


def test_ccxt_knows_every_exchange_by_the_name_that_we_say() -> None:
    assert {each.ccxt_id for spelt in SPELLINGS.values() for each in spelt} <= {*ccxt.exchanges}


def test_nothing_is_fetched_twice_and_a_budget_ends_a_run_that_the_next_one_takes_up(
    tmp_path: Path, market: sandbox.RunningSandbox
) -> None:
    told = drawn(market, 1)
    with desk(tmp_path, market) as asked:
        whole, _ = judged(asked, told)
    finished: list[Outcome] = []
    used = []
    for _ in range(30):
        (tmp_path / "home").mkdir(exist_ok=True)
        with desk(tmp_path / "home", market, Budget(requests=2)) as asked:
            finished, missing = judged(asked, told)
            used.append(asked.exchanges.budget.made)
        if not missing:
            break
    assert finished == whole
    assert max(used) == 2
    with desk(tmp_path / "home", market, Budget(requests=0)) as asked:
        again, missing = judged(asked, told)
        assert (again, missing) == (whole, {})


def test_a_store_that_cannot_be_read_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / STORE_FILE).write_bytes(b"SQLite format 3\0 and then nothing of use" * 100)
    with CandleStore.open(tmp_path) as store:
        assert store.known(store.market(*BTC), 0).hours == {}


def test_judged_on_few_candles_is_what_every_second_says(
    tmp_path: Path, market: sandbox.RunningSandbox
) -> None:
    compared(tmp_path, market, count=6)


def compared(folder: Path, market: sandbox.RunningSandbox, *, count: int) -> None:
    told = drawn(market, count)
    with desk(folder, market) as asked:
        found, missing = judged(asked, told)
        fetched = sum(len(rows) for rows in known(asked))
    assert missing == {}
    ambiguous = sum(one.ambiguous or False for one in found)
    for one, outcome in zip(told, found, strict=True):
        agrees(outcome, one, truth(market, one))
    every = sum(one.minutes for one in told)
    print(f"{count} signals, {ambiguous} ambiguous, {fetched} candles fetched of {every}")  # noqa: T201


@dataclass(frozen=True)
class Drawn:
    """A signal, its market, and for how many minutes it counts."""

    signal: Signal
    exchange: Exchange
    pair: Pair
    plan: Plan
    minutes: int


TYPES = {"SCALPING": (1, 0.01), "SHORT TERM": (7, 0.03), "SHORT/MID TERM": (14, 0.06), "MID TERM": (30, 0.1)}


def drawn(market: sandbox.RunningSandbox, count: int) -> list[Drawn]:
    """Signals at today's prices of then, of both sides and all types whose candles are cheap enough to look at."""
    dice, found = Random(11), []  # noqa: S311 - no secret
    for number in range(count):
        kind = list(TYPES)[number % 2 if count < 100 else number % len(TYPES)]
        length, reach = TYPES[kind]
        exchange = dice.choice(SERVED)
        pair = dice.choice([one for one in exchange.pairs if one.coin in _PLAIN and one.currency != "USDC"])
        clock = NOW - 1440 * (length + 1) - dice.randrange(1440 * 20)
        ask = market.market.prices.at(exchange, pair, clock * 60)
        side = dice.choice((1, -1))
        step = max(4, round(ask * reach))
        near, far = ask - side * max(1, step // 20), ask - side * max(2, step // 8)
        stop, targets = far - side * max(1, step // 2), tuple(ask + side * step * n // 3 for n in (1, 2, 3))
        plan = Plan(
            side > 0, near, far, stop, targets, entry=dice.choice(("near", "steps")),
            stops=dice.choice(("fixed", "breakeven", "trailing")), fee=Fraction(1, 2000), horizon=length * 1440,
        )  # fmt: skip
        prices: dict[str, Any] = {
            name: Decimal(pair.price(ticks))
            for name, ticks in zip(
                ("buy_start", "buy_end", "stop_loss", "target1", "target2", "target3"),
                (near, far, stop, *targets), strict=True,
            )
        }  # fmt: skip
        published = NOON - timedelta(minutes=NOW - clock, seconds=30)
        sent = signal(
            str(number), exchange=exchange.code, coin=pair.coin, currency=pair.currency, type=kind,
            direction="LONG" if side > 0 else "SHORT", timestamp=published, **prices,
        )  # fmt: skip
        found.append(Drawn(sent, exchange, pair, plan, length * 1440))
    return found


_PLAIN = {"BTC", "ETH", "SOL", "XRP", "BNB", "DOGE", "ADA", "AVAX", "LINK", "LTC", "TRX", "1INCH"}
"""Coins that have a contract of their own name everywhere."""


def by(one: Drawn) -> Rules:
    return Rules(entry=one.plan.entry, stop=one.plan.stops)


def judged(asked: Desk, told: Sequence[Drawn]) -> tuple[list[Outcome], dict[Market, str]]:
    cases: list[tuple[Market, Case]] = []
    every = []
    for one in told:
        setup = setup_of(story(one.signal, first_seen=one.signal.timestamp), by(one))
        name = market_of(one.signal)
        assert isinstance(setup, Setup)
        assert isinstance(name, Market)
        every.append(Case(setup, by(one), State()))
        cases.append((name, every[-1]))
    missing = asked.judging().judge(cases, lambda _: None)
    found = [
        outcome_of(one.signal, case.setup, case.rules, case.state)
        for one, case in zip(told, every, strict=True)
    ]
    return found, missing


def known(asked: Desk) -> Iterator[list[Any]]:
    numbers = [number for (number,) in asked.store._db.execute("SELECT id FROM markets")]
    for number in numbers:
        of = asked.store.known(number, 0)
        yield [row for _, rows in of.minutes.values() for row in rows] + [
            row for row in of.hours.values() if row
        ]


def truth(market: sandbox.RunningSandbox, one: Drawn) -> Truth:
    clock = int(one.signal.timestamp.timestamp()) // 60 + 1
    return Seconds(market.market.prices, one.exchange, one.pair).truth(one.plan, clock)


def agrees(found: Outcome, one: Drawn, true: Truth) -> None:
    if found.outcome == "unknown":
        return
    if found.ambiguous:
        if true.gross is not None and found.r_worst is not None and found.r_best is not None:
            assert found.r_worst <= to_eight_places(true.gross) <= found.r_best
        return
    assert (found.outcome, found.targets_hit) == (true.outcome, true.hits), one
    if true.gross is not None and true.net is not None and true.outcome != "missed":
        assert (found.r_gross, found.r_net) == (to_eight_places(true.gross), to_eight_places(true.net)), one


@pytest.mark.parametrize("off", [1, 1000, 40])
def test_a_contract_of_a_thousand_is_judged_in_the_units_of_the_signal(
    tmp_path: Path, market: sandbox.RunningSandbox, off: int
) -> None:
    at = next(each for each in SERVED if each.code == "binance_futures")
    pair = next(one for one in at.pairs if one.coin == "SHIB")
    ask = market.market.prices.at(at, pair, (NOW - 1500) * 60)
    plan = Plan(True, ask - 2, ask - 2, ask - 30, (ask + 20, ask + 40), fee=Fraction(1, 2000), horizon=1440)
    names = ("buy_start", "buy_end", "stop_loss", "target1", "target2")
    ticks = zip(names, (plan.near, plan.far, plan.stop, *plan.targets), strict=True)
    levels: dict[str, Any] = {name: Decimal(pair.price(level or 0)) * off for name, level in ticks}
    told = signal(
        exchange=at.code, coin="SHIB", currency="USDT", type="SCALPING", direction="LONG",
        timestamp=NOON - timedelta(minutes=1500, seconds=30), target3=None,
        **levels,
    )  # fmt: skip
    found = setup_of(story(told, first_seen=told.timestamp), Rules())
    assert isinstance(found, Setup)
    case = Case(found, Rules(), State(), BUILT_IN.units(told) or 0)
    with desk(tmp_path, market) as asked:
        contract = Market("binanceusdm", "1000SHIB/USDT:USDT")
        assert market_of(told) == contract
        assert asked.judging().judge([(contract, case)], lambda _: None) == {}
    assert case.unclear == (off == 40)
    if case.unclear:
        assert case.state.until is None
        return
    outcome = outcome_of(told, case.setup, case.rules, case.state)
    true = Seconds(market.market.prices, at, pair).truth(plan, case.setup.clock)
    assert (outcome.outcome, outcome.targets_hit) == (true.outcome, true.hits)
    assert outcome.r_gross == (None if true.gross is None else to_eight_places(true.gross))


@pytest.mark.parametrize("exchange", ["binance", "bybit", "kraken"])
@pytest.mark.parametrize(
    "answer",
    [
        Canned(hang=True),
        *(Canned(body=body) for body in (b"[[1]]", b'{"result": 5}', b"null", b"[" * 100_000)),
    ],
)
def test_an_exchange_that_holds_or_garbles_its_answer_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exchange: str, answer: Canned
) -> None:
    monkeypatch.setattr(exchanges, "_LONGEST", 0.1)
    with serving() as server, CandleStore.open(tmp_path) as store:
        server.answers(answer)
        asked = Exchanges(store=store, root=server.url, budget=Budget(), sleep=lambda _: None)
        with pytest.raises(NoCandles):
            asked.minutes(exchange, "BTC/USDT", NOW - 60, NOW)
