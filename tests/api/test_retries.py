"""What is retried, for how long, and what is final."""

from __future__ import annotations

import socket
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.api.client import RetryBudget
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.query import Query
from cqs_sheets.errors import AccessRefused, ApiUnavailable, UsageError
from tests.api.conftest import Connect
from tests.api.fakes import NOW, Canned, FakeTime, ScriptedServer, envelope

QUERY = Query(5)
PASSING = {
    "billing is down": Canned(body=envelope(error=4, message="Unable to validate API Key")),
    "signals are down": Canned(body=envelope(error=5, message="System UNAVAILABLE")),
    "the rate limit": Canned(body=envelope(error=6, message="Rate limit exceeded")),
    "an unknown error code": Canned(body=envelope(error=42, message="?")),
    "408": Canned(408),
    "425": Canned(425),
    "429": Canned(429),
    "500 with a page": Canned(500, b"<html>"),
    "502": Canned(502),
    "599": Canned(599),
    "503 that speaks of the key": Canned(503, envelope(error=5, message="Invalid API Key")),
    "a web page": Canned(body=b"<!DOCTYPE html><p>hello"),
    "an empty body": Canned(body=b""),
    "half a JSON": Canned(body=envelope({"id": "1"})[:-9]),
    "JSON that is not the envelope": Canned(body=b'{"status": "ok", "data": []}'),
    "a connection that drops in the body": Canned(promised=10_000),
    "a gzip that is none": Canned(headers={"Content-Encoding": "gzip"}),
    "an unknown compression": Canned(headers={"Content-Encoding": "br"}),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
def test_a_passing_trouble_is_asked_again(
    server: ScriptedServer, connect: Connect, time: FakeTime, trouble: Canned
) -> None:
    server.answers(trouble, trouble, Canned())
    assert connect().ask(QUERY).http_requests == 3
    assert time.slept == [0.5, 1.0]


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING)
def test_a_trouble_that_stays_ends_inside_the_budget(
    server: ScriptedServer, connect: Connect, time: FakeTime, trouble: Canned
) -> None:
    server.answers(trouble)
    with pytest.raises(ApiUnavailable) as caught:
        connect(retry_for=20).ask(QUERY)
    assert caught.value.exit_code == 69
    assert time.slept == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert "asked 6 times" in caught.value.message
    assert caught.value.meaning
    assert caught.value.hint


def test_the_message_says_what_was_seen_last(server: ScriptedServer, connect: Connect) -> None:
    server.answers(Canned(500), Canned(body=envelope(error=5, message="System unavailable")))
    with pytest.raises(ApiUnavailable, match="the API's error 5: System unavailable"):
        connect(retry_for=1).ask(QUERY)


@pytest.mark.parametrize("message", ["Invalid API Key", "Inactive subscription", ""])
def test_a_refused_key_is_final(
    server: ScriptedServer, connect: Connect, time: FakeTime, message: str
) -> None:
    server.answers(Canned(body=envelope(error=5, message=message)))
    with pytest.raises(AccessRefused, match=message or "no message") as caught:
        connect().ask(QUERY)
    assert caught.value.exit_code == 77
    assert "FREE" in caught.value.hint
    assert time.slept == []


@pytest.mark.parametrize("status", [200, 400])
def test_a_wrong_request_is_final_and_told_in_the_apis_words(
    server: ScriptedServer, connect: Connect, time: FakeTime, status: int
) -> None:
    server.answers(Canned(status, envelope(error=1, message="Invalid type 'X'")))
    with pytest.raises(UsageError, match="Invalid type 'X'") as caught:
        connect().ask(QUERY)
    assert caught.value.exit_code == 2
    assert time.slept == []


@pytest.mark.parametrize("status", [400, 401, 403, 410, 418])
def test_another_refusal_by_http_is_not_repeated(
    server: ScriptedServer, connect: Connect, time: FakeTime, status: int
) -> None:
    server.answers(Canned(status, b"<html>go away"))
    with pytest.raises(ApiUnavailable, match=f"HTTP status {status}"):
        connect().ask(QUERY)
    assert time.slept == []


@pytest.mark.parametrize("status", [300, 400, 499])
def test_an_envelope_of_success_is_none_with_a_status_that_is_none(
    server: ScriptedServer, connect: Connect, time: FakeTime, status: int
) -> None:
    server.answers(Canned(status))
    with pytest.raises(ApiUnavailable, match=f"HTTP status {status}"):
        connect().ask(QUERY)
    assert time.slept == []


@pytest.mark.parametrize("status", [201, 299])
def test_every_status_of_success_is_one(server: ScriptedServer, connect: Connect, status: int) -> None:
    server.answers(Canned(status))
    assert connect().ask(QUERY).http_requests == 1


def test_a_rate_limit_is_answered_with_the_advice_to_poll_less(
    server: ScriptedServer, connect: Connect
) -> None:
    server.answers(Canned(body=envelope(error=6, message="Rate limit exceeded")))
    with pytest.raises(ApiUnavailable) as limited:
        connect(retry_for=0).ask(QUERY)
    server.answers(Canned(body=envelope(error=4, message="Unable to validate API Key")))
    with pytest.raises(ApiUnavailable) as down:
        connect(retry_for=0).ask(QUERY)
    assert "Poll less often" in limited.value.hint
    assert "Poll less often" not in down.value.hint


def test_no_budget_means_one_attempt(server: ScriptedServer, connect: Connect, time: FakeTime) -> None:
    server.answers(Canned(503))
    with pytest.raises(ApiUnavailable, match="asked once"):
        connect(retry_for=0).ask(QUERY)
    assert (len(server.seen), time.slept) == (1, [])


def test_the_budget_is_shared_by_all_requests(
    server: ScriptedServer, connect: Connect, time: FakeTime
) -> None:
    server.answers(Canned(503))
    client = connect(retry_for=2)
    for expected in ([0.5, 1.0], [0.5], []):
        time.slept.clear()
        with pytest.raises(ApiUnavailable):
            client.ask(QUERY)
        assert time.slept == expected


def test_attempts_that_take_long_use_the_budget_up(server: ScriptedServer, connect: Connect) -> None:
    slow = FakeTime(tick=3.0)
    server.answers(Canned(503))
    with pytest.raises(ApiUnavailable):
        connect(retry_for=30, monotonic=slow.monotonic, sleep=slow.sleep).ask(QUERY)
    assert len(server.seen) <= 3
    assert slow.passed <= 60


@pytest.mark.parametrize(
    ("asked", "waited"),
    [
        ("7", 7.0),
        (format_datetime(NOW + timedelta(seconds=9), usegmt=True), 9.0),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0.5),
        ("0", 0.5),
        ("-3", 0.5),
        ("soon", 0.5),
        ("\u00b2", 0.5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured_as_seconds_or_date(
    server: ScriptedServer, connect: Connect, time: FakeTime, asked: str, waited: float, status: int
) -> None:
    server.answers(Canned(status, headers={"Retry-After": asked}), Canned())
    connect().ask(QUERY)
    assert time.slept == [waited]


@pytest.mark.parametrize("asked", ["31", "86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_retry_after_beyond_the_budget_ends_it_at_once(
    server: ScriptedServer, connect: Connect, time: FakeTime, asked: str
) -> None:
    server.answers(Canned(429, headers={"Retry-After": asked}))
    with pytest.raises(ApiUnavailable, match="HTTP 429"):
        connect(retry_for=30).ask(QUERY)
    assert (len(server.seen), time.slept) == (1, [])


def test_a_server_that_is_not_there_is_told_in_plain_words(connect: Connect) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ApiUnavailable, match="refused the connection"):
            connect(url=url).ask(QUERY)


def test_a_server_that_says_nothing_is_given_up(server: ScriptedServer, connect: Connect) -> None:
    server.answers(Canned(hang=True))
    with pytest.raises(ApiUnavailable, match="no answer in time"):
        connect(retry_for=0, read_timeout=0.1).ask(QUERY)


def test_https_to_a_server_without_it_is_told_in_plain_words(
    server: ScriptedServer, connect: Connect
) -> None:
    with pytest.raises(ApiUnavailable, match="no secure connection"):
        connect(url=server.url.replace("http:", "https:"), retry_for=0).ask(QUERY)


def test_a_free_key_is_not_told_to_try_the_free_key(server: ScriptedServer, connect: Connect) -> None:
    server.answers(Canned(503))
    with pytest.raises(ApiUnavailable) as premium:
        connect(retry_for=0).ask(QUERY)
    with pytest.raises(ApiUnavailable) as free:
        connect(retry_for=0, key=Secret("FREE")).ask(QUERY)
    assert "CQS_API_KEY=FREE" in premium.value.hint
    assert "CQS_API_KEY=FREE" not in free.value.hint


@given(budget=st.floats(0, 300), dice=st.lists(st.floats(0, 0.999), min_size=1, max_size=50))
def test_waits_never_add_up_to_more_than_the_budget(budget: float, dice: list[float]) -> None:
    thrown = iter(dice * 4000)
    patience = RetryBudget(budget, lambda: next(thrown))
    waits: list[float] = []
    while (wait := patience.next_wait(len(waits) + 1, at_least=0)) is not None:
        assert 0 < wait <= 60
        patience.spend(wait)
        waits.append(wait)
    assert sum(waits) <= budget + 1e-6
