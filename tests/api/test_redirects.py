"""Redirects: within the origin with method and fields, never beyond it."""

from __future__ import annotations

import pytest

from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.query import Query
from cqs_sheets.errors import ApiUnavailable
from tests.api.conftest import KEY, Connect
from tests.api.fakes import Canned, FakeTime, ScriptedServer, serving


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_origin_keeps_method_and_fields(
    server: ScriptedServer, connect: Connect, status: int
) -> None:
    server.answers(Canned(status, headers={"Location": "/moved/"}), Canned())
    assert connect().ask(Query(5)).http_requests == 2
    assert [(seen.method, seen.path, seen.form.get("api_key")) for seen in server.seen] == [
        ("POST", "/getSignal/", KEY),
        ("POST", "/moved/", KEY),
    ]


def test_a_redirected_get_sends_its_fields_once(server: ScriptedServer, connect: Connect) -> None:
    server.answers(
        Canned(302, headers={"Location": "/a"}),
        Canned(302, headers={"Location": "/b?api_key=FREE&interval=5"}),
        Canned(),
    )
    connect(key=Secret("FREE")).ask(Query(5))
    assert [(seen.path, seen.query) for seen in server.seen] == [
        (path, {"api_key": "FREE", "interval": "5"}) for path in ("/getSignal/", "/a", "/b")
    ]


@pytest.mark.parametrize("key", [KEY, "FREE"])
def test_another_port_is_another_origin_and_gets_nothing(
    server: ScriptedServer, connect: Connect, time: FakeTime, key: str
) -> None:
    with serving() as elsewhere:
        server.answers(Canned(307, headers={"Location": elsewhere.url + "/getSignal/"}))
        with pytest.raises(ApiUnavailable, match="redirect to another server") as caught:
            connect(key=Secret(key)).ask(Query(5))
        assert elsewhere.seen == []
    assert len(server.seen) == 1
    assert elsewhere.url not in str(caught.value)
    assert time.slept == []


@pytest.mark.parametrize(
    "location",
    [
        "https://127.0.0.1/getSignal/",
        "//elsewhere.invalid/getSignal/",
        "http://localhost:{port}/getSignal/",
        "http://127.0.0.1:{port}@elsewhere.invalid/",
        "ftp://127.0.0.1:{port}/",
        "http://127.0.0.1:notaport/",
        "http://[::1/",
        "javascript:alert(1)",
    ],
)
def test_no_other_scheme_or_host_is_followed(server: ScriptedServer, connect: Connect, location: str) -> None:
    port = server.url.rpartition(":")[2]
    server.answers(Canned(308, headers={"Location": location.format(port=port)}))
    with pytest.raises(ApiUnavailable, match="redirect to another server"):
        connect().ask(Query(5))
    assert len(server.seen) == 1


@pytest.mark.parametrize("headers", [{"Location": "/getSignal/"}, {}])
def test_a_redirect_in_a_circle_ends(
    server: ScriptedServer, connect: Connect, headers: dict[str, str]
) -> None:
    server.answers(Canned(302, headers=headers))
    with pytest.raises(ApiUnavailable, match="one redirect after another"):
        connect().ask(Query(5))
    assert 2 <= len(server.seen) <= 10
