"""A person signs in with Google in the browser: only who was asked for gets in, and only with the secret."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from google.oauth2.credentials import Credentials

from cqs_sheets.destinations.google.wire import signing_in
from cqs_sheets.destinations.google.wire.auth import SCOPES, find_credentials, save_token
from cqs_sheets.destinations.google.wire.signing_in import OAuthClient, read_client, sign_in
from cqs_sheets.errors import AccessRefused, UsageError
from tests.faults import faulty_server

TOKEN = {"access_token": "a", "refresh_token": "r", "scope": SCOPES[0], "token_type": "Bearer"}


class TokenServer:
    """Google's token endpoint: answers with `answer`, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answer: object = TOKEN
        self.forms: list[dict[str, str]] = []
        outer = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.forms.append({name: texts[0] for name, texts in parse_qs(form).items()})
                self.send_response(200)
                self.end_headers()
                text = outer.answer if isinstance(outer.answer, str) else json.dumps(outer.answer)
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Endpoint)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/token"


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # this machine alone hears it
    server = TokenServer()
    thread = threading.Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.http.shutdown()
    thread.join()
    server.http.server_close()


class Browser:
    """Opens the page it is sent to and comes back with what the person decided."""

    def __init__(self, answer: Callable[[Mapping[str, str]], list[Mapping[str, str]]]) -> None:
        self._answer = answer
        self.asked: dict[str, str] = {}
        self.statuses: list[int] = []
        self._thread = threading.Thread(target=self._come_back)

    def __call__(self, address: str) -> None:
        self.asked = {name: texts[0] for name, texts in parse_qs(urlsplit(address).query).items()}
        self._thread.start()

    def _come_back(self) -> None:
        for answer in self._answer(self.asked):
            reply = requests.get(f"{self.asked['redirect_uri']}/?{urlencode(answer)}", timeout=10)
            self.statuses.append(reply.status_code)

    def finish(self) -> None:
        self._thread.join()


def allowing(asked: Mapping[str, str]) -> list[Mapping[str, str]]:
    return [{"state": asked["state"], "code": "the code"}]


def client_of(google: TokenServer) -> OAuthClient:
    return OAuthClient(
        id="id", secret="hush", auth_uri="https://accounts.google.com/auth", token_uri=google.url
    )


def signed_in(google: TokenServer, browser: Browser) -> dict[str, Any]:
    try:
        return sign_in(client_of(google), browser, patience=20)
    finally:
        browser.finish()


def test_a_person_who_allows_it_is_signed_in(google: TokenServer, tmp_path: Path) -> None:
    browser = Browser(allowing)
    token = signed_in(google, browser)
    assert token == {"client_id": "id", "client_secret": "hush", "refresh_token": "r"}
    save_token(tmp_path, token)
    found = find_credentials(tmp_path)
    assert isinstance(found, Credentials)
    assert found.refresh_token == "r"
    assert browser.statuses == [200]


def test_only_sheets_are_asked_for_and_the_answer_comes_to_this_machine(google: TokenServer) -> None:
    browser = Browser(allowing)
    signed_in(google, browser)
    assert browser.asked["scope"] == "https://www.googleapis.com/auth/spreadsheets"
    assert browser.asked["access_type"] == "offline"
    assert urlsplit(browser.asked["redirect_uri"]).hostname == "127.0.0.1"


def test_the_code_is_of_use_only_with_the_secret_behind_the_challenge(google: TokenServer) -> None:
    browser = Browser(allowing)
    signed_in(google, browser)
    (form,) = google.forms
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    assert browser.asked["code_challenge"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert browser.asked["code_challenge_method"] == "S256"
    assert form["code_verifier"] not in json.dumps(browser.asked)
    assert (form["code"], form["redirect_uri"]) == ("the code", browser.asked["redirect_uri"])


def test_a_visitor_without_our_state_is_sent_away_and_waited_past(google: TokenServer) -> None:
    def strangers(asked: Mapping[str, str]) -> list[Mapping[str, str]]:
        return [{"code": "theirs"}, {"state": "guessed", "code": "theirs"}, *allowing(asked)]

    browser = Browser(strangers)
    signed_in(google, browser)
    assert browser.statuses == [404, 404, 200]
    assert google.forms[0]["code"] == "the code"


def test_no_two_sign_ins_share_a_state_or_a_secret(google: TokenServer) -> None:
    first, second = Browser(allowing), Browser(allowing)
    signed_in(google, first)
    signed_in(google, second)
    assert first.asked["state"] != second.asked["state"]
    assert google.forms[0]["code_verifier"] != google.forms[1]["code_verifier"]


def test_a_person_who_refuses_is_told_so(google: TokenServer) -> None:
    browser = Browser(lambda asked: [{"state": asked["state"], "error": "access_denied"}])
    with pytest.raises(AccessRefused, match="access_denied"):
        signed_in(google, browser)
    assert google.forms == []


def test_nobody_who_comes_is_not_waited_for_for_ever(google: TokenServer) -> None:
    with pytest.raises(AccessRefused, match="Nobody"):
        sign_in(client_of(google), lambda _: None, patience=0)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"error": "invalid_client", "error_description": "The OAuth client was not found."}, "not found"),
        ({"access_token": "a", "scope": SCOPES[0]}, "no token"),
        ({**TOKEN, "scope": "openid"}, "unticked"),
        ([], "no usable answer"),
        ("<html>", "no usable answer"),
        ('"text"', "no usable answer"),
        ("[" * 20_000, "no usable answer"),
        ({**TOKEN, "expires_in": "soon"}, "no usable answer"),
        ('{"access_token": "a", "expires_in": 1e999}', "no usable answer"),
        ({**TOKEN, "refresh_token": ["r"]}, "no token"),
    ],
)
def test_a_token_that_is_of_no_use_is_not_kept(google: TokenServer, answer: object, told: str) -> None:
    google.answer = answer
    with pytest.raises(AccessRefused, match=told) as refused:
        signed_in(google, Browser(allowing))
    assert "hush" not in str(refused.value)


def test_what_the_token_server_says_is_told_in_part_and_without_what_it_was_sent(google: TokenServer) -> None:
    said = "No hush, nor the code; 1//0gAbCdEfGhIjKlMnOpQr\n::error::forged " + "x" * 5_000
    google.answer = {"error": "invalid_grant", "error_description": said}
    with pytest.raises(AccessRefused, match=r"No \*\*\*, nor \*\*\*; \*\*\*") as refused:
        signed_in(google, Browser(allowing))
    assert len(refused.value.message) < 300
    assert "\n" not in refused.value.message


def test_a_clients_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "client.json"
    installed = {
        "client_id": "id", "client_secret": "hush",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth", "token_uri": "https://oauth2.googleapis.com/token",
    }  # fmt: skip
    path.write_text(json.dumps({"installed": installed}))
    client = read_client(path)
    assert client.id == "id"
    assert "hush" not in repr(client)


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        '{"web": {}}',
        '{"installed": {"client_id": "id"}}',
        json.dumps(
            {
                "installed": {
                    "client_id": "i",
                    "client_secret": "s",
                    "auth_uri": "https://accounts.google.com/",
                    "token_uri": "http://example.com/token",
                }
            }
        ),
    ],
)
def test_a_file_that_is_no_desktop_client_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "client.json"
    path.write_text(content)
    with pytest.raises(UsageError) as refused:
        read_client(path)
    assert "Desktop app" in refused.value.hint


@pytest.mark.parametrize("padding", [0, 2 << 20], ids=["elsewhere", "large"])
def test_a_token_server_that_leads_elsewhere_or_never_ends_gives_no_token(
    google: TokenServer, padding: int
) -> None:
    large = faulty_server.answer(200, json.dumps(TOKEN).encode() + b" " * padding)
    away = large if padding else faulty_server.answer(307, b"", Location=google.url)
    browser = Browser(allowing)
    with faulty_server.serving({"/token": away}) as between:
        client = replace(client_of(google), token_uri=f"http://127.0.0.1:{between.port}/token")
        with pytest.raises(AccessRefused, match="no usable answer"):
            sign_in(client, browser, patience=20)
    browser.finish()
    assert google.forms == []


def test_a_visitor_who_drips_does_not_keep_the_person_out(
    google: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing_in._Callback, "visit", 0.2)
    over = threading.Event()

    def dripping(asked: Mapping[str, str]) -> list[Mapping[str, str]]:
        visitor = socket.create_connection(("127.0.0.1", urlsplit(asked["redirect_uri"]).port or 0))

        def drip() -> None:
            with visitor, contextlib.suppress(OSError):
                while not over.wait(0.05):
                    visitor.sendall(b"G")

        threading.Thread(target=drip).start()
        return allowing(asked)

    try:
        assert signed_in(google, Browser(dripping))["refresh_token"] == "r"
    finally:
        over.set()


def test_who_calls_this_machine_by_another_name_is_not_answered(google: TokenServer) -> None:
    statuses: list[int] = []

    def rebound(asked: Mapping[str, str]) -> list[Mapping[str, str]]:
        reply = requests.get(
            asked["redirect_uri"], params=allowing(asked)[0], headers={"Host": "evil.example"}, timeout=10
        )
        statuses.append(reply.status_code)
        return allowing(asked)

    signed_in(google, Browser(rebound))
    assert statuses == [404]
