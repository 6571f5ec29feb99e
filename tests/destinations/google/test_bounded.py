"""Answers from Google's address end, whoever gives them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
import requests

from cqs_sheets.destinations.google.wire.auth import open_wire
from cqs_sheets.destinations.google.wire.exchange import BoundedSession
from tests.faults.faulty_server import BIGGEST, FaultyServer, answer, bodies, serving

WHOLE = b'{"spreadsheetId": "1"}'
FULL = b" " * (BIGGEST * 2)


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    manners = {
        "/whole": answer(200, WHOLE),
        "/away": answer(307, FULL, Location="/whole"),
        "/redirect": answer(307, b"", Location="/whole"),
        **bodies(),
    }
    with serving(manners) as running:
        yield running


def ask(server: FaultyServer, path: str, *, step: float = 0) -> requests.Response:
    """One question; each look at the clock lets `step` seconds pass."""
    with BoundedSession() as session:
        session.most_bytes = BIGGEST
        session.clock = count(0, step).__next__ if step else session.clock
        return session.post(f"http://127.0.0.1:{server.port}/{path}", data=b"x", timeout=(1, 1))


def test_an_answer_is_read_as_the_library_would(server: FaultyServer) -> None:
    reply = ask(server, "whole")
    assert (reply.status_code, reply.content, reply.json()) == (200, WHOLE, {"spreadsheetId": "1"})


def test_no_redirect_is_followed(server: FaultyServer) -> None:
    assert ask(server, "redirect").status_code == 307
    assert server.visits == ["/redirect"]


@pytest.mark.parametrize("path", ["bomb", "oversized", "away"])
def test_no_more_is_read_than_may_be(server: FaultyServer, path: str) -> None:
    with pytest.raises(requests.ConnectionError, match="larger than"):
        ask(server, path)


def test_an_answer_that_comes_drop_by_drop_is_left(server: FaultyServer) -> None:
    with pytest.raises(requests.ConnectionError, match="did not end in time"):
        ask(server, "whole", step=BoundedSession.most_seconds * 2)


@pytest.mark.parametrize("path", ["truncated", "damaged-gzip", "bad-chunks", "close", "reset"])
def test_half_an_answer_is_none(server: FaultyServer, path: str) -> None:
    with pytest.raises(requests.ConnectionError):
        ask(server, path)


def test_a_large_sheets_answer_is_read_whole() -> None:
    body = WHOLE + b" " * (5 << 20)
    with serving({"/v4/spreadsheets/1": answer(200, body)}) as server:
        wire, _ = open_wire(root=f"http://127.0.0.1:{server.port}", config_folder=Path("nowhere"))
        reply = wire.exchange("GET", "https://sheets.googleapis.com/v4/spreadsheets/1", params={})
        wire.close()
    assert reply.body == body
    assert wire.session.most_bytes <= 256 << 20
