"""Answers too large, too slow or compressed."""

from __future__ import annotations

import contextlib
import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqs_sheets.api import ApiClient
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.query import Query
from cqs_sheets.errors import ApiUnavailable, CqsError
from tests.api.conftest import Connect
from tests.api.fakes import Canned, FakeTime, ScriptedServer, envelope, serving

QUERY = Query(5)
BODY = envelope({"id": "1", "comment": "x" * 5000})


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("name", ["gzip", "GZIP", "deflate"])
def test_a_compressed_answer_is_read(
    server: ScriptedServer, connect: Connect, compress: type[bytes], name: str
) -> None:
    server.answers(Canned(body=compress(BODY), headers={"Content-Encoding": name}))
    assert connect().ask(QUERY).body == BODY


def test_an_answer_in_chunks_is_read(server: ScriptedServer, connect: Connect) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:10], BODY[10:])) + b"0\r\n\r\n"
    server.answers(Canned(body=chunks, headers={"Transfer-Encoding": "chunked", "Content-Length": ""}))
    assert connect().ask(QUERY).body == BODY


@pytest.mark.parametrize("encode", [bytes, gzip.compress])
def test_an_answer_as_large_as_allowed_is_read(
    server: ScriptedServer, connect: Connect, encode: type[bytes]
) -> None:
    headers = {} if encode is bytes else {"Content-Encoding": "gzip"}
    server.answers(Canned(body=encode(BODY), headers=headers))
    assert connect(max_body=len(BODY)).ask(QUERY).body == BODY


@pytest.mark.parametrize("encode", [bytes, gzip.compress])
def test_an_answer_larger_than_allowed_is_not_kept(
    server: ScriptedServer, connect: Connect, encode: type[bytes]
) -> None:
    headers = {} if encode is bytes else {"Content-Encoding": "gzip"}
    server.answers(Canned(body=encode(BODY), headers=headers))
    with pytest.raises(ApiUnavailable, match="larger than"):
        connect(max_body=len(BODY) - 1).ask(QUERY)


def test_a_small_answer_that_unpacks_to_a_large_one_is_not_unpacked_whole(
    server: ScriptedServer, connect: Connect
) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    server.answers(Canned(body=bomb, headers={"Content-Encoding": "gzip"}))
    client = connect(max_body=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(ApiUnavailable, match="larger than"):
            client.ask(QUERY)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 16 << 20


def test_an_answer_of_more_values_than_memory_should_hold_is_refused_at_once(
    server: ScriptedServer, connect: Connect
) -> None:
    server.answers(Canned(body=b'{"error":0,"signals":[' + b"0," * 4_000_000 + b"0]}"))
    with pytest.raises(ApiUnavailable, match="more than 4,000,000 values"):
        connect().ask(QUERY)
    assert len(server.seen) == 1


def test_a_compressed_answer_that_breaks_off_is_not_taken_for_whole(
    server: ScriptedServer, connect: Connect
) -> None:
    half = gzip.compress(BODY)[:-12]
    server.answers(Canned(body=half, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(ApiUnavailable, match="breaks off"):
        connect(retry_for=0).ask(QUERY)


def test_an_answer_that_never_ends_is_given_up(server: ScriptedServer, connect: Connect) -> None:
    slow = FakeTime(tick=10.0)
    server.answers(Canned(body=BODY, pieces=100))
    with pytest.raises(ApiUnavailable, match="did not end in time"):
        connect(retry_for=0, total_timeout=5.0, monotonic=slow.monotonic).ask(QUERY)


def test_the_page_that_comes_with_a_redirect_is_bounded_too(server: ScriptedServer, connect: Connect) -> None:
    server.answers(Canned(302, BODY, {"Location": "/elsewhere/"}))
    with pytest.raises(ApiUnavailable, match="larger than"):
        connect(max_body=100).ask(QUERY)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x16\x03\x01\x00",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ],
)
def test_what_is_no_http_is_told_as_unavailable(server: ScriptedServer, connect: Connect, raw: bytes) -> None:
    server.answers(Canned(raw=raw))
    with pytest.raises(ApiUnavailable):
        connect(retry_for=0).ask(QUERY)


def test_whatever_a_server_says_ends_in_an_answer_or_in_one_of_our_errors() -> None:
    head = st.sampled_from([b"", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 F\r\nLocation: "])
    with serving() as server, ApiClient(url=server.url, key=Secret("FREE"), retry_for=0) as client:

        @settings(max_examples=75, deadline=None)
        @given(head=head, rest=st.binary(max_size=200))
        def ask(head: bytes, rest: bytes) -> None:
            server.answers(Canned(raw=head + rest))
            with contextlib.suppress(CqsError):
                client.ask(QUERY)

        ask()


def test_the_first_attempt_gets_its_full_time_whatever_the_budget(
    server: ScriptedServer, connect: Connect
) -> None:
    slow = FakeTime(tick=4.0)
    server.answers(Canned(body=BODY))
    assert connect(retry_for=0, monotonic=slow.monotonic).ask(QUERY).body == BODY


def test_a_later_attempt_gets_only_what_the_budget_leaves(server: ScriptedServer, connect: Connect) -> None:
    slow = FakeTime(tick=4.0)
    server.answers(Canned(503), Canned(body=BODY))
    with pytest.raises(ApiUnavailable, match="did not end in time"):
        connect(retry_for=17, monotonic=slow.monotonic).ask(QUERY)
    assert len(server.seen) == 2
