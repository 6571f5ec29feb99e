"""No answer holds a run: whatever a server does at any byte of an exchange, its budget ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from google.oauth2.credentials import Credentials as UserToken

from cqs_sheets import deadline
from cqs_sheets.api import transport
from cqs_sheets.api.transport import Failure, Reply, Transport
from cqs_sheets.destinations.google.wire.exchange import BoundedSession, CredentialsRefused, NoAnswer, Wire
from tests.cli.command import HANGS, Shell
from tests.faults.hostile import KINDS, PARTS, hostile

BUDGET = 0.25
PATIENCE = 30.0  # a read alone would wait so long; the test's own end comes later
SAMPLE = [("status line", "drip"), ("interim", "endless"), ("early hints", "drip"), ("trailer", "drip")]
ALL = [(part, kind) for part in PARTS for kind in KINDS if (part, kind) not in SAMPLE]
CASES = [*SAMPLE, *(pytest.param(*case, marks=pytest.mark.soak) for case in ALL)]


def ask_api(url: str, seconds: float) -> Reply | Failure:
    sender = Transport(
        monotonic=time.monotonic,
        connect_timeout=PATIENCE,
        read_timeout=PATIENCE,
        total_timeout=seconds,
        max_body=1 << 20,
    )
    try:
        return sender.send("POST", url, {"a": "b"}, within=seconds)
    finally:
        sender.close()


def ask_google(url: str, seconds: float) -> Reply | Failure:
    """As Sheets and the token server are asked: one kind of session for both."""
    with BoundedSession() as session:
        session.most_seconds = seconds
        try:
            reply = session.get(url, timeout=PATIENCE)
        except requests.RequestException as error:
            return Failure(str(error))
        return Reply(reply.status_code, reply.headers, reply.content)


def ask_wire(url: str, seconds: float) -> Reply | Failure:
    """The very client of Google Sheets, with a token that is good."""
    return _wired(url, seconds, UserToken("good"))  # type: ignore[no-untyped-call,unused-ignore]


def ask_for_token(url: str, seconds: float) -> Reply | Failure:
    """The same with a token to be had from the hostile server first, as a user who signed in has it."""
    options = {"token_uri": url, "client_id": "c", "client_secret": "s"}
    used_up = UserToken(None, "refresh", **options)  # type: ignore[no-untyped-call,unused-ignore]
    return _wired("http://127.0.0.1:9", seconds, used_up)


def _wired(root: str, seconds: float, credentials: Any) -> Reply | Failure:
    wire = Wire(credentials, root=root, timeout=(PATIENCE, PATIENCE), sign_in_timeout=(PATIENCE, PATIENCE))
    for session in (wire.session, wire._sign_in.session):
        assert isinstance(session, BoundedSession)
        session.most_seconds = seconds
    try:
        wire.exchange("GET", "https://sheets.googleapis.com/v4/spreadsheets/x", params={})
    except (NoAnswer, CredentialsRefused) as error:
        return Failure(str(error))
    finally:
        wire.close()
    return Reply(200, {}, b"")


Ask = Callable[[str, float], Reply | Failure]


def ended(
    ask: Ask, url: str, seconds: float, *, meanwhile: Callable[[], None] = lambda: None
) -> Reply | Failure:
    """What came of it; fails if it does not end by itself."""
    found: list[Reply | Failure] = []
    asking = threading.Thread(target=lambda: found.append(ask(url, seconds)), daemon=True)
    asking.start()
    meanwhile()
    asking.join(PATIENCE / 3)
    assert found, "it still waits"
    return found[0]


@pytest.fixture(autouse=True)
def leisure(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(transport, "_SHORTEST", BUDGET)
    yield
    deadline.at_leisure()


@pytest.mark.parametrize("ask", [ask_api, ask_google, ask_wire, ask_for_token])
@pytest.mark.parametrize(("part", "kind"), CASES)
def test_every_exchange_ends_within_its_budget(ask: Ask, part: str, kind: str) -> None:
    with hostile(part, kind) as server:
        outcome = ended(ask, server.address, BUDGET)
    # garbage can end the headers, and what follows is a body that whoever reads it refuses
    looks_whole = kind in ("garbage", "reset") or (part, kind) == ("body", "endless")
    assert isinstance(outcome, Failure) or looks_whole
    if (
        isinstance(outcome, Failure) and kind == "drip" and ask is not ask_for_token
    ):  # Google's library rewords it
        assert "in time" in outcome.what


@pytest.mark.parametrize("ask", [ask_api, ask_google])
def test_a_signal_ends_an_exchange_that_waits(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "GRACE", 0.1)
    with hostile("header", "drip") as server:

        def stop() -> None:
            assert server.heard.wait(PATIENCE)
            deadline.hurry()

        assert isinstance(ended(ask, server.address, PATIENCE * 4, meanwhile=stop), Failure)


@pytest.mark.parametrize("ask", [ask_api, ask_google])
def test_a_name_server_that_is_silent_holds_nobody(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = threading.Event()

    def lookup(*_: object, **__: object) -> list[Any]:
        silent.wait(PATIENCE)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    outcome = ended(ask, "http://signals.invalid", BUDGET)
    silent.set()
    assert isinstance(outcome, Failure)


@pytest.mark.skipif(os.name != "posix", reason="signals to another process are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("command", ["sync", pytest.param("watch", marks=pytest.mark.soak)])
def test_a_real_signal_ends_a_run_that_is_held(shell: Shell, command: str, number: signal.Signals) -> None:
    if (command, number) == ("sync", signal.SIGINT):
        pytest.skip("as SIGTERM")
    with (
        hostile("header", "drip") as server,
        shell.start(command, "--json", CQS_API_URL=server.address) as run,
    ):
        assert server.heard.wait(HANGS)
        run.send_signal(number)
        said, _ = run.communicate(timeout=HANGS)
    assert run.returncode == 128 + number
    assert json.loads(said)["exit_code"] == 128 + number
