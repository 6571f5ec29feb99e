"""Candles from the exchanges themselves, through ccxt: an extra, imported only when a candle is asked for."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from decimal import Decimal
from importlib.util import find_spec
from typing import Any
from urllib.parse import urlsplit

from cqs_sheets.core.outcomes.candles import HOUR
from cqs_sheets.core.signals.exchanges import CLOSED
from cqs_sheets.core.signals.signal import exact_decimal
from cqs_sheets.errors import CqsError
from cqs_sheets.market.store import CandleStore, Row
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

EXTRA = "pip install 'cqs-sheets[outcomes]'"
_TYPES = {
    "binance": ["spot"], "binanceusdm": ["linear"], "bybit": ["spot", "linear", "inverse"],
    "okx": ["spot", "swap"], "gate": ["spot", "swap"],
}  # fmt: skip
"""Of exchanges that can be asked for a part of their markets, which; the others tell all of them."""
_LIMITS = {"bitget": 200, "coinbase": 300, "kraken": 700, "kucoinfutures": 200, "okx": 100, "poloniex": 500}
_LIMIT = 1000  # candles in one answer, where nothing else is known
_ENTRIES_LAST = 24 * 3600
_LONGEST_PAUSE = 10.0
_LONGEST = 60.0  # seconds for one exchange of words; ccxt bounds only the wait for the next byte
_ODD = (
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    RecursionError,
)  # what it makes of odd JSON
_BANNED = regex(r"\b418\b")
_BLOCKED = regex(r"\b(451|403)\b")


def extra_is_there() -> bool:
    """Whether ccxt is installed."""
    return find_spec("ccxt") is not None


class NoCandles(Exception):
    """Why candles of a market, or of its whole exchange, cannot be had now."""

    def __init__(self, reason: str, *, whole_exchange: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.whole_exchange = whole_exchange


@dataclass(slots=True)
class Budget:
    """How many requests may still be made, and until when by the monotonic clock; `made` counts them."""

    requests: float = math.inf
    until: float = math.inf
    made: int = 0

    def spend(self) -> None:
        """Count a request; raises NoCandles where there is no more."""
        if self.made >= self.requests or time.monotonic() >= self.until:
            raise NoCandles("more candles are fetched by the next run", whole_exchange=True)
        self.made += 1


@dataclass(slots=True, kw_only=True)
class Exchanges:
    """Every exchange asked in one run. `root` stands for all their servers (a loopback URL), None for none.

    `stop` gives the reason to ask no more, once there is one; `sleep` waits seconds.
    """

    store: CandleStore
    root: str | None
    budget: Budget
    sleep: Callable[[float], None] = time.sleep
    stop: Callable[[], CqsError | None] = lambda: None
    _opened: dict[str, Any] = field(default_factory=dict)
    _refused: dict[str, NoCandles] = field(default_factory=dict)

    def minutes(self, exchange: str, symbol: str, first: int, end: int) -> list[Row]:
        """The candles of the minutes [first, end), all ended; raises NoCandles."""
        return self._fetch(exchange, symbol, "1m", first, end, 1)

    def hours(self, exchange: str, symbol: str, first: int, end: int) -> list[Row]:
        """The candles of the hours that begin in [first, end), all ended; raises NoCandles."""
        return self._fetch(exchange, symbol, "1h", first, end, HOUR)

    def _fetch(self, exchange: str, symbol: str, step: str, first: int, end: int, minutes: int) -> list[Row]:
        if exchange in self._refused:
            raise self._refused[exchange]
        try:
            market = self._market(exchange, symbol)
            rows: dict[int, Row] = {}
            while first < end:
                limit = min(_LIMITS.get(exchange, _LIMIT), (end - first) // minutes)
                got = self._ask(market, market.fetch_ohlcv, symbol, step, first * 60_000, limit)
                found = [row for row in map(_row, got) if first <= row.minute < end]
                if not found:
                    _check_memory(exchange, got)
                rows |= {row.minute: row for row in found}
                # exchanges leave out what nobody traded, and send fewer than they were asked for
                first = max(rows) + minutes if found else first + limit * minutes
            return [rows[minute] for minute in sorted(rows)]
        except NoCandles as refused:
            if refused.whole_exchange:
                self._refused[exchange] = refused
            raise

    def _market(self, exchange: str, symbol: str) -> Any:  # noqa: ANN401 - ccxt has no types
        """The exchange, knowing the market of that symbol."""
        opened = self._opened.get(exchange) or self._open(exchange)
        if symbol not in (opened.markets or {}):
            now = int(time.time())
            kept = self.store.entries(exchange, since=now - _ENTRIES_LAST)
            if symbol in kept:
                opened.set_markets([entry for entry in kept.values() if entry])
            elif not opened.options.get("cqsAsked"):
                self._ask(opened, opened.load_markets, True)
                opened.options["cqsAsked"] = True
            if symbol not in kept:
                self.store.keep_entries(exchange, {symbol: opened.markets.get(symbol)}, now)
        if symbol not in opened.markets:
            raise NoCandles(f"{exchange} lists no {symbol}: never, not any more, or under another name")
        return opened

    def _open(self, exchange: str) -> Any:  # noqa: ANN401
        if not extra_is_there():
            raise NoCandles(f"market data needs an extra: {EXTRA}", whole_exchange=True)
        import ccxt  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - 0.6 s

        from cqs_sheets.deadline import DeadlineAdapter  # noqa: PLC0415 - requests, which ccxt brings, too

        if exchange not in ccxt.exchanges:
            reason = CLOSED.get(exchange, f"ccxt knows no exchange {exchange!r}")
            raise NoCandles(reason, whole_exchange=True)
        options = {"fetchMarkets": {"types": _TYPES[exchange]}} if exchange in _TYPES else {}
        # our own sandbox needs no courtesy
        opened = getattr(ccxt, exchange)(
            {"enableRateLimit": self.root is None, "timeout": 15_000, "options": options}
        )
        opened.number = str  # prices as they were sent
        for scheme in ("http://", "https://"):
            opened.session.mount(scheme, DeadlineAdapter())
        if self.root:
            opened.urls["api"] = _moved(opened.urls["api"], f"{self.root}/markets/{exchange}")
        self._opened[exchange] = opened
        return opened

    def _ask(self, exchange: Any, call: Callable[..., Any], *words: Any) -> Any:  # noqa: ANN401
        """One request, once more where the exchange asks for a pause or did not answer."""
        import ccxt  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415

        from cqs_sheets.deadline import Deadline  # noqa: PLC0415 - as above

        for again in (True, False):
            stopped = self.stop()
            if stopped:
                raise stopped
            self.budget.spend()
            try:
                with Deadline(_LONGEST):
                    return call(*words)
            except ccxt.DDoSProtection as error:  # RateLimitExceeded is one, too
                if not again or _BANNED.search(str(error)):
                    raise NoCandles(
                        f"{exchange.id} wants fewer requests: the next run goes on", whole_exchange=True
                    ) from None
                self.sleep(_pause(exchange))
            except (ccxt.NetworkError, ccxt.ExchangeError) as error:
                if _BLOCKED.search(str(error)):
                    raise NoCandles(_blocked(exchange.id), whole_exchange=True) from None
                if isinstance(error, ccxt.BadSymbol | ccxt.BadRequest):
                    raise NoCandles(f"{exchange.id} refuses {words[0]}: {_short(error)}") from None
                if not again:
                    raise NoCandles(
                        f"{exchange.id} did not answer: {_short(error)}", whole_exchange=True
                    ) from None
                self.sleep(1)
            except _ODD:
                raise NoCandles(f"{exchange.id} sent what is no answer", whole_exchange=True) from None
            except ccxt.BaseError as error:
                raise NoCandles(f"{exchange.id}: {_short(error)}", whole_exchange=True) from None
        raise AssertionError("the second time either answers or raises")


def _check_memory(exchange: str, got: list[Any]) -> None:
    """Kraken sends the last 720 candles whatever it was asked for: that is no word on what was traded before."""
    if exchange == "kraken" and got:
        raise NoCandles(f"{exchange} keeps no candles of that time any more")


def _row(row: list[Any]) -> Row:
    minute, *texts = row[:5]
    prices = [exact_decimal(str(text)) for text in texts]
    first, high, low, last = (price or Decimal(0) for price in prices)
    if min(first, low, last) <= 0 or high < max(first, low, last) or low > min(first, last):
        raise NoCandles("its exchange sent a candle that cannot be one")
    return Row.of(int(minute) // 60_000, (first, high, low, last))


def _pause(exchange: Any) -> float:  # noqa: ANN401
    """The seconds an exchange asks to wait, as far as we are ready to."""
    headers = {name.lower(): value for name, value in (exchange.last_response_headers or {}).items()}
    asked = str(headers.get("retry-after", ""))
    return min(float(asked) if asked.isdigit() else 2.0, _LONGEST_PAUSE)


def _blocked(exchange: str) -> str:
    return (
        f"{exchange} does not serve this computer's address (Binance so refuses the USA, GitHub's runners "
        "among them): give candles with --candles, or name another exchange in candles_from"
    )


def _short(error: Exception) -> str:
    return re.sub(r"\s+", " ", re.sub(r"https?://\S+", "", str(error)))[:120].strip()


def _moved(urls: Any, root: str) -> Any:  # noqa: ANN401
    """The same paths on another server."""
    if isinstance(urls, dict):
        return {name: _moved(url, root) for name, url in urls.items()}
    return root + urlsplit(urls).path
