"""JSON read without losing anything: numbers keep their digits, repeated names are noticed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import repeat
from operator import gt, itemgetter, lt
from sys import intern

from cqs_sheets.core.signals.exchanges import DIRECTIONS, TYPES
from cqs_sheets.core.signals.risk import entry_zone
from cqs_sheets.core.signals.signal import FeedTable, Signal, SignalKey, exact_decimal, has_no_zone, moment
from cqs_sheets.patterns import regex
from cqs_sheets.values import replace

_LONE_SURROGATE = regex("[\ud800-\udfff]")
REPLACEMENT = "\ufffd"
"""Stands for what was not UTF-8."""


class NumberText(str):
    """A JSON number (or NaN, Infinity), as the digits that came."""

    __slots__ = ()


class RepeatedNames(dict[str, object]):
    """A JSON object in which a name occurs twice: which value counts is anyone's guess."""


def read_json(body: bytes) -> object:
    """The value of a JSON text; a byte order mark and stray bytes are tolerated.

    Numbers are NumberText, objects with repeated names RepeatedNames, all text can be encoded as
    UTF-8 (what could not is U+FFFD). Raises ValueError if it is no JSON, or nested too deeply.
    """
    text = body.decode("utf-8-sig", errors="replace")
    try:
        return _loaded(text)
    except RecursionError:
        pass
    try:
        return _loaded(_shallow(text))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _loaded(text: str) -> object:
    return json.loads(
        text,
        parse_float=NumberText,
        parse_int=NumberText,
        parse_constant=NumberText,
        object_pairs_hook=_object,
    )


def _shallow(text: str) -> str:
    """The same JSON with _TOO_DEEP in place of each list or object in a signal that is nested too deeply."""
    parts: list[str] = []
    depth = deepest = start = kept = 0
    for token in _STRING_OR_BRACKET.finditer(text):
        sign = token[0]
        if sign in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if depth == _IN_A_SIGNAL:
                start, deepest = token.start(), depth
        elif sign in "]}":
            if depth == _IN_A_SIGNAL and deepest > _DEEPEST:
                parts += text[kept:start], json.dumps(_TOO_DEEP)
                kept = token.end()
            depth -= 1
    if depth > _DEEPEST:  # it never ends
        raise ValueError("nested too deeply")
    return "".join((*parts, text[kept:]))


_STRING_OR_BRACKET = regex(r'"(?:[^"\\]|\\.)*+"|[][{}]', re.DOTALL)
_IN_A_SIGNAL = 4  # the depth of what stands in a field: in an envelope, a list, a signal
_DEEPEST = 50
_TOO_DEEP = "\ufdd0 nested too deeply"  # with a character that no text has


def write_json(value: object) -> str:
    """Compact JSON of what `read_json` returned, numbers with the digits that came."""
    try:
        return _compact(value)
    except RecursionError:
        return '"nested too deeply"'


def clean(text: str) -> str:
    """`text` with lone surrogates, which no file or database takes, replaced by U+FFFD."""
    return text if text.isascii() else _LONE_SURROGATE.sub(REPLACEMENT, text)


def shortened(text: str, limit: int) -> str:
    """`text` cut to at most `limit` characters, an ellipsis in place of what is missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else RepeatedNames(found)


def _compact(value: object) -> str:
    if isinstance(value, NumberText):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{_compact(name)}:{_compact(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_compact, value)) + "]"
    return clean(json.dumps(value, ensure_ascii=False))


_FAR = Decimal("0.1")  # of the ask: a reference price this far outside its entry zone is likely a slip
_LOWEST_RISK, _HIGHEST_RISK = Decimal(1), Decimal(5)


def oddities(signal: Signal) -> tuple[str, ...]:
    """Short statements, each about values that came as they are kept, e.g. "stop on the wrong side"."""
    found = [*_of_words(signal), *_of_numbers(signal)]
    if signal.direction in DIRECTIONS:
        found += _of_levels(signal, rising=signal.direction == "LONG")
    return tuple(found)


def _of_words(signal: Signal) -> Iterator[str]:
    words = (signal.exchange, signal.currency, signal.type, signal.direction)
    if not all(words):
        names = ("exchange", "currency", "type", "direction")
        yield from (f"no {name}" for name, text in zip(names, words, strict=True) if not text)
    if signal.direction and signal.direction not in DIRECTIONS:
        yield "unknown direction"
    if signal.type and signal.type not in TYPES:
        yield "unknown type"
    if REPLACEMENT in "".join((signal.key.id, signal.coin, *words[:3])):
        yield "text that is not UTF-8"


def _of_numbers(signal: Signal) -> Iterator[str]:
    if signal.risk_level is not None and not _LOWEST_RISK <= signal.risk_level <= _HIGHEST_RISK:
        yield f"risk level outside {_LOWEST_RISK}-{_HIGHEST_RISK}"
    zone = entry_zone(signal)
    if not zone:
        yield "no entry zone"
    elif signal.ask is not None and _is_far(signal.ask, *zone):
        yield "ask far outside the entry zone"
    targets = (signal.target1, signal.target2, signal.target3)
    if targets == (None, None, None):
        yield "no target"
    elif None in targets[: len(targets) - targets.count(None)]:
        yield "a target is skipped"


def _of_levels(signal: Signal, *, rising: bool) -> Iterator[str]:
    """Levels against the direction: profits lie above the entry and the stop below it, or mirrored."""
    targets = [t for t in (signal.target1, signal.target2, signal.target3) if t is not None]
    stop, ask = signal.stop_loss, signal.ask
    low, high = entry_zone(signal) or (ask, ask)
    is_beyond = gt if rising else lt
    if not all(map(is_beyond, targets[1:], targets)):
        yield "targets out of order"
    if low is not None and high is not None:
        near, far = (low, high) if rising else (high, low)
        if not all(map(is_beyond, targets, repeat(far))):
            yield "target on the wrong side"
        if stop is not None and not is_beyond(near, stop):
            yield "stop on the wrong side" if is_beyond(stop, far) else "stop inside the entry zone"
    start, end = signal.buy_start, signal.buy_end
    if rising and start is not None and end is not None and start > end:
        yield "entry zone reversed"


def _is_far(ask: Decimal, low: Decimal, high: Decimal) -> bool:
    return not low <= ask <= high and max(low - ask, ask - high) > _FAR * ask


_MAX_TEXT = 200
_MAX_EXTRA = 32_000  # what one spreadsheet cell holds
_MAX_SHOWN = 40
_PLAIN_PRICE = 30  # characters: digits that are surely within bounds


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
    if _TOO_DEEP in value.values():
        raise MalformedError("a field is nested too deeply")
    coin, text, stamp, exchange, currency, direction, type_, *prices = _texts(value)
    id_ = _whole(text) if isinstance(value.get("id"), NumberText) else text
    if not id_:
        raise MalformedError("no id")
    if not id_.isprintable():  # a key: journals, sheets and terminals would each make something else of it
        raise MalformedError("the id holds characters that no id has")
    if not coin:
        raise MalformedError("no coin")
    buy_start, buy_end, target1, target2, target3, stop_loss, ask = _prices(prices)
    risk, odd_risk = _soft_number(value, "risk_level")
    leverage, odd_leverage = _soft_number(value, "leverage")
    signal = Signal(
        key=SignalKey(table, id_),
        timestamp=_time(stamp, zone, at),
        exchange=exchange,
        currency=currency,
        coin=coin,
        direction=_spelt_as(DIRECTIONS, direction),
        type=_spelt_as(TYPES, type_),
        risk_level=risk,
        leverage=leverage or None,
        buy_start=buy_start,
        buy_end=buy_end,
        target1=target1,
        target2=target2,
        target3=target3,
        stop_loss=stop_loss,
        ask=ask,
        extra=_extra(value),
        sent=stamp if has_no_zone(stamp) else "",
        sent_zone=str(zone),
    )
    flags = (*oddities(signal), *odd_risk, *odd_leverage)
    return replace(signal, flags=flags) if flags else signal


_PRICES = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss", "ask")
_TEXTS = ("coin", "id", "timestamp", "exchange", "currency", "direction", "type", *_PRICES)
_FIELDS = frozenset((*_TEXTS, "risk_level", "leverage"))
_BLANK = dict.fromkeys(_TEXTS, "")
_NO_EXTRA: Mapping[str, str] = {}
_all_texts: Callable[[Mapping[str, object]], tuple[str, ...]] = itemgetter(*_TEXTS)


def _texts(fields: Mapping[str, object]) -> list[str]:
    """What stands in the fields of _TEXTS, "" for nothing. Raises MalformedError."""
    found = _all_texts({**_BLANK, **fields})
    try:
        together = "".join(found)
    except TypeError:
        return [_text(fields, name) for name in _TEXTS]
    if together.isascii() and len(together) <= _MAX_TEXT:  # as nearly always: none needs a look of its own
        return [*map(intern, map(str.strip, found))]  # the same few words again and again
    return [_text(fields, name) for name in _TEXTS]


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
    return _whole(text) if isinstance(fields.get("id"), NumberText) else text


def _whole(text: str) -> str:
    """A number that is sent as an id: 7.0 is 7."""
    number = exact_decimal(text)
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


def _prices(texts: Sequence[str]) -> list[Decimal | None]:
    """Exact prices; blank and zero mean none. Raises MalformedError."""
    together = "".join(texts).replace(".", "")
    if together.isascii() and together.isdecimal() and max(map(len, texts)) < _PLAIN_PRICE:
        with suppress(InvalidOperation):  # two points in one
            return [(Decimal(text) or None) if text else None for text in texts]
    return [_price(name, text) for name, text in zip(_PRICES, texts, strict=True)]


def _price(name: str, text: str) -> Decimal | None:
    if not text:
        return None
    number = exact_decimal(text)
    if number is None:
        raise MalformedError(f"{name} is not a number: {shortened(text, _MAX_SHOWN)!r}")
    if number < 0:
        raise MalformedError(f"{name} is negative: {shortened(text, _MAX_SHOWN)}")
    return number or None


def _soft_number(fields: Mapping[str, object], name: str) -> tuple[Decimal | None, tuple[str, ...]]:
    """A number that a signal can do without: (number or None, what is odd about it)."""
    value = fields.get(name)
    if value is None:
        return None, ()
    text = clean(value).strip() if isinstance(value, str) else write_json(value)
    if not text:
        return None, ()
    number = _small_number(text)
    if number is None or number < 0:
        return None, (f"{name.replace('_', ' ')} cannot be read: {shortened(text, _MAX_SHOWN)!r}",)
    return number, ()


_small_number = lru_cache(256)(exact_decimal)  # of which there are few


def _time(text: str, zone: tzinfo, at: datetime | None) -> datetime:
    if not text:
        raise MalformedError("no timestamp")
    found = moment(text, zone, at)
    if found is None:
        raise MalformedError(f"timestamp is not a time: {shortened(text, _MAX_SHOWN)!r}")
    return found


def _extra(fields: Mapping[str, object]) -> Mapping[str, str]:
    """Fields that the guide does not name, as text; nested ones as compact JSON, null as nothing."""
    if fields.keys() <= _FIELDS:
        return _NO_EXTRA
    return {
        clean(name): shortened(clean(value) if isinstance(value, str) else write_json(value), _MAX_EXTRA)
        for name, value in fields.items()
        if name not in _FIELDS and value is not None
    }


def _spelt_as(known: Collection[str], text: str) -> str:
    """The guide's spelling of a word that differs from it only in casing or spacing."""
    if text in known:
        return text
    folded = " ".join(text.upper().split())
    return folded if folded in known else text
