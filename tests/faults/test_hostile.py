"""No answer holds a run: whatever a server does at any byte of an exchange, its budget ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
import requests

from cqs_sheets import deadline
from cqs_sheets.api import transport
from cqs_sheets.api.transport import Failure, Reply, Transport
from cqs_sheets.destinations.google.wire.exchange import BoundedSession
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


@pytest.mark.parametrize("ask", [ask_api, ask_google])
@pytest.mark.parametrize(("part", "kind"), CASES)
def test_every_exchange_ends_within_its_budget(ask: Ask, part: str, kind: str) -> None:
    with hostile(part, kind) as server:
        outcome = ended(ask, server.address, BUDGET)
    # garbage can end the headers, and what follows is a body that whoever reads it refuses
    looks_whole = kind in ("garbage", "reset") or (part, kind) == ("body", "endless")
    assert isinstance(outcome, Failure) or looks_whole
    if isinstance(outcome, Failure) and kind == "drip":
        assert "in time" in outcome.what


@pytest.mark.parametrize("ask", [ask_api, ask_google])
def test_a_signal_ends_an_exchange_that_waits(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadline, "GRACE", 0.1)
    with hostile("header", "drip") as server:

        def stop() -> None:
            assert server.heard.wait(PATIENCE)
            deadline.hurry()

        assert isinstance(ended(ask, server.address, PATIENCE * 4, meanwhile=stop), Failure)
