"""From a request to its answer: faults, credentials, quota, hooks, the method, the check of the answer."""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .calls import Answer, read_call
from .discovery import Method, find_method
from .drive import DriveError, DriveService
from .errors import ApiError, Json, failure, invalid, used_up
from .faults import Fault
from .messages import check_message
from .occasions import Exchange, Occasion
from .quota import Quota
from .service import SheetsService
from .store import Store
from .tokens import Tokens
from .wire import Reply, encode

Hook = Callable[[Exchange], None]
_JSON = "application/json; charset=UTF-8"
_UPLOAD = "/upload/drive/v2/files/"


@dataclass(slots=True)
class Desk:
    """Everything that decides on an answer; `bugs` lists answers that Google's description does not allow."""

    store: Store
    tokens: Tokens
    quota: Quota | None = None
    faults: list[tuple[Occasion, Fault]] = field(default_factory=list)
    before: list[tuple[Occasion, Hook]] = field(default_factory=list)
    after: list[tuple[Occasion, Hook]] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    bugs: list[str] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    _count: threading.Lock = field(default_factory=threading.Lock)

    def wait(self, seconds: float) -> None:
        self.closing.wait(seconds)

    def receive(
        self, verb: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[Exchange, Reply, Fault | None]:
        """What a mistake of the emulator or of a hook raises becomes a bug and a 500, not a hung client."""
        try:
            return self._received(verb, target, headers, body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must learn of it
            self.bugs.append(f"{verb} {target[:200]}: {error!r} {traceback.format_exc(limit=-3)}")
            exchange = Exchange(0, verb, target, "", "", is_read=False, status=500)
            return exchange, _reply(500, failure(500).body, pretty=True), None

    def _received(
        self, verb: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[Exchange, Reply, Fault | None]:
        url = urlsplit(target)
        if url.path == "/token":
            status, granted = self.tokens.grant(body.decode())
            return (
                Exchange(0, verb, url.path, "", "token", is_read=False),
                _reply(status, granted, pretty=True),
                None,
            )
        found = find_method(verb, url.path)
        exchange = self._exchange(verb, url.path, url.query, found[0] if found else None)
        for occasion, hook in self.before:
            if occasion.is_now(exchange):
                hook(exchange)
        query = parse_qs(url.query, keep_blank_values=True)
        pretty = query.get("prettyPrint", ["true"])[-1].lower() != "false"
        fault = next((fault for occasion, fault in self.faults if self._fits(occasion, exchange, body)), None)
        exchange.fault = fault.kind if fault else ""
        if fault and not fault.after_commit:
            return exchange, self._failed(exchange, fault, pretty=pretty), fault
        reply = self._answered(exchange, found, query, headers, body, pretty=pretty)
        if exchange.committed:
            for occasion, hook in self.after:
                if occasion.is_now(exchange):
                    hook(exchange)
        if fault and fault.kind == "status":
            reply = self._failed(exchange, fault, pretty=pretty)
        return exchange, reply, fault

    def _exchange(self, verb: str, path: str, query: str, method: Method | None) -> Exchange:
        with self._count:
            number = len(self.exchanges) + 1
            is_read = method.is_read if method else verb == "GET"
            exchange = Exchange(number, verb, path, query, method.id if method else "", is_read)
            self.exchanges.append(exchange)
            return exchange

    def _fits(self, occasion: Occasion, exchange: Exchange, body: bytes) -> bool:
        if exchange.body is None and body:
            exchange.body = _parsed(body)
        return occasion.is_now(exchange)

    def _failed(self, exchange: Exchange, fault: Fault, *, pretty: bool) -> Reply:
        exchange.status = fault.status
        body = used_up(fault.reason) if fault.reason else failure(fault.status).body
        return _reply(fault.status, body, pretty=pretty, headers=fault.headers)

    def _answered(
        self,
        exchange: Exchange,
        found: tuple[Method, dict[str, str]] | None,
        query: dict[str, list[str]],
        headers: dict[str, str],
        body: bytes,
        *,
        pretty: bool,
    ) -> Reply:
        try:
            exchange.token = self.tokens.check(headers.get("authorization"))
            if self.quota and exchange.method_id.startswith("sheets."):
                with self.store.lock:
                    self.quota.take(exchange.token, read=exchange.is_read)
            answer = self._dispatch(exchange, found, query, body)
        except ApiError as error:
            exchange.status, exchange.answer = error.code, error.body
            return _reply(error.code, error.body, pretty=pretty)
        exchange.status, exchange.answer = answer.status, answer.body
        if answer.body is None:
            return Reply(answer.status, (answer.text or "").encode(), answer.content_type)
        return _reply(answer.status, answer.body, pretty=pretty)

    def _dispatch(
        self,
        exchange: Exchange,
        found: tuple[Method, dict[str, str]] | None,
        query: dict[str, list[str]],
        body: bytes,
    ) -> Answer:
        if exchange.path.startswith(_UPLOAD):
            with self.store.lock:
                file_id = exchange.path.removeprefix(_UPLOAD)
                return DriveService(self.store).upload(file_id, body.decode())
        if found is None:
            raise ApiError(404, f"The requested URL {exchange.path} was not found on this server.")
        method, path = found
        exchange.body = _parsed(body) if body else None
        if body and exchange.body is None:
            raise invalid("Invalid JSON payload received. Parsing terminated before end of input.")
        call = read_call(method, path, query, exchange.body)
        with self.store.lock:
            commits = self.store.commits
            handler = SheetsService(self.store).methods.get(method.id) or DriveService(
                self.store
            ).methods.get(method.id)
            if handler is None:
                raise DriveError(501, f"The emulator does not know {method.id}", "notImplemented")
            answer = handler(call)
            exchange.committed = self.store.commits > commits
        self._check(method, answer.body)
        return answer

    def _check(self, method: Method, body: Json | None) -> None:
        if body is None or method.response is None:
            return
        wrong = check_message(
            method.response, body, "sheets.v4" if method.id.startswith("sheets.") else "drive.v3"
        )
        self.bugs += [f"{method.id}: {text}" for text in wrong[:5]]


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _reply(status: int, body: Json, *, pretty: bool, headers: tuple[tuple[str, str], ...] = ()) -> Reply:
    return Reply(status, encode(body, pretty=pretty), _JSON, headers)
