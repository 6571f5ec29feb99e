"""The key shows up nowhere but in the body of the request."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from requests import exceptions as http

from cqs_sheets.api.transport import failure_of
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.query import Query
from cqs_sheets.errors import ApiUnavailable, CqsError
from tests.api.conftest import KEY, Connect
from tests.api.fakes import Canned, ScriptedServer, envelope, serving

ECHO = f"no such key: {KEY}"
FAILURES = {
    "refused, with an echo": Canned(body=envelope(error=5, message=ECHO)),
    "wrong request, with an echo": Canned(body=envelope(error=1, message=ECHO)),
    "down, with an echo": Canned(body=envelope(error=4, message=ECHO)),
    "a page with an echo": Canned(500, ECHO.encode()),
    "broken JSON with an echo": Canned(body=b'{"error": ' + KEY.encode()),
    "a redirect with an echo": Canned(302, headers={"Location": f"https://elsewhere.invalid/?api_key={KEY}"}),
    "a dropped connection": Canned(promised=10_000),
    "silence": Canned(hang=True),
}


def all_linked(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *all_linked(error.__cause__), *all_linked(error.__context__)]


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
def test_no_failure_shows_the_key(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture, failure: Canned
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers(failure)
    client = connect(retry_for=1, read_timeout=0.1)
    with pytest.raises(CqsError) as caught:
        client.ask(Query(5))
    shown = [str(caught.value), repr(caught.value), repr(client), caplog.text, repr(vars(client))]
    shown += ["".join(traceback.format_exception(caught.value)), repr(vars(caught.value))]
    assert not any(KEY in text for text in shown)
    assert not any(hasattr(error, "request") for error in all_linked(caught.value))
    assert all(KEY not in seen.path and KEY not in seen.query.values() for seen in server.seen)
    assert all(KEY not in seen.headers.values() for seen in server.seen)


def test_a_success_that_echoes_the_key_is_masked_before_anyone_can_keep_it(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.answers(Canned(body=envelope({"id": "1", "note": ECHO}, message=ECHO)))
    answer = connect().ask(Query(5))
    assert not any(KEY in repr(kept) for kept in (answer, answer.body, answer.envelope))
    assert KEY not in caplog.text
    assert b"no such key: ***" in answer.body


def test_a_key_short_enough_to_occur_by_chance_spoils_no_answer(
    server: ScriptedServer, connect: Connect
) -> None:
    body = envelope({"id": "1234567"})
    server.answers(Canned(body=body))
    assert connect(key=Secret("1234567")).ask(Query(5)).body == body


def test_an_answer_prints_shortly(server: ScriptedServer, connect: Connect) -> None:
    server.answers(Canned(body=envelope({"id": "1", "note": "x" * 5000})))
    assert len(repr(connect().ask(Query(5)))) < 500


def test_a_server_that_cannot_prove_who_it_is_gets_no_request(connect: Connect) -> None:
    with serving(Path(__file__).with_name("self_signed.pem")) as impostor:
        with pytest.raises(ApiUnavailable, match="certificate could not be verified"):
            connect(url=impostor.url).ask(Query(5))
        assert impostor.seen == []


def test_retries_are_logged(
    server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="cqs_sheets.api")
    server.answers(Canned(503), Canned())
    connect().ask(Query(5))
    assert "attempt 1 failed: HTTP status 503; again in 0.5 s" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        http.ConnectionError(f"url: /?api_key={KEY}"),
        http.ProxyError(f"http://user:{KEY}@proxy"),
        http.InvalidURL(KEY),
        http.ReadTimeout(KEY),
        OSError(KEY),
    ],
)
def test_what_the_http_library_says_is_never_passed_on(error: Exception) -> None:
    assert KEY not in repr(failure_of(error))
