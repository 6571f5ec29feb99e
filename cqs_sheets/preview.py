"""A template filled with what it is for: invented signals, and trades on them where there is a Journal."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import openpyxl

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan.rows import busiest
from cqs_sheets.core.signals.coverage import next_arrival, observe
from cqs_sheets.core.signals.fields import wall_time
from cqs_sheets.core.signals.parse import parse_signals
from cqs_sheets.core.signals.signal import FeedTable, Record, Status
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.excel.edit.results import store_results
from cqs_sheets.destinations.excel.edit.rows import CellEdit, RowEdit, rewritten
from cqs_sheets.destinations.excel.edit.stale import forget_results
from cqs_sheets.destinations.excel.parts.cellxml import encode
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.export import write_workbook
from cqs_sheets.values import replace

_EXAMPLES, _TRADES = 200, 60
_SPAN, _SLOWLY = timedelta(days=31), 0.3  # as many signals as a few days of a market at full speed have
_WINDOW = timedelta(minutes=20)
_STILL_OPEN = 7
_SETUPS = ("Signal as-is", "Breakout", "Pullback", "Range", "News")
_NOTES = (
    "",
    "",
    "Clean fill in zone",
    "Chased the entry",
    "Let TP2 run",
    "Exited before news",
    "Moved stop early",
)


def write_preview(file: Path, template: Template, now: datetime) -> tuple[int, int]:
    """A new workbook as it may look at a time (UTC); how many rows and trades. Raises as a destination does."""
    records = invented(now)
    settings = {"Time_zone": "UTC", "Last_sync": wall_time(now, UTC), "Feed_status": "preview"}
    lists = busiest(template, {}, ((record, 1) for record in records), UTC)
    rows = write_workbook(file, template, records, UTC, {**settings, **lists})
    if not any(tab.name == "Journal" for tab in template.tabs):
        return rows, 0
    type_trades(file, template, _TRADES)
    return rows, _TRADES


def type_trades(book: Path, template: Template, count: int) -> None:
    """Type `count` trades into the first rows of the workbook's Journal; the last ones are still open."""
    dice = Random(11)  # noqa: S311 - the same pictures every time
    taken = sorted(dice.sample(_signals(book, template), count), key=lambda signal: signal["time"])
    trades = [
        _trade(signal, dice, is_open=number >= count - _STILL_OPEN) for number, signal in enumerate(taken)
    ]
    tab = template.tab("Journal")
    assert isinstance(tab, TableTab)  # noqa: S101 - it is a table in every template that has one
    places = {column.id: at for at, column in enumerate(tab.columns, start=1)}
    edits = {row: _row(trade, places) for row, trade in enumerate(trades, start=3)}
    with Package.open(book.read_bytes()) as package:
        draft = Draft(package)
        workbook = Workbook(draft)
        sheet = workbook.sheet("Journal")
        assert sheet is not None  # noqa: S101
        before = draft.content(sheet.part)
        draft.put(sheet.part, lambda: rewritten(before, edits, bytes, bytes))
        forget_results(draft, workbook, [sheet], ())
        store_results(draft, workbook, template, workbook.sheets)
        buffer = io.BytesIO()
        draft.write(buffer)
    book.write_bytes(buffer.getvalue())


def invented(now: datetime, count: int = _EXAMPLES) -> list[Record]:
    """About `count` signals of an invented market's last weeks and some scalps, the oldest first."""
    return sorted(_invented(now, count), key=lambda record: record.signal.timestamp)


def _invented(now: datetime, wanted: int) -> Iterator[Record]:
    from cqs_sheets.sandbox import Simulation, Table  # noqa: PLC0415 - for invented signals only

    market, arrival = Simulation(seed=1, speed=_SLOWLY), 0
    for table, count in ((FeedTable.MAIN, wanted), (FeedTable.SCALPING, wanted // 10)):
        for drawn in market.sample(Table(table.value), now - _SPAN, now, count):
            fields = {**drawn.published_fields, "leverage": drawn.leverage}
            parsed = parse_signals([fields], table=table, zone=UTC)
            for signal in parsed.signals:
                arrival = next_arrival(arrival, signal.timestamp)
                record = observe(None, signal, signal.timestamp, arrival)
                yield (
                    record
                    if now - signal.timestamp < _WINDOW
                    else replace(record, status=Status.AGED, last_seen=signal.timestamp + _WINDOW)
                )


def _signals(book: Path, template: Template) -> list[dict[str, Any]]:
    tab = template.tab("Signals")
    assert isinstance(tab, TableTab)  # noqa: S101
    ids = [column.id for column in tab.columns]
    with closing(openpyxl.load_workbook(book, read_only=True)) as opened:  # else the file stays open
        rows = opened["Signals"].iter_rows(min_row=3, values_only=True)
        signals = [dict(zip(ids, row, strict=False)) for row in rows]
    return [signal for signal in signals if signal["stop_pct"] and signal["tp1"]]


def _row(trade: Mapping[str, CellValue], places: Mapping[str, int]) -> RowEdit:
    return RowEdit(
        cells={places[name]: CellEdit(encode(value, epoch_1904=False)) for name, value in trade.items()}
    )


def _trade(signal: Mapping[str, Any], dice: Random, *, is_open: bool) -> dict[str, CellValue]:
    """About one in two gets to its first target; a few are closed in two steps."""
    entry, stop, target = (float(signal[name]) for name in ("entry", "stop", "tp1"))
    filled = entry + (stop - entry) * dice.uniform(-0.06, 0.1)
    opened: datetime = signal["time"] + timedelta(minutes=dice.randint(1, 40))
    risked = dice.choice((60, 80, 100, 100, 120))
    trade: dict[str, CellValue] = {
        "sig": Decimal(str(signal["id"])),
        "table": "main",
        "opened": opened,
        "entry": _digits(filled, 6),
        "qty": _digits(risked / abs(entry - stop), 3),
    }
    if is_open and dice.random() < 0.7:  # noqa: PLR2004
        return trade
    exits = dict(_exits(signal, dice, filled, target, is_open=is_open))
    closed = {} if is_open else {"closed": opened + timedelta(minutes=dice.randint(30, 3000))}
    review = {"setup": dice.choice(_SETUPS), "grade": dice.choice("AABBBC"), "note": dice.choice(_NOTES)}
    return trade | exits | closed | review


def _exits(
    signal: Mapping[str, Any], dice: Random, filled: float, target: float, *, is_open: bool
) -> Iterator[tuple[str, CellValue]]:
    stop = float(signal["stop"])
    if is_open:
        yield from (("x1p", _digits(target, 6)), ("x1q", Decimal("0.5")), ("stop_now", _digits(filled, 6)))
    elif dice.random() < 0.46:  # noqa: PLR2004
        yield from (("x1p", _digits(stop, 6)), ("x1q", Decimal(1)))
    elif signal["tp2"] and dice.random() < 0.7:  # noqa: PLR2004
        last = float(signal["tp2"]) if dice.random() < 0.6 else filled  # noqa: PLR2004
        yield from (("x1p", _digits(target, 6)), ("x1q", Decimal("0.5")))
        yield from (("x2p", _digits(last, 6)), ("x2q", Decimal("0.5")))
    else:
        yield from (("x1p", _digits(target, 6)), ("x1q", Decimal(1)))


def _digits(number: float, count: int) -> Decimal:
    return Decimal(f"{number:.{count}g}")
