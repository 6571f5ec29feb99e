"""Requests to Google Sheets: what may be repeated is, within a budget; a write never blindly."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from cqs_sheets.destinations.google.wire import exchange, failures
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.values import dataclass

_ROOT = "https://sheets.googleapis.com/v4/spreadsheets/"
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 32.0
_TOO_MANY, _FORBIDDEN = 429, 403
_PROOF = "spreadsheetId"  # asked for with every question that has it
_SEARCH, _FOUND = ":search", {"matchedDeveloperMetadata"}  # this one's answer has nothing else


class Unanswered(Exception):
    """A write without a clear answer: it may have happened."""


class SheetsHttp:
    """Talks to Google Sheets for all targets of a run, from any number of threads.

    `open_wire` makes a thread's connection when its first request needs it. `retry_for` bounds the waits
    of one call, in seconds; `clock` and `sleep` are in seconds. `account` is whom to share with. `quotas` count
    "read" and "write" requests, None for this object's own alone.
    """

    def __init__(
        self,
        open_wire: Callable[[], tuple[exchange.Wire, str]],
        *,
        retry_for: float = 75.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        dice: Callable[[], float] = random.random,
        quotas: Mapping[str, exchange.Places] | None = None,
    ) -> None:
        self._open_wire = open_wire
        self._mine = threading.local()
        self._wires: list[exchange.Wire] = []
        self._retry_for = retry_for
        self._clock = clock
        self._sleep = sleep
        self._dice = dice
        self._quotas = quotas or {"read": exchange.Quota(clock=clock), "write": exchange.Quota(clock=clock)}

    @property
    def requests(self) -> int:
        """How many requests this thread has sent."""
        return getattr(self._mine, "requests", 0)

    def read(self, path: str, *, fields: str, body: Json | None = None, name: str) -> Json:
        """A question (by POST if it has a body), asked again until it is answered. Raises CqsError.

        Numbers of the answer are Decimal. `name` is what messages call the spreadsheet.
        """
        try:
            return self.ask(path, fields=fields, body=body, name=name)
        except failures.Refused as error:
            raise failures.unreadable(error, name=name) from error

    def ask(self, path: str, *, fields: str, body: Json | None = None, name: str) -> Json:
        """The same for a question that Google may refuse: raises failures.Refused as well."""
        until, failures_so_far = self._clock() + self._retry_for, 0
        while True:
            try:
                return self._call("read", path, fields, body, name, until)
            except Unanswered as trouble:
                failures_so_far += 1
                if not self.rest(failures_so_far, until):
                    raise failures.away(name, str(trouble)) from trouble

    def write(self, path: str, *, fields: str, body: Json, name: str) -> Json:
        """A write, sent once (again only where Google said that it was not carried out).

        Raises Unanswered, failures.Refused (HTTP 400) or CqsError.
        """
        return self._call("write", path, fields, body, name, self._clock() + self._retry_for)

    def close(self) -> None:
        """Give the connections back."""
        while self._wires:
            self._wires.pop().close()
        self._mine = threading.local()

    def budget(self) -> float:
        """The moment on `clock` until which one thing may be tried again."""
        return self._clock() + self._retry_for

    def rest(self, failures_so_far: int, until: float) -> bool:
        """Wait before the next attempt; False (at once) if there is no time for one."""
        ceiling = min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(failures_so_far - 1, 8))
        return self._wait(ceiling * (0.5 + self._dice() / 2), until)

    def _wait(self, seconds: float, until: float) -> bool:
        if self._clock() + seconds > until:
            return False
        if seconds > 0:
            self._sleep(seconds)
        return True

    def _call(self, kind: str, path: str, fields: str, body: Json | None, name: str, until: float) -> Json:
        while True:
            reply = self._exchange(kind, path, fields, body, name, until)
            if reply.status != _TOO_MANY and not (
                reply.status == _FORBIDDEN and failures.is_quota(reply.body)
            ):
                return self._proven(self._understood(reply, name), path)
            if not self._wait(_asked_wait(reply.headers) or exchange.WINDOW, until):
                raise failures.over_quota(name)

    def _proven(self, answer: Json, path: str) -> Json:
        """An answer about that spreadsheet; a 200 of somebody in between is no answer."""
        name = path.partition(":")[0].partition("/")[0]
        if not answer.keys() <= _FOUND if path.endswith(_SEARCH) else answer.get(_PROOF) != name:
            raise Unanswered("an answer that is not Google's")
        return answer

    def _exchange(
        self, kind: str, path: str, fields: str, body: Json | None, name: str, until: float
    ) -> exchange.Reply:
        if not self._wait(self._quotas[kind].delay(), until):
            raise failures.over_quota(name)
        wire = self._connected()
        self._mine.requests = self.requests + 1
        try:
            return wire.exchange(
                "GET" if body is None else "POST",
                _ROOT + path,
                params={
                    "fields": fields if fields == _PROOF or path.endswith(_SEARCH) else f"{_PROOF},{fields}",
                    "prettyPrint": "false",
                },
                body=body,
            )
        except exchange.NoAnswer as error:
            raise Unanswered(str(error)) from error
        except exchange.CredentialsRefused as error:
            raise failures.not_authenticated(str(error)) from error

    def _connected(self) -> exchange.Wire:
        if not hasattr(self._mine, "wire"):
            self._mine.wire, self._mine.account = self._open_wire()
            self._wires.append(self._mine.wire)
        wire: exchange.Wire = self._mine.wire
        return wire

    def _understood(self, reply: exchange.Reply, name: str) -> Json:
        if reply.status == 200:  # noqa: PLR2004 - OK
            return _parsed(reply.body)
        message, word = failures.told(reply.body)
        if reply.status == 400:  # noqa: PLR2004
            raise failures.Refused(message)
        if reply.status == 401:  # noqa: PLR2004
            raise failures.not_authenticated(message)
        if reply.status == _FORBIDDEN:
            raise failures.not_permitted(message, name=name, account=self._mine.account)
        if reply.status == 404:  # noqa: PLR2004
            raise failures.not_found(name)
        raise Unanswered(f"{reply.status} {word} {message}".strip())


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """One spreadsheet, by way of `http`. `action` is what its address ends with (":getByDataFilter").

    All raise what the same of SheetsHttp does.
    """

    http: SheetsHttp
    id: str

    def read(self, fields: str, action: str = "", body: Json | None = None) -> Json:
        """See SheetsHttp.read."""
        return self.http.read(self.id + action, fields=fields, body=body, name=self.id)

    def ask(self, fields: str, action: str, body: Json) -> Json:
        """See SheetsHttp.ask."""
        return self.http.ask(self.id + action, fields=fields, body=body, name=self.id)

    def write(self, fields: str, body: Json) -> Json:
        """See SheetsHttp.write: one batch of requests."""
        return self.http.write(f"{self.id}:batchUpdate", fields=fields, body=body, name=self.id)


def _parsed(body: bytes) -> Json:
    try:
        answer: Any = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise Unanswered("an answer that breaks off") from error
    if not isinstance(answer, dict):
        raise Unanswered("an answer that is not Google's")
    return answer


def _asked_wait(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "").strip()
    return float(text) if text.isascii() and text.isdigit() else 0.0
