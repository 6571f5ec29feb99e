import json
import os
import socket
import struct
import threading
from datetime import timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
import requests

from cqs_sheets.sandbox import ACTIVE_KEY, RunningSandbox, SeenRequest, start, utc_now
from cqs_sheets.sandbox import server as server_module
from tests.sandbox.clock import NOON, Clock

NO_LINGER = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
PATHS = ("/getSignal", "/getSignal/", "/api/v1/getSignal", "/api/v1/getSignal/")


def send(sandbox: RunningSandbox, raw: bytes, *, end: bool = False) -> bytes:
    """Send raw bytes on a connection of their own and return all that comes back."""
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as connection:
        connection.sendall(raw)
        if end:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65_536):
            received += chunk
    return received


def status_of(raw: bytes) -> int:
    return int(raw.split(b" ", 2)[1])


def body_of(raw: bytes) -> dict[str, object]:
    document = json.loads(raw.partition(b"\r\n\r\n")[2])
    assert isinstance(document, dict)
    return document


@pytest.mark.parametrize("path", PATHS)
def test_get_and_post_answer_the_same_on_every_path(sandbox: RunningSandbox, path: str) -> None:
    params = {"api_key": ACTIVE_KEY, "interval": "20", "type": "SHORT/MID TERM"}
    got = requests.get(sandbox.url + path, params=params, timeout=10)
    posted = requests.post(sandbox.url + path, data=params, timeout=10)
    mixed = requests.post(sandbox.url + path, params={"interval": "20", "type": "x"}, data=params, timeout=10)
    assert got.status_code == posted.status_code == 200
    assert got.headers["Content-Type"] == "application/json; charset=utf-8"
    assert got.json() == posted.json() == mixed.json()
    assert got.json()["count"] > 0


def test_a_post_may_carry_its_parameters_in_the_query(sandbox: RunningSandbox) -> None:
    answer = requests.post(sandbox.signals_url, params={"api_key": "FREE", "interval": "20"}, timeout=10)
    assert answer.json()["message"] == "Success"


def test_coins_in_any_script_come_as_utf_8(sandbox: RunningSandbox, clock: Clock) -> None:
    coins: set[str] = set()
    while "币安人生" not in coins:
        answer = requests.get(
            sandbox.signals_url, params={"api_key": ACTIVE_KEY, "interval": "20"}, timeout=10
        )
        coins |= {signal["coin"] for signal in json.loads(answer.content.decode("utf-8"))["signals"]}
        clock.advance(minutes=20)
    assert "币安人生".encode() in answer.content


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "BREW"])
def test_other_methods_get_405(sandbox: RunningSandbox, method: str) -> None:
    answer = requests.request(method, sandbox.signals_url, timeout=10)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST"
    assert method == "HEAD" or answer.json()["error"] == 1


def test_other_paths_get_404_as_json(sandbox: RunningSandbox) -> None:
    answer = requests.get(sandbox.url + "/v2/getSignal", timeout=10)
    assert answer.status_code == 404
    assert answer.json()["error"] == 1


def test_the_date_is_the_sandboxs_clock(sandbox: RunningSandbox, clock: Clock) -> None:
    clock.advance(days=3, seconds=7)
    answer = requests.get(sandbox.signals_url, timeout=10)
    assert answer.headers["Date"] == "Wed, 27 May 2026 12:00:07 GMT"
    assert parsedate_to_datetime(answer.headers["Date"]) == clock()


def test_a_clock_in_another_zone_tells_the_same_time() -> None:
    elsewhere = Clock(NOON.astimezone(timezone(timedelta(hours=9))))
    params = {"api_key": "FREE", "interval": "20"}
    with start(clock=elsewhere) as there, start(clock=Clock()) as here:
        answers = [requests.get(sandbox.signals_url, params=params, timeout=10) for sandbox in (there, here)]
    assert answers[0].headers["Date"] == answers[1].headers["Date"]
    assert answers[0].json() == answers[1].json()


def test_one_connection_carries_many_requests(sandbox: RunningSandbox) -> None:
    request = b"GET /getSignal/?api_key=FREE HTTP/1.1\r\nHost: localhost\r\n\r\n"
    form = b"api_key=FREE&interval=20"
    post = (
        b"POST /getSignal/ HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(form), form)
    )
    received = send(sandbox, request + request + post)
    assert received.count(b"HTTP/1.1 200 OK") == 3
    assert received.count(b"Connection: keep-alive") == 2


def test_a_body_that_is_no_form_holds_no_parameters(sandbox: RunningSandbox) -> None:
    answer = requests.post(sandbox.signals_url, json={"api_key": "FREE"}, timeout=10)
    assert answer.json()["error"] == 1


@pytest.mark.parametrize(
    ("raw", "statuses"),
    [
        (b"\x00\xff\xfe\r\n\r\n", {400}),
        (b"GET\r\n\r\n", {400}),
        (b"GET / HTTP/9.9\r\n\r\n", {505}),
        (b"GET http://[ HTTP/1.1\r\n\r\n", {400}),
        (b"GET /getSignal/?" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", {414}),
        (b"GET /getSignal/?" + b"a=1&" * 5_000 + b" HTTP/1.1\r\n\r\n", {400}),
        (b"GET /getSignal/ HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", {431}),
        (b"GET /getSignal/ HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", {431}),
        (b"POST /getSignal/ HTTP/1.1\r\nContent-Length: abc\r\n\r\n", {400}),
        (b"POST /getSignal/ HTTP/1.1\r\nContent-Length: -5\r\n\r\n", {400}),
        (b"POST /getSignal/ HTTP/1.1\r\nContent-Length: 1\xb2\r\n\r\n", {400}),
        (b"POST /getSignal/ HTTP/1.1\r\nContent-Length: " + b"9" * 6000 + b"\r\n\r\n", {413}),
        (b"POST /getSignal/ HTTP/1.1\r\nContent-Length: 70000\r\n\r\napi_key=FREE", {413}),
        (b"POST /getSignal/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", {411}),
    ],
)
def test_garbage_is_refused_as_json(sandbox: RunningSandbox, raw: bytes, statuses: set[int]) -> None:
    received = send(sandbox, raw, end=True)
    assert status_of(received) in statuses
    assert body_of(received)["error"] == 1
    assert requests.get(sandbox.signals_url, params={"api_key": "FREE"}, timeout=10).json()["error"] == 0


def test_a_short_body_is_refused(sandbox: RunningSandbox) -> None:
    raw = b"POST /getSignal/ HTTP/1.1\r\nContent-Length: 50\r\n\r\napi_key=FREE"
    assert status_of(send(sandbox, raw, end=True)) == 400


def test_a_body_that_does_not_come_is_not_waited_for_long(
    sandbox: RunningSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "_BODY_SECONDS", 0.01)
    raw = b"POST /getSignal/ HTTP/1.1\r\nContent-Length: 50\r\n\r\napi_key=FREE"
    assert status_of(send(sandbox, raw)) == 408


def test_a_large_body_is_refused_and_the_client_sees_the_answer(sandbox: RunningSandbox) -> None:
    answer = requests.post(sandbox.signals_url, data=b"x" * 2_000_000, timeout=10)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "field",
    [
        b"\xff\xfe",
        b"%FF%FE",
        b"%",
        b"%zz",
        b"%00",
        b"\xf0\x9f\x92\xa9",
        b"%ED%A0%80",
        b";;&&==",
        b"a" * 60_000,
    ],
)
def test_bytes_that_are_no_text_are_an_unknown_type(sandbox: RunningSandbox, field: bytes) -> None:
    query = b"GET /getSignal/?api_key=FREE&type=" + field + b" HTTP/1.1\r\nConnection: close\r\n\r\n"
    form = b"api_key=FREE&type=" + field
    post = b"POST /getSignal/ HTTP/1.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
        len(form),
        form,
    )
    for raw in (query, post):
        received = send(sandbox, raw)
        assert status_of(received) == 200
        assert body_of(received)["error"] == 1


def test_requests_are_kept_as_they_were_sent(sandbox: RunningSandbox) -> None:
    requests.post(
        sandbox.url + "/api/v1/getSignal",
        params={"interval": "3"},
        data=[("api_key", "a"), ("api_key", ACTIVE_KEY)],
        headers={"User-Agent": "a test"},
        timeout=10,
    )
    (request,) = sandbox.requests
    assert (request.method, request.path, request.at) == ("POST", "/api/v1/getSignal", NOON)
    assert request.query == (("interval", "3"),)
    assert request.form == (("api_key", "a"), ("api_key", ACTIVE_KEY))
    assert request.params == {"interval": "3", "api_key": ACTIVE_KEY}
    assert request.headers["user-agent"] == "a test"


def test_only_the_latest_requests_are_kept(clock: Clock) -> None:
    heard: list[SeenRequest] = []
    with start(clock=clock, requests_kept=3, on_request=heard.append) as sandbox:
        for n in range(5):
            requests.get(sandbox.signals_url, params={"n": n}, timeout=10)
        assert [request.params["n"] for request in sandbox.requests] == ["2", "3", "4"]
    assert [request.params["n"] for request in heard] == ["0", "1", "2", "3", "4"]


def test_two_sandboxes_and_a_restarted_one_show_the_same_market(clock: Clock) -> None:
    params = {"api_key": ACTIVE_KEY, "interval": "20"}

    def seen(sandbox: RunningSandbox) -> object:
        return requests.get(sandbox.signals_url, params=params, timeout=10).json()

    with start(clock=clock, seed=5, speed=30) as one, start(clock=clock, seed=5, speed=30) as other:
        assert seen(one) == seen(other)
        clock.advance(minutes=2)
        before = seen(one)
    with start(clock=clock, seed=5, speed=30) as restarted:
        assert seen(restarted) == before
    with start(clock=clock, seed=6, speed=30) as different:
        assert seen(different) != before


def test_it_listens_on_loopback_only(sandbox: RunningSandbox) -> None:
    assert sandbox.url == f"http://127.0.0.1:{sandbox.port}"
    assert sandbox._server.socket.getsockname()[0] == "127.0.0.1"


def test_it_tells_the_real_time_when_given_no_clock() -> None:
    before = utc_now().replace(microsecond=0)
    with start() as sandbox:
        answer = requests.get(sandbox.signals_url, timeout=10)
    assert before <= parsedate_to_datetime(answer.headers["Date"]) <= utc_now()


def test_stopping_frees_the_port_and_can_be_repeated(clock: Clock) -> None:
    sandbox = start(clock=clock)
    with requests.Session() as session:
        session.get(sandbox.signals_url, timeout=10)  # leaves an idle connection behind
        sandbox.stop()
    sandbox.stop()
    with start(port=sandbox.port, clock=clock) as again:
        assert again.port == sandbox.port
    assert not [thread for thread in threading.enumerate() if thread.name == "cqs-sandbox"]


def test_a_taken_port_and_an_impossible_one_are_refused(sandbox: RunningSandbox) -> None:
    with pytest.raises(OSError, match=r"use|permi"):
        start(port=sandbox.port)
    with pytest.raises(ValueError, match="0 to 65535"):
        start(port=65_536)


def test_clients_that_go_away_leave_no_trace(
    sandbox: RunningSandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.set_faults(["oversized"])
    for raw in (b"", b"GET /getS", b"GET /getSignal/?api_key=FREE HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as connection:
            connection.sendall(raw)
            # Closing with zero linger resets the connection under the server's hands.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    sandbox.set_faults([])
    assert requests.get(sandbox.signals_url, timeout=10).ok
    sandbox.stop()
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_page_of_another_site_is_refused(sandbox: RunningSandbox, headers: dict[str, str]) -> None:
    answer = requests.get(
        sandbox.signals_url, params={"api_key": "FREE", "interval": "20"}, headers=headers, timeout=10
    )
    assert answer.status_code == 403
