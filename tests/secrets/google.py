"""What Google's sign-in is to a client: a token endpoint on this machine, and a proxy that lets nothing out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

ACCESS_TOKEN = "ya29.an-access-token-nobody-may-see"
REFRESH_TOKEN = "1//a-refresh-token-nobody-may-see"
CLIENT_SECRET = "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ee"


@dataclass
class SignIn:
    """The endpoint as it behaves now, and the lines that a proxy or an access log would have kept."""

    url: str = ""
    behaviour: str = "grants"
    log: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, sign_in: SignIn, *arguments: object) -> None:
        self._sign_in = sign_in
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._sign_in.log.append(self.requestline)
        match self._sign_in.behaviour:
            case "grants":
                granted = {"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"}
                self._answer(200, json.dumps(granted))
            case "refuses":
                refusal = {"error": "invalid_grant", "error_description": f"not accepted: {body}"}
                self._answer(400, json.dumps(refusal))
            case _:
                self._answer(200, f"<html>{body}</html>")

    def do_CONNECT(self) -> None:
        """Ask the proxy for the world: there is none."""
        self._sign_in.log.append(f"{self.requestline} {self.headers}")
        self.send_error(403)

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Keep the test's output clean."""


@contextmanager
def signing_in(behaviour: str) -> Iterator[SignIn]:
    sign_in = SignIn(behaviour=behaviour)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, sign_in))
    sign_in.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield sign_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def private_key() -> str:
    """A private key of its own for each test, as PEM."""
    made = generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def service_account(key: str, url: str) -> dict[str, str]:
    """The JSON file of a service account."""
    return {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "0123456789abcdef",
        "private_key": key,
        "client_email": "robot@p.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"{url}/token",
    }


def user(url: str) -> dict[str, str]:
    """What a signed-in user leaves on a machine."""
    return {
        "type": "authorized_user",
        "client_id": "id.apps.googleusercontent.com",
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "token_uri": f"{url}/token",
    }
