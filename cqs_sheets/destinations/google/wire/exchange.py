"""One exchange with Google through gspread's client: credentials, addresses, nothing repeated."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit, urlunsplit

import requests
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError, TransportError
from google.auth.transport.requests import AuthorizedSession
from gspread.http_client import HTTPClient

from cqs_sheets import __version__

_ZIPPED_FROM = 500  # bytes; Google's own clients compress what they send, too
_MOST_BYTES = 256 << 20  # of an answer: ten times what the largest sheet's keys take
_CHUNK = 1 << 16
_TIMEOUT = (10.0, 185.0)  # to connect; without a byte: Google gives up on a request after 180 s


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, its body decompressed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class CredentialsRefused(Exception):
    """Google does not accept the credentials any more."""


class NoAnswer(Exception):
    """No answer, or half of one: whether the request was carried out is unknown."""


class Wire(HTTPClient):
    """gspread's client without its own opinion on failures; an expired token is renewed once.

    `root` replaces scheme and host of every address (an emulator on this machine).
    """

    def __init__(
        self, credentials: Credentials, *, root: str | None = None, timeout: tuple[float, float] = _TIMEOUT
    ) -> None:
        session = AuthorizedSession(credentials, max_refresh_attempts=1)  # type: ignore[no-untyped-call]
        session.trust_env = root is None  # a proxy cannot reach this machine's own services
        session.headers["User-Agent"] = f"cqs-sheets/{__version__} (gzip)"
        super().__init__(credentials, session)
        self.timeout = timeout
        self.max_body = _MOST_BYTES
        self._root = root

    def exchange(self, method: str, url: str, *, params: Mapping[str, str], body: object = None) -> Reply:
        """One request and its answer, of any status; redirects, which Google never sends, are not followed.

        Raises NoAnswer or CredentialsRefused.
        """
        data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        if len(data) >= _ZIPPED_FROM:
            data = gzip.compress(data, mtime=0)
            headers["Content-Encoding"] = "gzip"
        try:
            with self.session.request(
                method,
                self._address(url),
                params=params,
                data=data,
                headers=headers,
                timeout=self.timeout,
                allow_redirects=False,
                stream=True,
            ) as reply:
                return Reply(reply.status_code, reply.headers, self._whole(reply))
        except RefreshError as error:
            raise CredentialsRefused(str(error.args[0] if error.args else error)) from error
        except (requests.RequestException, TransportError, OSError) as error:
            raise NoAnswer(str(error)) from error
        except (
            AttributeError,
            KeyError,
            TypeError,
        ) as error:  # google-auth reads a sign-in's answer unchecked
            raise NoAnswer("what answers at Google's sign-in address is not Google") from error

    def _whole(self, reply: requests.Response) -> bytes:
        body = bytearray()
        for chunk in reply.iter_content(_CHUNK):
            body += chunk
            if len(body) > self.max_body:
                raise NoAnswer(f"an answer larger than {self.max_body:,} bytes")
        return bytes(body)

    def close(self) -> None:
        """Give the connections back."""
        self.session.close()

    def _address(self, url: str) -> str:
        if self._root is None:
            return url
        root, asked = urlsplit(self._root), urlsplit(url)
        return urlunsplit((root.scheme, root.netloc, asked.path, asked.query, ""))
