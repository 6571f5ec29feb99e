"""A signal as a message that Cornix reads: https://help.cornix.io/en/articles/5814956-signal-posting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from cqs_sheets.core.cells import CellType, CellValue, id_cell
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols, is_futures, pair
from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, SignalKey

_OWN_NAMES = {("bybit", "USDT"): "Bybit USDT"}  # where Cornix does not call an exchange as everybody does
_LEAST_LEVERAGE = Decimal(1)


def cornix_text(names: Symbols, signal: Signal) -> str:
    """The message, one statement a line.

    A futures signal without leverage says 1x, which is what Cornix would take: without a word on leverage
    it is a spot signal. Blank where zone, stop or every target is missing, or a level is on the wrong
    side: Cornix would refuse it, or read another direction from the prices.
    """
    zone = risk.entry_zone(signal)
    targets = [t for t in (signal.target1, signal.target2, signal.target3) if t is not None]
    if not zone or not targets or not (signal.coin and signal.currency):
        return ""
    if not risk.to_stop(signal) or not all(risk.to_target(signal, target) for target in targets):
        return ""
    leverage = signal.leverage or (_LEAST_LEVERAGE if is_futures(signal.exchange.strip()) else None)
    traded = f"Leverage: Isolated ({_plain(leverage)}X)\n" if leverage else ""
    exits = "".join([f"{number}) {_plain(target)}\n" for number, target in enumerate(targets, start=1)])
    return (
        f"#{pair(signal)}\nExchanges: {_exchange(names, signal)}\n"
        f"Signal Type: Regular ({signal.direction.capitalize()})\n{traded}"
        f"Entry Zone: {_plain(zone[0])} - {_plain(zone[1])}\n"  # without "Zone" two prices are two entries
        f"Take-Profit Targets:\n{exits}Stop Targets:\n1) {_plain(signal.stop_loss or Decimal(0))}"
    )


def _exchange(names: Symbols, signal: Signal) -> str:
    own = _OWN_NAMES.get((signal.exchange.strip().lower(), signal.currency.strip().upper()))
    return own or names.exchange_name(signal.exchange)


def _plain(number: Decimal) -> str:
    """A decimal without exponent, as people write it."""
    text = str(number)
    return format(number, "f") if "E" in text else text


Compute = Callable[[Record, tzinfo, Symbols], CellValue]
"""A value of a record, times on the clocks of a zone, pairs as they are spelt there."""


class Source(NamedTuple):
    """Where a column's values come from, and in a few words what they are.

    `once`: the first value written stays (it says when this sheet first saw something).
    `sticky`: a value already in the sheet is never blanked. `of`: what a signal alone says of it.
    """

    name: str
    kind: str
    type: CellType
    about: str
    compute: Compute
    once: bool = False
    sticky: bool = False
    of: Callable[[Signal], CellValue] | None = None

    def read(self, record: Record, zone: tzinfo, symbols: Symbols = BUILT_IN) -> CellValue:
        """The value of a record, times on the clocks of `zone`, pairs spelt as `symbols` says."""
        return self.compute(record, zone, symbols)


@lru_cache(4096)
def wall_time(moment: datetime | None, zone: tzinfo) -> datetime | None:
    """An aware time as a naive one on the clocks of `zone`: spreadsheets have no zones."""
    return moment.astimezone(zone).replace(tzinfo=None) if moment else None


def minutes_late(record: Record) -> Decimal:
    """Minutes from publication to our first sight of it, to a tenth; clock noise never shows as negative."""
    seconds = (record.first_seen - record.signal.timestamp).total_seconds()
    return Decimal(max(0, round(seconds / 6))) / 10


def uid(key: SignalKey) -> str:
    """An id unique over both tables of the provider."""
    return key.id if key.table is FeedTable.MAIN else f"{key.table.value}:{key.id}"


def _source(
    name: str, kind: str, type_: CellType, about: str, compute: Compute, *, once: bool = False
) -> Source:
    return Source(name=name, kind=kind, type=type_, about=about, compute=compute, once=once)


def _field(name: str, type_: CellType, about: str, read: Callable[[Signal], CellValue]) -> Source:
    return Source(
        name=name, kind="field", type=type_, about=about, compute=lambda r, *_: read(r.signal), of=read
    )


def _sent(name: str, type_: CellType, about: str, *, sticky: bool = False) -> Source:
    """A field of the API that is an attribute of that name."""
    read: Callable[[Signal], CellValue] = attrgetter(name)
    return _field(name, type_, about, read)._replace(sticky=sticky)


def _calc(name: str, type_: CellType, about: str, read: Callable[[Signal], CellValue]) -> Source:
    return _field(name, type_, about, read)._replace(kind="calc")


def _judged(name: str, type_: CellType, about: str) -> Source:
    def read(record: Record, zone: tzinfo, symbols: Symbols) -> CellValue:
        del symbols
        value = record.judged.get(name)
        return wall_time(value, zone) if isinstance(value, datetime) else value

    return _source(name, "calc", type_, about, read)


def _spelt(name: str, about: str, read: Callable[[Symbols, Signal], CellValue]) -> Source:
    return _source(name, "calc", CellType.TEXT, about, lambda r, _, symbols: read(symbols, r.signal))


def _zone_bound(index: int) -> Callable[[Signal], CellValue]:
    def read(signal: Signal) -> CellValue:
        zone = risk.entry_zone(signal)
        return zone[index] if zone else None

    return read


JOURNALED = "journaled"
"""What only a plan fills in: of which signals another tab was given a row."""

_TEXT, _NUMBER, _TIME, _ID = CellType.TEXT, CellType.NUMBER, CellType.TIME, CellType.ID

_ALL = (
    # the API's fields, in the guide's order
    _field(
        "id",
        _ID,
        "the signal's id, unique within its table; `5#2` is the second signal of id 5",
        lambda s: id_cell(s.key.id),
    ),
    _source(
        "timestamp", "field", _TIME, "when it was published", lambda r, z, _: wall_time(r.signal.timestamp, z)
    ),
    _sent("exchange", _TEXT, "the exchange's code, as it was sent"),
    _sent("currency", _TEXT, "the quote currency"),
    _sent("coin", _TEXT, "the coin"),
    _sent("direction", _TEXT, "LONG or SHORT"),
    _sent("buy_start", _NUMBER, "one end of the entry zone"),
    _sent("buy_end", _NUMBER, "the other end of the entry zone"),
    _sent("target1", _NUMBER, "the first take-profit target"),
    _sent("target2", _NUMBER, "the second one"),
    _sent("target3", _NUMBER, "the third one"),
    _sent("stop_loss", _NUMBER, "the stop"),
    _sent("type", _TEXT, "the horizon, such as SHORT TERM"),
    _sent("ask", _NUMBER, "the reference price when it was published"),
    _sent("risk_level", _NUMBER, "the provider's risk score, 1 to 5"),
    _sent("leverage", _NUMBER, "the suggested leverage, once it was sent", sticky=True),
    # what the journal adds
    _source("status", "field", _TEXT, "open, closed or aged", lambda r, *_: r.status.value),
    _source(
        "first_seen", "field", _TIME, "when a run first saw it",
        lambda r, z, _: wall_time(r.first_seen, z), once=True,
    ),
    _source(
        "last_seen", "field", _TIME, "when it was last seen; blank while open",
        lambda r, z, _: wall_time(r.last_seen, z),
    ),
    _field("table", _TEXT, "the provider's table: main or scalping", lambda s: s.key.table.value),
    _field("flags", _TEXT, "what is odd about its values, in words", lambda s: "; ".join(s.flags)),
    # what we compute
    _calc("pair", _TEXT, "coin and quote: `BTC/USDT`", pair),
    _spelt("exchange_name", "the exchange's name: `Binance Futures`", lambda y, s: y.exchange_name(s.exchange)),
    _calc("entry_low", _NUMBER, "the lower end of the entry zone", _zone_bound(0)),
    _calc("entry_high", _NUMBER, "the upper end of the entry zone", _zone_bound(1)),
    _calc("entry_mid", _NUMBER, "the middle of the zone; the ask where there is no zone", risk.entry_mid),
    _calc("stop_pct", _NUMBER, "distance from the entry to the stop, a share of the entry", risk.stop_share),
    _calc("tp1_pct", _NUMBER, "distance to target 1, a share of the entry",
          lambda s: risk.target_share(s, s.target1)),
    _calc("tp2_pct", _NUMBER, "the same for target 2", lambda s: risk.target_share(s, s.target2)),
    _calc("tp3_pct", _NUMBER, "the same for target 3", lambda s: risk.target_share(s, s.target3)),
    _calc("rr1", _NUMBER, "reward to risk at target 1", lambda s: risk.reward_to_risk(s, s.target1)),
    _calc("rr2", _NUMBER, "the same at target 2", lambda s: risk.reward_to_risk(s, s.target2)),
    _calc("rr3", _NUMBER, "the same at target 3", lambda s: risk.reward_to_risk(s, s.target3)),
    _source(
        "lag_minutes", "calc", _NUMBER, "minutes from publication to our first sight of it",
        lambda r, *_: minutes_late(r), once=True,
    ),
    _spelt("tv_symbol", "TradingView's symbol: `BINANCE:BTCUSDT.P`", Symbols.tradingview),
    _spelt("ccxt_id", "ccxt's name of the exchange: `binanceusdm`", Symbols.ccxt_id),
    _spelt("ccxt_symbol", "ccxt's unified symbol: `BTC/USDT:USDT`", Symbols.ccxt),
    _spelt("trade_url", "the pair's page at its exchange", Symbols.url),
    _spelt("cornix_text", "the signal as a message that Cornix reads", cornix_text),
    _source("seq", "calc", _NUMBER, "grows with each arrival", lambda r, *_: Decimal(r.arrival), once=True),
    _source("uid", "calc", _ID, "an id unique over both tables", lambda r, *_: id_cell(uid(r.signal.key))),
    Source(
        name=JOURNALED, kind="calc", type=_TEXT, about="yes once a tab that `takes` signals was given its row",
        compute=lambda *_: None, sticky=True,
    ),
)  # fmt: skip

_OUTCOMES = (
    _judged("outcome", _TEXT, "what became of it: waiting, missed, invalidated, unfilled, open, won, partial, "
            "stopped, expired, touched, unknown, not judged"),
    _judged("outcome_note", _TEXT, "why it was not judged, or not on its own market"),
    _judged("counted", _TEXT, "under what it counts in a track record: entered, too_young, or the outcome"),
    _judged("entered_at", _TIME, "when it was entered on paper"),
    _judged("entry_price", _NUMBER, "the price of that"),
    _judged("valid_targets", _NUMBER, "how many targets it has on the profit side"),
    _judged("targets_hit", _NUMBER, "how many of them were hit"),
    _judged("target1_at", _TIME, "when the first of them was hit"),
    _judged("target2_at", _TIME, "when the second was"),
    _judged("target3_at", _TIME, "when the third was"),
    _judged("stop_at", _TIME, "when the stop was hit"),
    _judged("exit_at", _TIME, "when the last of it was closed"),
    _judged("exit_price", _NUMBER, "the price of that"),
    _judged("minutes_held", _NUMBER, "minutes from entry to exit"),
    _judged("r_gross", _NUMBER, "the result in R: 1 is what the plan risked"),
    _judged("r_net", _NUMBER, "the same after fees and funding"),
    _judged("r_worst", _NUMBER, "the lowest result that the candles allow"),
    _judged("r_best", _NUMBER, "the highest one"),
    _judged("mfe_r", _NUMBER, "how far it went the right way, in R"),
    _judged("mae_r", _NUMBER, "how far it went the wrong way, in R"),
    _judged("ambiguous", _TEXT, "yes: one candle reached two levels, and nobody can tell which came first"),
    _judged("liquidation_first", _TEXT, "yes: at its leverage the margin is gone before the stop"),
    _judged("outcome_day", _NUMBER, "the day (UTC) it counts as, as spreadsheets count them; of long horizons "
            "the week: its Monday and a half"),
    _judged("judged_until", _TIME, "up to when candles are known"),
    _judged("last_price", _NUMBER, "while it is not over: the market's last price"),
    _judged("last_price_at", _TIME, "the time of that"),
    _judged("to_stop_pct", _NUMBER, "from there to the stop, a share of the price"),
    _judged("to_target_pct", _NUMBER, "from there to the next target, a share of the price"),
)  # fmt: skip
OUTCOMES = frozenset(each.name for each in _OUTCOMES)
"""What only a judged signal has, see docs/how-to/outcomes.md."""

SOURCES: Mapping[str, Source] = {source.name: source for source in (*_ALL, *_OUTCOMES)}
API_FIELDS: tuple[str, ...] = tuple(source.name for source in _ALL)[:16]
EXTRA = "extra:"
"""A column of a field the guide does not name: `field = "extra:NAME"`."""


def source(name: str) -> Source:
    """The source of that name; KeyError for an unknown one."""
    if name.startswith(EXTRA):
        wanted = name.removeprefix(EXTRA)
        return _field(name, _TEXT, "a field that the guide does not name", lambda s: s.extra.get(wanted))
    return SOURCES[name]
