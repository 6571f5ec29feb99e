"""One JSON object of an answer as a signal, or the reason why it is none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, tzinfo
from decimal import Decimal

from cqs_sheets.core.signals.decimals import exact_decimal
from cqs_sheets.core.signals.json_text import NumberText, RepeatedNames, clean, shortened, write_json
from cqs_sheets.core.signals.moments import moment
from cqs_sheets.core.signals.oddities import oddities
from cqs_sheets.core.signals.signal import FeedTable, Signal, SignalKey
from cqs_sheets.core.signals.vocabulary import DIRECTIONS, TYPES

_ZONE = ("buy_start", "buy_end")
_TARGETS = ("target1", "target2", "target3")
_OTHERS = ("id", "timestamp", "exchange", "currency", "coin", "direction", "type", "risk_level", "leverage")
_FIELDS = frozenset((*_OTHERS, *_ZONE, *_TARGETS, "stop_loss", "ask"))
_MAX_TEXT = 200
_MAX_EXTRA = 32_000  # what one spreadsheet cell holds
_MAX_SHOWN = 40


class MalformedError(ValueError):
    """Why one object is no signal."""


def read_signal(value: object, table: FeedTable, zone: tzinfo, at: datetime | None = None) -> Signal:
    """The signal that one object of an answer stands for. Raises MalformedError, saying why it is none.

    Times without a zone are on the clocks of `zone`, as they were by `at` (see moment). Values that
    are merely odd are kept and flagged.
    """
    if not isinstance(value, dict):
        raise MalformedError("not an object")
    if isinstance(value, RepeatedNames):
        raise MalformedError("a field comes twice")
    coin = _text(value, "coin")
    id_ = _id(value)
    if not id_:
        raise MalformedError("no id")
    if not coin:
        raise MalformedError("no coin")
    risk, odd_risk = _soft_number(value, "risk_level")
    leverage, odd_leverage = _soft_number(value, "leverage")
    signal = Signal(
        key=SignalKey(table, id_),
        timestamp=_time(value, zone, at),
        exchange=_text(value, "exchange"),
        currency=_text(value, "currency"),
        coin=coin,
        direction=_spelt_as(DIRECTIONS, _text(value, "direction")),
        type=_spelt_as(TYPES, _text(value, "type")),
        risk_level=risk,
        leverage=leverage or None,
        buy_start=_price(value, "buy_start"),
        buy_end=_price(value, "buy_end"),
        target1=_price(value, "target1"),
        target2=_price(value, "target2"),
        target3=_price(value, "target3"),
        stop_loss=_price(value, "stop_loss"),
        ask=_price(value, "ask"),
        extra=_extra(value),
    )
    return replace(signal, flags=(*oddities(signal), *odd_risk, *odd_leverage))


def _text(fields: Mapping[str, object], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedError(f"{name} is not text")
    text = clean(str(value)).strip()
    if len(text) > _MAX_TEXT:
        raise MalformedError(f"{name} is longer than {_MAX_TEXT} characters")
    return text


def _id(fields: Mapping[str, object]) -> str:
    text = _text(fields, "id")
    number = exact_decimal(text) if isinstance(fields.get("id"), NumberText) else None
    whole = number is not None and number == number.to_integral_value()
    return format(number.to_integral_value(), "f") if whole and number is not None else text


def id_or_none(value: object) -> str | None:
    """The id of an object that need not be a signal."""
    if not isinstance(value, dict) or isinstance(value, RepeatedNames):
        return None
    try:
        return _id(value) or None
    except MalformedError:
        return None


def _price(fields: Mapping[str, object], name: str) -> Decimal | None:
    """An exact price; missing, null, blank and zero mean none."""
    text = _text(fields, name)
    number = exact_decimal(text) if text else Decimal(0)
    if number is None:
        raise MalformedError(f"{name} is not a number: {shortened(text, _MAX_SHOWN)!r}")
    if number < 0:
        raise MalformedError(f"{name} is negative: {shortened(text, _MAX_SHOWN)}")
    return number or None


def _soft_number(fields: Mapping[str, object], name: str) -> tuple[Decimal | None, tuple[str, ...]]:
    """A number that a signal can do without: (number or None, what is odd about it)."""
    value = fields.get(name)
    text = clean(value).strip() if isinstance(value, str) else write_json(value)
    if value is None or not text:
        return None, ()
    number = exact_decimal(text)
    if number is None or number < 0:
        return None, (f"{name.replace('_', ' ')} cannot be read: {shortened(text, _MAX_SHOWN)!r}",)
    return number, ()


def _time(fields: Mapping[str, object], zone: tzinfo, at: datetime | None) -> datetime:
    text = _text(fields, "timestamp")
    if not text:
        raise MalformedError("no timestamp")
    found = moment(text, zone, at)
    if found is None:
        raise MalformedError(f"timestamp is not a time: {shortened(text, _MAX_SHOWN)!r}")
    return found


def _extra(fields: Mapping[str, object]) -> dict[str, str]:
    """Fields that the guide does not name, as text; nested ones as compact JSON, null as nothing."""
    return {
        clean(name): shortened(clean(value) if isinstance(value, str) else write_json(value), _MAX_EXTRA)
        for name, value in fields.items()
        if name not in _FIELDS and value is not None
    }


def _spelt_as(known: Iterable[str], text: str) -> str:
    """The guide's spelling of a word that differs from it only in casing or spacing."""
    folded = " ".join(text.upper().split())
    return folded if folded in known else text
