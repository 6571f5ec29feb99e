"""What a synced column can show: every API field, what the journal adds, what we compute.

One registry, so that templates, plans and exports speak of the same names and types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal

from cqs_sheets.core import risk, symbols
from cqs_sheets.core.cells import CellType, CellValue, id_cell
from cqs_sheets.core.signal import FeedTable, Record, Signal
from cqs_sheets.core.vocabulary import exchange_name

_Read = Callable[[Record, tzinfo], CellValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a column's values come from.

    `once`: the first value written stays (it says when this sheet first saw something).
    `sticky`: a value already in the sheet is never blanked.
    """

    name: str
    kind: str
    type: CellType
    read: _Read
    once: bool = False
    sticky: bool = False


def wall_time(moment: datetime | None, zone: tzinfo) -> datetime | None:
    """An aware time as a naive one on the clocks of `zone`: spreadsheets have no zones."""
    return moment.astimezone(zone).replace(tzinfo=None) if moment else None


def minutes_late(record: Record) -> Decimal:
    """Minutes from publication to our first sight of it, to a tenth; clock noise never shows as negative."""
    seconds = (record.first_seen - record.signal.timestamp).total_seconds()
    return max(Decimal(0), Decimal(round(seconds / 6)) / 10)


def cornix_text(signal: Signal) -> str:
    """The signal as Cornix's free-text format, or blank where a needed value is missing."""
    zone = risk.entry_zone(signal)
    targets = [t for t in (signal.target1, signal.target2, signal.target3) if t is not None]
    if not zone or not targets or signal.stop_loss is None:
        return ""
    lines = [
        f"#{symbols.pair(signal)}",
        f"Exchanges: {exchange_name(signal.exchange)}",
        f"Signal Type: Regular ({signal.direction.capitalize()})",
        *([f"Leverage: Isolated ({plain(signal.leverage)}X)"] if signal.leverage else []),
        f"Entry Zone: {plain(zone[0])} - {plain(zone[1])}",
        "Take-Profit Targets:",
        *(f"{number}) {plain(target)}" for number, target in enumerate(targets, start=1)),
        f"Stop Targets: {plain(signal.stop_loss)}",
    ]
    return "\n".join(lines)


def plain(number: Decimal) -> str:
    """A decimal without exponent, as people write it."""
    return format(number, "f")


def uid(record: Record) -> str:
    """An id unique over both tables of the provider."""
    key = record.signal.key
    return key.id if key.table is FeedTable.MAIN else f"{key.table.value}:{key.id}"


def _field(
    name: str, type_: CellType, read: Callable[[Signal], CellValue], *, sticky: bool = False
) -> Source:
    return Source(name=name, kind="field", type=type_, read=lambda r, _: read(r.signal), sticky=sticky)


def _calc(name: str, type_: CellType, read: Callable[[Signal], CellValue]) -> Source:
    return Source(name=name, kind="calc", type=type_, read=lambda r, _: read(r.signal))


def _zone_bound(index: int) -> Callable[[Signal], CellValue]:
    def read(signal: Signal) -> CellValue:
        zone = risk.entry_zone(signal)
        return zone[index] if zone else None

    return read


_TEXT, _NUMBER, _TIME, _ID = CellType.TEXT, CellType.NUMBER, CellType.TIME, CellType.ID

_ALL = (
    # the API's fields, in the guide's order
    _field("id", _ID, lambda s: id_cell(s.key.id)),
    Source(name="timestamp", kind="field", type=_TIME, read=lambda r, z: wall_time(r.signal.timestamp, z)),
    _field("exchange", _TEXT, lambda s: s.exchange),
    _field("currency", _TEXT, lambda s: s.currency),
    _field("coin", _TEXT, lambda s: s.coin),
    _field("direction", _TEXT, lambda s: s.direction),
    _field("buy_start", _NUMBER, lambda s: s.buy_start),
    _field("buy_end", _NUMBER, lambda s: s.buy_end),
    _field("target1", _NUMBER, lambda s: s.target1),
    _field("target2", _NUMBER, lambda s: s.target2),
    _field("target3", _NUMBER, lambda s: s.target3),
    _field("stop_loss", _NUMBER, lambda s: s.stop_loss),
    _field("type", _TEXT, lambda s: s.type),
    _field("ask", _NUMBER, lambda s: s.ask),
    _field("risk_level", _NUMBER, lambda s: s.risk_level),
    _field("leverage", _NUMBER, lambda s: s.leverage, sticky=True),
    # what the journal adds
    Source(name="status", kind="field", type=_TEXT, read=lambda r, _: r.status.value),
    Source(
        name="first_seen", kind="field", type=_TIME, once=True, read=lambda r, z: wall_time(r.first_seen, z)
    ),
    Source(name="last_seen", kind="field", type=_TIME, read=lambda r, z: wall_time(r.last_seen, z)),
    _field("table", _TEXT, lambda s: s.key.table.value),
    _field("flags", _TEXT, lambda s: "; ".join(s.flags)),
    # what we compute
    _calc("pair", _TEXT, symbols.pair),
    _calc("exchange_name", _TEXT, lambda s: exchange_name(s.exchange)),
    _calc("entry_low", _NUMBER, _zone_bound(0)),
    _calc("entry_high", _NUMBER, _zone_bound(1)),
    _calc("entry_mid", _NUMBER, risk.entry_mid),
    _calc("stop_pct", _NUMBER, risk.stop_share),
    _calc("tp1_pct", _NUMBER, lambda s: risk.target_share(s, s.target1)),
    _calc("tp2_pct", _NUMBER, lambda s: risk.target_share(s, s.target2)),
    _calc("tp3_pct", _NUMBER, lambda s: risk.target_share(s, s.target3)),
    _calc("rr1", _NUMBER, lambda s: risk.reward_to_risk(s, s.target1)),
    _calc("rr2", _NUMBER, lambda s: risk.reward_to_risk(s, s.target2)),
    _calc("rr3", _NUMBER, lambda s: risk.reward_to_risk(s, s.target3)),
    Source(name="lag_minutes", kind="calc", type=_NUMBER, once=True, read=lambda r, _: minutes_late(r)),
    _calc("tv_symbol", _TEXT, symbols.tradingview_symbol),
    _calc("ccxt_symbol", _TEXT, symbols.ccxt_symbol),
    _calc("trade_url", _TEXT, symbols.trade_url),
    _calc("cornix_text", _TEXT, cornix_text),
    Source(name="seq", kind="calc", type=_NUMBER, once=True, read=lambda r, _: Decimal(r.arrival)),
    Source(name="uid", kind="calc", type=_ID, read=lambda r, _: id_cell(uid(r))),
)

SOURCES: Mapping[str, Source] = {source.name: source for source in _ALL}
API_FIELDS: tuple[str, ...] = tuple(source.name for source in _ALL)[:16]
EXTRA = "extra:"
"""A column of a field the guide does not name: `field = "extra:NAME"`."""


def source(name: str) -> Source:
    """The source of that name; KeyError for an unknown one."""
    if name.startswith(EXTRA):
        wanted = name.removeprefix(EXTRA)
        return Source(name=name, kind="field", type=_TEXT, read=lambda r, _: r.signal.extra.get(wanted))
    return SOURCES[name]
