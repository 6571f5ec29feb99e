"""Spoils an answer on purpose, one function for each fault that shows in the answer itself."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from zlib import crc32

from cqs_sheets.sandbox.answers import Answer, ErrorCode, as_json, failure
from cqs_sheets.sandbox.market_data import MARKET_FAULTS
from cqs_sheets.sandbox.prices import seeded
from cqs_sheets.sandbox.service import BILLING_DOWN, RATE_LIMIT, SIGNALS_DOWN

_HTML_TYPE = "text/html; charset=utf-8"
_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultSettings:
    """How strong the faults are; seconds are real ones."""

    slow_seconds: float = 2.0
    hang_seconds: float = 300.0
    retry_after: int = 1
    redirect_to: str = "https://elsewhere.invalid/getSignal/"
    oversized_bytes: int = 72 * 1024 * 1024


Damage = Callable[[Answer, FaultSettings], Answer]


def spoil(answer: Answer, names: Sequence[str], settings: FaultSettings) -> Answer:
    """Apply the named faults in turn; names that are no damage to an answer are passed over."""
    for name in names:
        damage = DAMAGES.get(name)
        if damage is not None:
            answer = damage(answer, settings)
    return answer


def _page(status: HTTPStatus, title: str) -> Answer:
    return Answer(status, {"Content-Type": _HTML_TYPE}, _PAGE.format(title).encode())


def _too_many_requests(_: Answer, settings: FaultSettings) -> Answer:
    answer = failure(ErrorCode.RATE_LIMITED, "Rate limit exceeded", HTTPStatus.TOO_MANY_REQUESTS)
    return answer.with_headers(Retry_After=str(settings.retry_after))


def _redirect(_: Answer, settings: FaultSettings) -> Answer:
    return _page(HTTPStatus.FOUND, "302 Found").with_headers(Location=settings.redirect_to)


def _wrong_content_type(answer: Answer, _: FaultSettings) -> Answer:
    return answer.with_headers(Content_Type=_HTML_TYPE)


def _bad_encoding(answer: Answer, _: FaultSettings) -> Answer:
    """Put a Latin-1 letter, which is no UTF-8, into the first text of the answer."""
    head, colon, rest = answer.body.partition(b':"')
    return Answer(answer.status, answer.headers, head + colon + b"\xe9" + rest if colon else b"\xe9" + head)


def _oversized(answer: Answer, settings: FaultSettings) -> Answer:
    """Blow the body up with a field that stays valid JSON, as far as it is a JSON object."""
    padding = b"x" * settings.oversized_bytes
    if not answer.body.startswith(b"{"):
        return Answer(answer.status, answer.headers, answer.body + padding)
    return Answer(answer.status, answer.headers, b'{"padding":"' + padding + b'",' + answer.body[1:])


def _on_envelope(change: Callable[[dict[str, Any]], None]) -> Damage:
    """Make a damage of a change to a decoded good envelope; other answers pass untouched."""

    def damage(answer: Answer, _: FaultSettings) -> Answer:
        try:
            document = json.loads(answer.body)
        except ValueError:
            return answer
        if (
            not isinstance(document, dict)
            or document.get("error") != ErrorCode.OK
            or "signals" not in document
        ):
            return answer
        change(document)
        return Answer(answer.status, answer.headers, as_json(document).body)

    return damage


def _wrong_count(document: dict[str, Any]) -> None:
    document["count"] = len(document["signals"]) + 1


def _unknown_fields(document: dict[str, Any]) -> None:
    """Add fields the guide does not know, in the midst of the known ones."""
    signals = []
    for signal in document["signals"]:
        fields: dict[str, Any] = {}
        for name, value in signal.items():
            fields[name] = value
            if name == "coin":
                fields["quality_score"] = "0.87"
                fields["tags"] = ["breakout", "volume"]
        signals.append({**fields, "comment": '=HYPERLINK("https://example.invalid","chart")', "chart": None})
    document["signals"] = signals
    document["server_time"] = 0


def _chosen(signals: Sequence[dict[str, Any]]) -> int | None:
    """Choose a signal by its id alone, so that the same one is spoilt from poll to poll."""
    if not signals:
        return None
    return min(range(len(signals)), key=lambda index: crc32(str(signals[index].get("id")).encode()))


def _malformed_signal(document: dict[str, Any]) -> None:
    signals = document["signals"]
    index = _chosen(signals)
    if index is None:
        return
    signal = signals[index]
    breaks: tuple[dict[str, Any], ...] = (
        {"buy_start": "n/a", "buy_end": "n/a"},
        {"timestamp": "yesterday"},
        {"direction": "SIDEWAYS"},
        {"ask": "NaN"},
        {"id": None},
        {"coin": ""},
    )
    signals[index] = {**signal, **breaks[crc32(str(signal["id"]).encode()) % len(breaks)]}


def _duplicate_id(document: dict[str, Any]) -> None:
    index = _chosen(document["signals"])
    if index is not None:
        document["signals"].append(dict(document["signals"][index]))
        document["count"] = len(document["signals"])


DAMAGES: Final[Mapping[str, Damage]] = MappingProxyType(
    {
        "http-429": _too_many_requests,
        "http-500": lambda *_: _page(HTTPStatus.INTERNAL_SERVER_ERROR, "500 Internal Server Error"),
        "http-503": lambda *_: _page(HTTPStatus.SERVICE_UNAVAILABLE, "503 Service Unavailable"),
        "html": lambda *_: _page(HTTPStatus.OK, "Checking your browser"),
        "redirect": _redirect,
        "not-envelope": lambda *_: as_json({"status": "ok", "data": []}),
        "wrong-count": _on_envelope(_wrong_count),
        "unknown-fields": _on_envelope(_unknown_fields),
        "malformed-signal": _on_envelope(_malformed_signal),
        "duplicate-id": _on_envelope(_duplicate_id),
        "wrong-content-type": _wrong_content_type,
        "bad-encoding": _bad_encoding,
        "oversized": _oversized,
    }
)
"""Every fault that shows in the answer itself."""


SLOW: Final = "slow"
HANG: Final = "hang"
TRUNCATED: Final = "truncated"
DROPPED: Final = "dropped"
RESET: Final = "reset"

OUTAGES: Final = (BILLING_DOWN, SIGNALS_DOWN, RATE_LIMIT)
DELIVERY: Final = (SLOW, HANG, TRUNCATED, DROPPED, RESET)

FAULTS: Final = (*OUTAGES, *DAMAGES, *DELIVERY, *MARKET_FAULTS)
"""Every fault there is: parts of the service that are down, spoilt answers, spoilt delivery, market data."""

_SPEC = re.compile(r"(?P<name>[^:@]*)(:(?P<probability>[^@]*))?(@(?P<count>.*))?")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, how likely it strikes a request, and how many requests it may strike (None: all)."""

    name: str
    probability: float = 1.0
    count: int | None = None


def parse_fault(spec: str) -> Fault:
    """Read NAME[:PROBABILITY][@COUNT]; ValueError says what is wrong and what is valid."""
    match = _SPEC.fullmatch(spec.strip())
    name = match["name"].strip() if match else spec.strip()
    if match is None or name not in FAULTS:
        nearest = max(FAULTS, key=lambda known: SequenceMatcher(None, known, name.lower()).ratio())
        raise _wrong(f"unknown fault {name!r}, did you mean {nearest!r}?")
    probability, count = match["probability"], match["count"]
    try:
        chance = 1.0 if probability is None else float(probability)
    except ValueError:
        chance = -1.0
    if not 0 <= chance <= 1:
        told = f"the probability after ':' must be a number from 0 to 1, not {probability!r}"
        raise _wrong(f"fault {spec!r}: {told}.")
    if count is not None and (not re.fullmatch(r"[0-9]{1,9}", count) or int(count) == 0):
        raise _wrong(f"fault {spec!r}: the count after '@' must be a whole number from 1, not {count!r}.")
    return Fault(name, chance, None if count is None else int(count))


def _wrong(what: str) -> ValueError:
    return ValueError(f"{what} Form: NAME[:PROBABILITY][@COUNT]. Valid names: {', '.join(FAULTS)}")


class FaultPlan:
    """Draws the faults of one request after the other. Safe to share between threads.

    The same specs and seed strike the same requests; ValueError when a spec is not valid.
    """

    def __init__(self, specs: Sequence[str] = (), *, seed: int = 1) -> None:
        self._faults = tuple(parse_fault(spec) for spec in specs)
        # One generator each: adding a fault leaves the strikes of those before it as they were.
        self._chances = tuple(
            seeded(seed, "fault", index, fault.name) for index, fault in enumerate(self._faults)
        )
        self._requests = {False: 0, True: 0}
        self._lock = threading.Lock()

    def draw(self, *, market: bool = False) -> tuple[str, ...]:
        """Return the names of the faults that strike the next request, in the order given.

        `market`: it asks for market data, which has faults of its own.
        """
        with self._lock:
            self._requests[market] += 1
            return tuple(
                fault.name
                for fault, chance in zip(self._faults, self._chances, strict=True)
                if (fault.name in MARKET_FAULTS) == market
                and chance.random() < fault.probability
                and (fault.count is None or self._requests[market] <= fault.count)
            )
