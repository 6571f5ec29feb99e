"""What is sent, where, and how an answer comes back."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from requests import Request

from cqs_sheets.api import ApiClient
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.query import Query
from cqs_sheets.errors import ApiUnavailable
from tests.api.conftest import KEY, Connect
from tests.api.fakes import NOW, Canned, FakeTime, ScriptedServer, envelope

QUERY = Query(15, "binance", "USDT", "SHORT TERM")
FIELDS = {"interval": "15", "exchange": "binance", "currency": "USDT", "type": "SHORT TERM"}


def test_a_premium_key_travels_in_the_body_of_a_post(server: ScriptedServer, connect: Connect) -> None:
    connect().ask(QUERY)
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("POST", "/getSignal/", {})
    assert seen.form == {"api_key": KEY, **FIELDS}


def test_the_free_key_travels_in_a_get(server: ScriptedServer, connect: Connect) -> None:
    connect(key=Secret("FREE")).ask(QUERY)
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.form) == ("GET", "/getSignal/", {})
    assert seen.query == {"api_key": "FREE", **FIELDS}


def test_filters_that_are_not_set_are_not_sent(server: ScriptedServer, connect: Connect) -> None:
    connect().ask(Query(5))
    assert server.seen[0].form == {"api_key": KEY, "interval": "5"}


def test_the_answer_carries_the_body_as_it_came_and_the_servers_clock(
    server: ScriptedServer, connect: Connect, time: FakeTime
) -> None:
    body = envelope({"id": "1", "ask": "94325.50"})
    behind = format_datetime(NOW - timedelta(minutes=3), usegmt=True)
    server.answers(Canned(body=body, date=behind))
    answer = connect().ask(QUERY)
    assert (answer.query, answer.body, answer.envelope.count) == (QUERY, body, 1)
    assert answer.at == NOW - timedelta(minutes=3)
    assert answer.skew == -timedelta(minutes=3)
    assert answer.http_requests == 1
    assert time.slept == []


@pytest.mark.parametrize("date", [None, "yesterday", "Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 99 May 2026"])
def test_without_a_plausible_date_header_our_own_clock_counts(
    server: ScriptedServer, connect: Connect, date: str | None
) -> None:
    server.answers(Canned(date=date))
    answer = connect().ask(QUERY)
    assert (answer.at, answer.skew) == (NOW, timedelta(0))


@pytest.mark.parametrize(
    ("first", "second"), [("/getSignal/", "/api/v1/getSignal"), ("/api/v1/getSignal", "/getSignal/")]
)
def test_a_documented_path_that_is_gone_is_replaced_by_the_other_and_remembered(
    server: ScriptedServer, connect: Connect, first: str, second: str
) -> None:
    server.answers(lambda seen: Canned(404 if seen.path == first else 200))
    server.script *= 2
    client = connect(url=server.url + first)
    assert client.ask(QUERY).http_requests == 2
    server.answers(Canned())
    assert client.ask(QUERY).http_requests == 1
    assert [seen.path for seen in server.seen] == [first, second, second]
    assert all(seen.form["api_key"] == KEY for seen in server.seen)


def test_when_both_documented_paths_are_gone_each_was_tried_once(
    server: ScriptedServer, connect: Connect, time: FakeTime
) -> None:
    server.answers(Canned(404, b"not here"))
    with pytest.raises(ApiUnavailable, match="HTTP status 404"):
        connect().ask(QUERY)
    assert [seen.path for seen in server.seen] == ["/getSignal/", "/api/v1/getSignal"]
    assert time.slept == []


def test_a_path_once_switched_is_not_switched_back(server: ScriptedServer, connect: Connect) -> None:
    server.answers(Canned(404), Canned(), Canned(404))
    client = connect()
    client.ask(QUERY)
    with pytest.raises(ApiUnavailable):
        client.ask(QUERY)
    assert [seen.path for seen in server.seen] == ["/getSignal/", *["/api/v1/getSignal"] * 2]


def test_a_path_of_the_users_own_is_never_replaced(server: ScriptedServer, connect: Connect) -> None:
    server.answers(Canned(404))
    with pytest.raises(ApiUnavailable):
        connect(url=server.url + "/v1/getSignal/").ask(QUERY)
    assert [seen.path for seen in server.seen] == ["/v1/getSignal/"]


def test_the_other_path_is_still_tried_after_the_connection_broke_on_the_way_to_it(
    server: ScriptedServer, connect: Connect
) -> None:
    server.answers(Canned(404), Canned(promised=999), Canned(404), Canned())
    assert connect().ask(QUERY).http_requests == 4


def test_a_netrc_file_adds_no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine api.example.com login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    session = ApiClient(key=Secret(KEY))._transport._session
    prepared = session.prepare_request(Request("POST", "https://api.example.com/getSignal/"))
    session.close()
    assert "authorization" not in prepared.headers


def test_a_proxy_of_the_environment_is_not_asked_for_this_computer(
    server: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    connect().ask(QUERY)
    assert len(server.seen) == 1


def test_the_client_counts_all_its_requests(server: ScriptedServer, connect: Connect) -> None:
    server.answers(Canned(503), Canned(), Canned())
    client = connect()
    assert client.ask(QUERY).http_requests == 2
    assert client.ask(QUERY).http_requests == 1
    assert client.http_requests == 3
