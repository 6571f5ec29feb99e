"""A person signs in with Google in the browser, for an OAuth client of their own (RFC 8252 with PKCE).

The browser comes back to a port of this machine with a code that is of use only together with a secret
that never left this process; `state` keeps others from handing us a code of theirs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests

from cqs_sheets.config.values import url_problem
from cqs_sheets.destinations.google.account.auth import SCOPES
from cqs_sheets.destinations.google.wire.bounded import BoundedSession
from cqs_sheets.destinations.google.wire.causes import cause_of
from cqs_sheets.errors import AccessRefused, CqsError, UsageError

_NOTHING = "No token was kept."
_CLIENT_HINT = (
    "In the Google Cloud console make an OAuth client of the type Desktop app, and download its JSON file."
)
_DONE = (
    b"<!doctype html><title>cqs-sheets</title><p>Done. You can close this page and go back to the terminal."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """An OAuth client of the type Desktop app, as its downloaded file tells it."""

    id: str
    secret: str = field(repr=False)
    auth_uri: str
    token_uri: str


def read_client(path: Path) -> OAuthClient:
    """The client in a downloaded file. Raises UsageError if it holds none that can be used."""
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
        given = document["installed"]
        client = OAuthClient(
            id=str(given["client_id"]),
            secret=str(given["client_secret"]),
            auth_uri=str(given["auth_uri"]),
            token_uri=str(given["token_uri"]),
        )
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", meaning=_NOTHING, hint=_CLIENT_HINT
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(
            f"{path} is not the file of a Desktop app client.", meaning=_NOTHING, hint=_CLIENT_HINT
        ) from None
    if url_problem(client.auth_uri) or url_problem(client.token_uri):
        raise UsageError(
            f"{path} names servers that cannot be Google's.", meaning=_NOTHING, hint=_CLIENT_HINT
        )
    return client


def sign_in(
    client: OAuthClient, open_page: Callable[[str], None], *, patience: float = 300
) -> dict[str, Any]:
    """Have a person allow access in the browser; returns what auth.save_token keeps.

    `open_page` shows an address to the person; it is waited for `patience` seconds. Raises
    AccessRefused (they refuse, or nobody comes) or CqsError as the token server gives cause.
    """
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    with _Doorman(state) as doorman:
        open_page(_address(client, doorman.address, state, verifier))
        answer = doorman.wait(patience)
        if "code" not in answer:
            raise _refused_by_google("Google answers", answer.get("error", "nothing"))
        return _token(client, answer["code"], doorman.address, verifier)


def _address(client: OAuthClient, back_to: str, state: str, verifier: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = {
        "client_id": client.id,
        "redirect_uri": back_to,
        "response_type": "code",
        "scope": " ".join(SCOPES),
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
    }
    return f"{client.auth_uri}?{urlencode(query)}"


def _token(client: OAuthClient, code: str, back_to: str, verifier: str) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "client_id": client.id,
        "client_secret": client.secret,
        "redirect_uri": back_to,
    }
    try:
        with BoundedSession() as session:
            reply = session.post(client.token_uri, data=form, timeout=30)
        answer: Any = reply.json()
    except (requests.RequestException, ValueError):
        raise _refused("Google's token server gave no usable answer.") from None
    if not isinstance(answer, Mapping) or not answer.get("refresh_token"):
        reason = answer.get("error_description") or answer.get("error") if isinstance(answer, Mapping) else ""
        raise _refused_by_google("Google gave no token", str(reason or "no reason told"))
    if not set(SCOPES) <= set(str(answer.get("scope", "")).split()):
        raise _refused("Access to Google Sheets was not allowed: its box was left unticked.")
    return {
        "client_id": client.id,
        "client_secret": client.secret,
        "refresh_token": answer["refresh_token"],
    }


class _Doorman:
    """Waits on a free port of this machine for the browser that comes back with our `state`."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._answer: dict[str, str] = {}
        doorman = self

        class Door(BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self) -> None:
                welcome = doorman.meet(self.path)
                self.send_response(200 if welcome else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(_DONE if welcome else b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
                """Nothing: the address holds the code."""

        self._server = HTTPServer(("127.0.0.1", 0), Door)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def meet(self, path: str) -> bool:
        """Whether this is the visitor we wait for; its answer is kept."""
        given = dict(parse_qsl(urlsplit(path).query))
        if not secrets.compare_digest(given.get("state", "").encode(), self._state.encode()):
            return False
        self._answer = given
        return True

    def wait(self, seconds: float) -> Mapping[str, str]:
        """What the visitor brought. Raises AccessRefused if nobody came in time."""
        until = time.monotonic() + seconds
        while not self._answer:
            left = until - time.monotonic()
            if left <= 0:
                raise _refused("Nobody signed in within the time.")
            self._server.timeout = min(left, 0.5)  # Windows tells of Ctrl-C only between two waits
            self._server.handle_request()
        return self._answer


def _refused_by_google(what: str, said: str) -> CqsError:
    cause = cause_of(said)
    if cause is None:
        return _refused(f"{what}: {said}.")
    return AccessRefused(f"{what}: {cause.what} ({said}).", meaning=_NOTHING, hint=cause.mend)


def _refused(what: str) -> CqsError:
    return AccessRefused(
        what, meaning=_NOTHING, hint="Run it again, and allow access to Google Sheets in the browser."
    )
