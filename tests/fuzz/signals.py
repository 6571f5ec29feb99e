"""The way of an API body, from its bytes to the cells of both kinds of spreadsheet, and what must be true of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from random import Random
from zoneinfo import ZoneInfo

from cqs_sheets.core.signals.fields import SOURCES
from cqs_sheets.core.signals.parse import NotTheEnvelope, parse_envelope, parse_signals
from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, Status
from cqs_sheets.destinations.excel.parts import cellxml
from cqs_sheets.destinations.google.read import cells
from cqs_sheets.journal.model import content_of, record_from, to_stamp
from tests.fuzz.bodies import body

_SEEN = datetime(2026, 5, 24, 14, 40, tzinfo=UTC)
_ZONES = [UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")]
_ILLEGAL_IN_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]|\xed[\xa0-\xbf]")
_PRICES = (
    "buy_start",
    "buy_end",
    "target1",
    "target2",
    "target3",
    "stop_loss",
    "ask",
    "leverage",
    "risk_level",
)
_HIGHEST = Decimal(10) ** 31


def check_body(random: Random) -> str:
    """Take one body all the way; AssertionError or any other exception is a finding. Says what came of it."""
    zone = random.choice(_ZONES)
    return check_bytes(body(random), zone)


def check_bytes(sent: bytes, zone: tzinfo = UTC) -> str:
    """The same with this very body."""
    try:
        envelope = parse_envelope(sent)
    except NotTheEnvelope as refused:
        return "no envelope" if 0 < len(refused.reason) < 300 else "no reason"
    parsed = parse_signals(envelope.signals, table=FeedTable.MAIN, zone=zone, count=envelope.count)
    assert len(parsed.signals) + len(parsed.rejects) <= len(envelope.signals)
    assert len({signal.key for signal in parsed.signals}) == len(parsed.signals)
    for reject in parsed.rejects:
        assert reject.reason
        assert len(reject.raw) <= 2_000
        f"{reject.id}{reject.reason}{reject.raw}".encode()
    for signal in parsed.signals:
        _check_signal(signal)
        _check_cells(_kept(signal), zone)
    return "signals" if parsed.signals else "rejects" if parsed.rejects else "nothing"


def _check_signal(signal: Signal) -> None:
    assert signal.key.id.strip() == signal.key.id != ""
    assert signal.timestamp.utcoffset() == timedelta(0)
    for name in _PRICES:
        number = getattr(signal, name)
        assert number is None or (number.is_finite() and 0 <= number < _HIGHEST), name
    for text in (signal.key.id, signal.coin, signal.exchange, signal.currency, signal.direction, signal.type):
        assert len(text) <= 200
        text.encode()


def _kept(signal: Signal) -> Record:
    """The signal through the journal and back: unchanged."""
    row = (1, signal.key.table, signal.key.id, to_stamp(_SEEN), "open", None, 1, content_of(signal))
    record = record_from(row)
    assert record == Record(
        signal=signal, status=Status.OPEN, first_seen=_SEEN, last_seen=None, arrival=1, revision=1
    )
    return record


def _check_cells(record: Record, zone: tzinfo) -> None:
    """Text is text in both kinds of spreadsheet, whatever it says; nothing is longer than a cell holds."""
    for name, source in SOURCES.items():
        value = source.read(record, zone)
        inexact = isinstance(value, Decimal) and cells.is_no_number(value)
        encoded = cellxml.encode(value, epoch_1904=False)
        assert not _ILLEGAL_IN_XML.search(encoded.content), name
        assert b"<f" not in encoded.content, name
        wire = cells.encode(value)
        assert "formulaValue" not in wire, name
        if (isinstance(value, str) and value) or inexact:
            assert encoded.type == b"inlineStr", name
            assert len(encoded.content) < 400_000, name
            assert set(wire) == {"stringValue"}, name
            wire["stringValue"].encode()
