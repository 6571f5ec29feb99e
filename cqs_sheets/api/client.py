"""How long to wait between attempts: exponential back-off with full jitter inside a total budget."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import Self

from cqs_sheets.api.transport import Failure, Reply, Transport, endpoint, other_documented
from cqs_sheets.core.secret import API_URL, FREE, Secret
from cqs_sheets.core.signals.parse import Envelope, NotTheEnvelope, TooManyValues, parse_envelope
from cqs_sheets.core.signals.query import Query
from cqs_sheets.errors import AccessRefused, ApiUnavailable, UsageError
from cqs_sheets.values import dataclass, field

_FIRST = 1.0
_LONGEST = 60.0
_SHORTEST = 0.1  # never a hot loop, whatever the dice say
_DOUBLINGS = 6
_SERVER_YEARS = range(2020, 2120)


class RetryBudget:
    """A budget in seconds for failed attempts and the waits between them, over many requests.

    `random` gives numbers in 0..1.
    """

    def __init__(self, budget: float, random: Callable[[], float]) -> None:
        self.left = budget
        self._random = random

    def spend(self, seconds: float) -> None:
        """Time that went by without success."""
        self.left -= seconds

    def next_wait(self, failures: int, *, at_least: float) -> float | None:
        """Seconds to wait after so many failures in a row, or None if the budget does not allow it."""
        ceiling = min(_LONGEST, _FIRST * 2 ** min(failures - 1, _DOUBLINGS))
        wait = max(_SHORTEST, at_least, self._random() * ceiling)
        return wait if wait <= self.left else None


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """The server's clock by its Date header (UTC), or None if it sent none that is plausible."""
    moment = _http_date(headers.get("Date", ""))
    return moment if moment and moment.year in _SERVER_YEARS else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds that the Retry-After header asks for (a number or a date); 0 without a readable one."""
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = _http_date(text)
    return max(0.0, (moment - now).total_seconds()) if moment else 0.0


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


_BAD_REQUEST, _KEY_OR_DOWN, _RATE_LIMIT = 1, 5, 6
_TOO_MANY = 429
_PASSING = frozenset((408, 425, _TOO_MANY))
_SUCCESSES = range(200, 300)
_SERVER_FAULTS = range(500, 600)
_WRONG_ADDRESS = "If you set CQS_API_URL, check it."
_NOTHING_LOST = "Nothing that was already caught is lost."


def meaning(reply: Reply, key: Secret) -> Envelope | Failure:
    """The envelope of a success, or the failure that there is.

    Raises UsageError (the API says the request is wrong) or AccessRefused (the key is).
    """
    if reply.status in _PASSING or reply.status in _SERVER_FAULTS:
        return Failure(_http_words(reply.status), limited=reply.status == _TOO_MANY)
    refused = Failure(_http_words(reply.status), passing=False, hint=_WRONG_ADDRESS)
    try:
        envelope = parse_envelope(reply.body)
    except NotTheEnvelope as problem:
        passing = not isinstance(problem, TooManyValues)
        return Failure(problem.reason, passing=passing) if reply.status in _SUCCESSES else refused
    if envelope.error:
        return _failure(envelope, key)
    return envelope if reply.status in _SUCCESSES else refused


def _failure(envelope: Envelope, key: Secret) -> Failure:
    said = key.hide_in(envelope.message) or "no message"
    if envelope.error == _BAD_REQUEST:
        raise UsageError(
            f"The API refused the request: {said} (error 1).",
            meaning=_NOTHING_LOST,
            hint="Correct the key or the filters (interval, exchange, currency, type).",
            kind="request",
        )
    if envelope.error == _KEY_OR_DOWN and "unavailable" not in said.lower():
        raise _key_refused(said, key)
    limited = envelope.error == _RATE_LIMIT
    hint = "Poll less often." if limited else ""
    return Failure(f"the API's error {envelope.error}: {said}", hint=hint, limited=limited)


def _key_refused(said: str, key: Secret) -> AccessRefused:
    premium = (
        "The subscription ID is wrong, expired or inactive: copy it exactly from the premium dashboard into"
        f" {key.place}. If a run with CQS_API_KEY={FREE} works, the API is up and it is the key."
    )
    return AccessRefused(
        f"The API refused the key: {said} (error 5).",
        meaning=_NOTHING_LOST,
        hint=f"The free key is the literal word {FREE}; try again later." if key.is_free else premium,
        kind="key",
    )


def _http_words(status: int) -> str:
    if status == _TOO_MANY:
        return "too many requests (HTTP 429)"
    return f"HTTP status {status}"


MAX_BODY = 64 << 20
"""Bytes: 100,000 signals of twice the usual length; the journal keeps none that is larger."""

_log = logging.getLogger(__name__)
_NOT_FOUND = 404
_DICE = SystemRandom()
_LONGEST_KEY = 512
_SHORTEST_MASKED = 8


def utc_now() -> datetime:
    """This computer's clock, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    `body` is as received, decompressed, the key masked should the server have echoed it. `at` is
    the server's now (UTC; this computer's where the server does not say), `skew` the server's
    clock minus ours. `http_requests` counts every request it took, failed ones included.
    """

    query: Query
    body: bytes = field(repr=False)
    envelope: Envelope = field(repr=False)
    at: datetime
    skew: timedelta
    http_requests: int


class ApiClient:
    """A client for one key. Use as a context manager, it holds a connection.

    Times are in seconds. `retry_for` is the budget for failures over the client's life.
    `clock` gives aware times, `random` numbers in 0..1, `monotonic` and `sleep` are as in
    `time`. A key other than FREE travels in POST bodies only.

    Raises UsageError for an unusable address or key.
    """

    def __init__(
        self,
        *,
        url: str = API_URL,
        key: Secret,
        clock: Callable[[], datetime] = utc_now,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = _DICE.random,
        retry_for: float = 30.0,
        connect_timeout: float = 5.0,
        read_timeout: float = 20.0,
        total_timeout: float = 60.0,
        max_body: int = MAX_BODY,
    ) -> None:
        self._url = endpoint(url)
        self._key = _usable(key)
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._random = random
        self._budget = RetryBudget(retry_for, random)
        self._may_switch_path = True
        self.limited = False
        """Whether the API ever asked this client for fewer requests (error 6, HTTP 429)."""
        self._transport = Transport(
            monotonic=monotonic,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            total_timeout=total_timeout,
            max_body=max_body,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the connection back."""
        self._transport.close()

    @property
    def http_requests(self) -> int:
        """Requests sent over the client's life, failed ones and redirects included."""
        return self._transport.requests

    def ask(self, query: Query) -> Answer:
        """One query answered.

        Raises UsageError (the API says the request is wrong), AccessRefused (the key is refused)
        or ApiUnavailable (unreachable, broken or temporarily down until the retry budget was spent).
        """
        sent_before = self.http_requests
        failures = 0
        while True:
            began = self._monotonic()
            # The first attempt always gets its full time, later ones what the budget leaves.
            outcome = self._attempt(query, self._budget.left if failures else float("inf"))
            if not isinstance(outcome, Failure):
                return self._answer(query, *outcome, self.http_requests - sent_before)
            failures += 1
            self._budget.spend(self._monotonic() - began)
            self._wait(outcome, failures)

    def _attempt(self, query: Query, within: float) -> tuple[Reply, Envelope] | Failure:
        reply = self._send(query, within)
        if isinstance(reply, Failure):
            return reply
        outcome = meaning(reply, self._key)
        if isinstance(outcome, Failure):
            self.limited = self.limited or outcome.limited
            return outcome._replace(wait=retry_after(reply.headers, self._server_now(reply)))
        return reply, outcome

    def _send(self, query: Query, within: float) -> Reply | Failure:
        """The answer to a request; a documented path that is not there is replaced by the other, once."""
        reply = self._request(self._url, query, within)
        other = other_documented(self._url) if self._may_switch_path else None
        if isinstance(reply, Failure) or reply.status != _NOT_FOUND or other is None:
            return reply
        second = self._request(other, query, within)
        if isinstance(second, Reply):
            self._may_switch_path = False
            self._url = self._url if second.status == _NOT_FOUND else other
        return second

    def _request(self, url: str, query: Query, within: float) -> Reply | Failure:
        method = "GET" if self._key.is_free else "POST"
        fields = {"api_key": self._key.reveal()} | query.parameters()
        reply = self._transport.send(method, url, fields, within=within)
        return reply._replace(body=_masked(reply.body, self._key)) if isinstance(reply, Reply) else reply

    def _wait(self, failure: Failure, failures: int) -> None:
        """Sleep until the next attempt is due, or raise if there is to be none."""
        wait = self._budget.next_wait(failures, at_least=failure.wait) if failure.passing else None
        then = "giving up" if wait is None else f"again in {wait:.1f} s"
        _log.info("attempt %d failed: %s; %s", failures, failure.what, then)
        if wait is None:
            raise _unavailable(failure, failures, self._key)
        self._sleep(wait)
        self._budget.spend(wait)

    def _answer(self, query: Query, reply: Reply, envelope: Envelope, requests: int) -> Answer:
        at = self._server_now(reply)
        skew = at - self._clock()
        asked = ", ".join(f"{name} {value}" for name, value in query.parameters().items())
        _log.debug("the API answered (%s): signals: %d, requests: %d", asked, len(envelope.signals), requests)
        return Answer(query, reply.body, envelope, at, skew, requests)

    def _server_now(self, reply: Reply) -> datetime:
        return server_time(reply.headers) or self._clock().astimezone(UTC)


def _usable(key: Secret) -> Secret:
    text = key.reveal()
    if not text or not text.isprintable() or " " in text or len(text) > _LONGEST_KEY:
        problem = "is empty" if not text else "holds blanks or other characters that no key has"
    elif text != FREE and text.upper() == FREE:
        problem = f"must be the literal word {FREE}, in capitals, for the free signals"
    else:
        return key
    raise UsageError(
        f"The API key {problem}.",
        meaning="Nothing was sent.",
        hint=f"Copy the subscription ID exactly from the premium dashboard into {key.place}.",
        kind="key",
    )


def _masked(body: bytes, key: Secret) -> bytes:
    """The body without the key, should the server echo it; too short a key would match by chance."""
    text = key.reveal()
    return body if key.is_free or len(text) < _SHORTEST_MASKED else key.hide_in_bytes(body)


def _unavailable(failure: Failure, attempts: int, key: Secret) -> ApiUnavailable:
    times = "once" if attempts == 1 else f"{attempts} times"
    probe = "" if key.is_free else f" To see whether the API is up at all, try CQS_API_KEY={FREE}."
    return ApiUnavailable(
        f"The signals API gave no usable answer (asked {times}); the last thing seen: {failure.what}.",
        meaning="Nothing that was already caught is lost.",
        hint=failure.hint or f"Run again later: signals of the last 20 minutes are still caught then.{probe}",
    )
