"""HTTP sessions whose answers end: so many bytes at most, in so much time, and no redirect is followed."""

from __future__ import annotations

import gzip
import io
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import requests
from google.auth.credentials import Credentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.auth.transport import Response
from google.auth.transport.requests import AuthorizedSession, Request
from gspread.http_client import HTTPClient
from urllib3.exceptions import HTTPError

from cqs_sheets import __version__
from cqs_sheets.deadline import Deadline, DeadlineAdapter
from cqs_sheets.destinations.google.wire.failures import words_of
from cqs_sheets.values import dataclass

_CHUNK = 1 << 16
_ENDLESS = "an answer that did not end in time"


class BoundedSession(requests.Session):
    """Reads at most `most_bytes` of a body (once decompressed), for about `most_seconds` on `clock`.

    More is a ConnectionError, as is a body that breaks off. Google redirects neither writes nor
    tokens: who does is somebody in between.
    """

    most_bytes = 1 << 20
    most_seconds = 60.0
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the library's
        super().__init__(*args, **options)
        for scheme in ("http://", "https://"):
            self.mount(scheme, DeadlineAdapter())

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: no answer redirects. The library would read even one that is not followed, whole."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's
        """The answer, its body read."""
        until = self.clock() + self.most_seconds
        with Deadline(self.most_seconds) as limit:
            try:
                with super().send(request, **{**options, "stream": True}) as reply:
                    body = self._whole(reply, until)
            except (requests.RequestException, OSError) as error:
                if not limit.passed:
                    raise
                raise requests.ConnectionError(_ENDLESS) from error
        if limit.passed:  # a body of no stated length would seem to end
            raise requests.ConnectionError(_ENDLESS)
        reply.raw = io.BytesIO(body)  # where the library reads it from
        return reply

    def _whole(self, reply: requests.Response, until: float) -> bytes:
        body = bytearray()
        try:
            while chunk := reply.raw.read1(_CHUNK, decode_content=True):
                body += chunk
                if len(body) > self.most_bytes:
                    raise requests.ConnectionError(f"an answer larger than {self.most_bytes:,} bytes")
                if self.clock() > until:
                    raise requests.ConnectionError(_ENDLESS)
        except HTTPError as error:
            raise requests.ConnectionError(str(error)) from error
        return bytes(body)


PER_MINUTE = 60
"""What Google allows one user, reads and writes each; a project may have five such users at once."""
WINDOW = 60.0


class Places(Protocol):
    """What requests have to wait for."""

    def delay(self) -> float:
        """Take the next place; returns the seconds to wait until it is free."""
        ...


class Quota:
    """Lets at most `limit` requests of one kind begin in any 60 seconds; `clock` gives seconds.

    One object serves all targets of a run, from any thread.
    """

    def __init__(self, *, clock: Callable[[], float], limit: int = PER_MINUTE) -> None:
        self._clock = clock
        self._limit = limit
        self._begun: deque[float] = deque()
        self._lock = Lock()

    def delay(self) -> float:
        """Take the next place; returns the seconds to wait until it is free."""
        with self._lock:
            now = self._clock()
            while self._begun and self._begun[0] <= now - WINDOW:
                self._begun.popleft()
            start = now if len(self._begun) < self._limit else max(now, self._begun[-self._limit] + WINDOW)
            self._begun.append(start)
            return start - now


_ZIPPED_FROM = 500  # bytes; Google's own clients compress what they send, too
_MOST_BYTES = 256 << 20  # of an answer: ten times what the largest sheet's keys take
_MOST_SECONDS = 300.0  # for all of it
_TIMEOUT = (10.0, 185.0)  # to connect; without a byte: Google gives up on a request after 180 s
_SIGN_IN_TIMEOUT = (10.0, 20.0)
_TOO_MANY, _AWAY, _REDIRECTS = 429, 500, 3


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


class _SignIn(Request):  # type: ignore[misc,unused-ignore]
    """How tokens are asked for: with little patience, and a server that is away for now refuses nobody.

    google-auth tells the two apart for some kinds of credentials only.
    """

    def __init__(self, timeout: tuple[float, float]) -> None:
        super().__init__(BoundedSession())
        self._timeout = timeout

    def __call__(self, *args: object, **kwargs: object) -> Response:
        patience = {**kwargs, "timeout": self._timeout}
        reply: Response = super().__call__(*args, **patience)  # type: ignore[no-untyped-call]
        if reply.status == _TOO_MANY or reply.status >= _AWAY or reply.status // 100 == _REDIRECTS:
            away = f"{reply.status} where Google gives out tokens"
            raise TransportError(away)  # type: ignore[no-untyped-call]
        return reply


class SheetsSession(BoundedSession, AuthorizedSession):  # type: ignore[misc,unused-ignore]
    """Sends the token along."""

    most_bytes = _MOST_BYTES
    most_seconds = _MOST_SECONDS


class Wire(HTTPClient):
    """gspread's client without its own opinion on failures; an expired token is renewed once.

    `root` replaces scheme and host of every address (an emulator on this machine). Timeouts are in
    seconds: to connect, and without a byte.
    """

    session: SheetsSession

    def __init__(
        self,
        credentials: Credentials,
        *,
        root: str | None = None,
        timeout: tuple[float, float] = _TIMEOUT,
        sign_in_timeout: tuple[float, float] = _SIGN_IN_TIMEOUT,
    ) -> None:
        self._sign_in = _SignIn(sign_in_timeout)
        session = SheetsSession(credentials, max_refresh_attempts=1, auth_request=self._sign_in)
        session.trust_env = root is None  # a proxy cannot reach this machine's own services
        session.headers["User-Agent"] = f"cqs-sheets/{__version__} (gzip)"
        super().__init__(credentials, session)
        self.timeout = timeout
        self._root = root

    def exchange(self, method: str, url: str, *, params: Mapping[str, str], body: object = None) -> Reply:
        """One request and its answer, of any status.

        Raises NoAnswer or CredentialsRefused.
        """
        data = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        if len(data) >= _ZIPPED_FROM:
            data = gzip.compress(data, mtime=0)
            headers["Content-Encoding"] = "gzip"
        try:
            reply = self.session.request(  # type: ignore[no-untyped-call,unused-ignore]
                method, self._address(url), params=params, data=data, headers=headers, timeout=self.timeout
            )
            return Reply(reply.status_code, reply.headers, reply.content)
        except (requests.RequestException, TransportError) as error:
            raise NoAnswer(str(error)) from error
        except GoogleAuthError as error:
            raise CredentialsRefused(words_of(error) or "no reason told") from error
        except OSError as error:
            raise NoAnswer(str(error)) from error
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            # google-auth reads a sign-in's answer unchecked
            raise NoAnswer("what answers at Google's sign-in address is not Google") from error

    def close(self) -> None:
        """Give the connections back."""
        self.session.close()  # type: ignore[no-untyped-call,unused-ignore]
        self._sign_in.session.close()

    def _address(self, url: str) -> str:
        if self._root is None:
            return url
        root, asked = urlsplit(self._root), urlsplit(url)
        return urlunsplit((root.scheme, root.netloc, asked.path, asked.query, ""))
