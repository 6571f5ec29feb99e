"""Where Google gives out tokens: what passes is waited for, what does not is told, and nothing waits for ever."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from google.auth import external_account
from google.auth.credentials import Credentials
from google.oauth2.credentials import Credentials as UserCredentials

from cqs_sheets.destinations.google.wire.auth import SCOPES, find_credentials, kind_of
from cqs_sheets.destinations.google.wire.exchange import CredentialsRefused, NoAnswer, Wire
from tests.faults.faulty_server import answer, serving

REFUSED = json.dumps({"error": "invalid_grant", "error_description": "expired or revoked"})
KINDS = ["user", "federation"]


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """The address of a server that answers every question alike."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def federation(folder: Path, url: str) -> dict[str, Any]:
    """A Workload Identity Federation file whose services are at `url`."""
    (folder / "subject").write_text("a subject's token")
    pool = "//iam.googleapis.com/projects/123456/locations/global/workloadIdentityPools/pool/providers/github"
    return {
        "type": "external_account",
        "audience": pool,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"{url}/token",
        "credential_source": {"file": str(folder / "subject")},
    }


def credentials(kind: str, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Credentials:
    """Credentials that get their tokens at `url`."""
    if kind == "user":
        return UserCredentials(  # type: ignore[no-untyped-call]
            None, refresh_token="r", client_id="i", client_secret="s", token_uri=f"{url}/token"
        )
    file = folder / "federation.json"
    file.write_text(json.dumps(federation(folder, url)))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    return find_credentials(folder, named=file)


def ask(made: Credentials, sign_in_timeout: tuple[float, float] = (1.0, 1.0)) -> None:
    """A question to Google Sheets, which comes as far as the token."""
    wire = Wire(made, sign_in_timeout=sign_in_timeout)
    try:
        wire.exchange("GET", "http://127.0.0.1:9/v4/spreadsheets/x", params={})
    finally:
        wire.close()


def test_federated_credentials_are_found_without_asking_anybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = credentials("federation", tmp_path, "http://nobody.invalid", monkeypatch)
    assert kind_of(found) == "Workload Identity Federation"
    assert isinstance(found, external_account.Credentials)
    assert list(found.scopes) == list(SCOPES)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [302, 307, 429, 500, 503])
def test_a_sign_in_that_is_away_for_now_refuses_nobody(
    kind: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        answering(status, "<html>busy</html>") as url,
        pytest.raises(NoAnswer, match=str(status)),
    ):
        ask(credentials(kind, tmp_path, url, monkeypatch))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sign_in_that_says_no_is_told_in_its_words(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(400, REFUSED) as url, pytest.raises(CredentialsRefused, match="expired or revoked"):
        ask(credentials(kind, tmp_path, url, monkeypatch))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("nonsense", ["<html>not google</html>", "[]", "{}", '"x"'])
def test_what_is_not_google_at_that_address_is_no_refusal(
    kind: str, nonsense: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(200, nonsense) as url, pytest.raises((NoAnswer, CredentialsRefused)):
        ask(credentials(kind, tmp_path, url, monkeypatch))


def test_a_sign_in_that_hangs_is_left_within_its_own_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NoAnswer, match="timed out"):
            ask(credentials("user", tmp_path, url, monkeypatch), sign_in_timeout=(1.0, 0.05))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sign_in_is_not_led_to_another_server(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving({"/token": answer(200, b"{}")}) as elsewhere:
        away = answer(307, b"", Location=f"http://127.0.0.1:{elsewhere.port}/token")
        with serving({"/token": away}) as server, pytest.raises(NoAnswer, match="307"):
            ask(credentials(kind, tmp_path, f"http://127.0.0.1:{server.port}", monkeypatch))
    assert elsewhere.visits == []


def test_a_sign_in_that_would_fill_the_memory_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serving({"/token": answer(200, b" " * (2 << 20))}) as server,
        pytest.raises(NoAnswer, match="larger than"),
    ):
        ask(credentials("user", tmp_path, f"http://127.0.0.1:{server.port}", monkeypatch))
