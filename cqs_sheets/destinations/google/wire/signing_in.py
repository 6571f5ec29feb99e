"""A person signs in with Google in the browser, for an OAuth client of their own (RFC 8252 with PKCE).

The browser comes back to a port of this machine with a code that is of use only together with a secret
that never left this process; `state` keeps others from handing us a code of theirs.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import requests
from google_auth_oauthlib.flow import Flow
from oauthlib.oauth2 import OAuth2Error
from requests_oauthlib import OAuth2Session

from cqs_sheets.config.values import url_problem
from cqs_sheets.core.secret import Secret, without_tokens
from cqs_sheets.deadline import Deadline, stop_asked
from cqs_sheets.destinations.google.wire.auth import SCOPES
from cqs_sheets.destinations.google.wire.exchange import BoundedSession
from cqs_sheets.destinations.google.wire.failures import cause_of
from cqs_sheets.errors import AccessRefused, CqsError, UsageError
from cqs_sheets.files import small_text
from cqs_sheets.values import dataclass, field

_NOTHING = "No token was kept."
_CLIENT_HINT = (
    "In the Google Cloud console make an OAuth client of the type Desktop app, and download its JSON file."
)
_MOST_TOLD = 200  # characters
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
        document: Any = json.loads(small_text(path))
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
    except (ValueError, KeyError, TypeError, RecursionError):
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
    AccessRefused: they refuse, nobody comes, or the token server gives no token for Sheets.
    """
    with _BoundedOAuth2Session(client.id, scope=list(SCOPES)) as session, _Callback() as callback:  # type: ignore[call-arg,unused-ignore]
        session.register_compliance_hook("access_token_response", _json_only)
        config = {"installed": _config(client)}
        flow = Flow(
            session, "installed", config, redirect_uri=callback.address, autogenerate_code_verifier=True
        )
        address, state = flow.authorization_url(prompt="consent")
        open_page(address)
        answer = callback.wait(state, patience)
        if "code" not in answer:
            raise _refused_by_google("Google answers", answer.get("error", "nothing"))
        refresh_token = _refresh_token(flow, answer["code"], client.secret)
    return {"client_id": client.id, "client_secret": client.secret, "refresh_token": refresh_token}


def _config(client: OAuthClient) -> dict[str, str]:
    return {
        "client_id": client.id,
        "client_secret": client.secret,
        "auth_uri": client.auth_uri,
        "token_uri": client.token_uri,
    }


class _BoundedOAuth2Session(BoundedSession, OAuth2Session):  # type: ignore[misc,unused-ignore]
    """An OAuth session whose answers end, and that no answer redirects."""


def _json_only(reply: requests.Response) -> requests.Response:
    """The library would take any text for an answer. Raises requests.JSONDecodeError."""
    reply.json()
    return reply


def _refresh_token(flow: Flow, code: str, client_secret: str) -> str:
    """What a code is given for. The library raises a Warning where Google gave other scopes than were asked for."""
    try:
        answer = flow.fetch_token(code=code, include_client_id=True, timeout=30)
    except Warning as changed:
        answer = getattr(changed, "token", {})
    except OAuth2Error as error:
        reason = str(error.description or error.error or "no reason told")
        for secret in (code, flow.code_verifier or "", client_secret):
            reason = Secret(secret).hide_in(reason)
        raise _refused_by_google("Google gave no token", reason) from None
    except (requests.RequestException, *_NO_TOKEN_AT_ALL):
        raise _refused("Google's token server gave no usable answer.") from None
    refresh_token = answer.get("refresh_token")
    if not refresh_token or not isinstance(refresh_token, str):
        raise _refused("Google gave no token: no reason told.")
    if not set(SCOPES) <= set(answer.get("scope") or ()):
        raise _refused("Access to Google Sheets was not allowed: its box was left unticked.")
    return refresh_token


# What the library lets through of JSON that is no answer: no object, nested without end, times that are none.
_NO_TOKEN_AT_ALL = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class _Callback:
    """Waits on a free port of this machine for the browser that comes back with our `state`.

    Flow.run_local_server ends with the first visitor, whoever that is.
    """

    visit = 5.0  # seconds for one visitor, who would keep the others out

    def __init__(self) -> None:
        self._state = ""
        self._answer: dict[str, str] = {}
        callback = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 10

            def handle(self) -> None:
                with Deadline(callback.visit) as limit, contextlib.suppress(OSError):
                    limit.take(self.connection)
                    super().handle()

            def do_GET(self) -> None:
                host = self.headers.get("Host")  # another one: a name that somebody had lead here
                welcome = f"http://{host}" == callback.address and callback.take(self.path)
                self.send_response(200 if welcome else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(_DONE if welcome else b"")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it overrides
                """Nothing: the address holds the code."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()

    def take(self, path: str) -> bool:
        """Whether this is the visitor we wait for; its answer is kept."""
        given = dict(parse_qsl(urlsplit(path).query))
        if not secrets.compare_digest(given.get("state", "").encode(), self._state.encode()):
            return False
        self._answer = given
        return True

    def wait(self, state: str, seconds: float) -> Mapping[str, str]:
        """What the visitor with `state` brought. Raises AccessRefused if nobody came in time."""
        self._state = state
        until = time.monotonic() + seconds
        while not self._answer:
            left = until - time.monotonic()
            if left <= 0:
                raise _refused("Nobody signed in within the time.")
            if stop_asked():
                raise _refused("Stopped on request before anybody signed in.")
            self._server.timeout = min(left, 0.5)  # Windows tells of Ctrl-C only between two waits
            self._server.handle_request()
        return self._answer


def _refused_by_google(what: str, said: str) -> CqsError:
    said = without_tokens(" ".join(said.split()))[:_MOST_TOLD]
    cause = cause_of(said)
    if cause is None:
        return _refused(f"{what}: {said}.")
    return AccessRefused(f"{what}: {cause.what} ({said}).", meaning=_NOTHING, hint=cause.mend)


def _refused(what: str) -> CqsError:
    return AccessRefused(
        what, meaning=_NOTHING, hint="Run it again, and allow access to Google Sheets in the browser."
    )
