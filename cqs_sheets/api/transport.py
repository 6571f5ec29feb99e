"""One HTTP exchange: bounded in time and size, redirects within the same origin only."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from cqs_sheets import __version__
from cqs_sheets.api.address import leads_here, redirected
from cqs_sheets.api.trouble import Trouble, trouble_of

_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MAX_HOPS = 4
_CHUNK = 1 << 16
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_SHORTEST = 1.0  # seconds a request is given even when hardly any time is left


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer: its body is decompressed. `headers` finds names in any casing."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _NoNetrc(AuthBase):
    """Keeps the HTTP library from adding credentials of a .netrc file to our requests."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Session(requests.Session):
    """A session without the library's own redirects: even unfollowed ones are read whole into memory."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: no answer redirects."""


class Transport:
    """A session that sends requests and counts them.

    `connect_timeout` and `read_timeout` (no byte for so long) are in seconds, as is
    `total_timeout` for a whole answer; `max_body` is in bytes after decompression.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float],
        connect_timeout: float,
        read_timeout: float,
        total_timeout: float,
        max_body: int,
    ) -> None:
        self._monotonic = monotonic
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._total_timeout = total_timeout
        self._max_body = max_body
        self._session = _Session()
        self._session.auth = _NoNetrc()
        self._session.headers.update(
            {
                "User-Agent": f"cqs-sheets/{__version__}",
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
            }
        )
        self.requests = 0

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def send(self, method: str, url: str, fields: Mapping[str, str], *, within: float) -> Reply | Trouble:
        """The whole answer to these fields (GET: in the query, POST: in the body), or why there is none.

        Ends within about `within` seconds. Redirects keep the method and fields; one to another
        origin is never followed.
        """
        deadline = self._monotonic() + max(_SHORTEST, min(within, self._total_timeout))
        for _ in range(_MAX_HOPS):
            reply = self._exchange(method, url, fields, deadline)
            if isinstance(reply, Trouble) or reply.status not in _REDIRECTS:
                return reply
            target = redirected(url, reply.headers.get("Location", ""))
            if target is None:
                return Trouble(
                    "a redirect to another server, which is not followed",
                    passing=False,
                    hint="If the API has moved, set CQS_API_URL to its new address.",
                )
            url = target
            if method == "GET" and "?" in url:
                fields = {}
        return Trouble("one redirect after another", passing=False)

    def _exchange(self, method: str, url: str, fields: Mapping[str, str], deadline: float) -> Reply | Trouble:
        self.requests += 1
        self._session.trust_env = not leads_here(url)  # a proxy cannot reach this computer's own services
        left = max(_SHORTEST, deadline - self._monotonic())
        try:
            with self._session.request(
                method,
                url,
                params=fields if method == "GET" else None,
                data=fields if method == "POST" else None,
                timeout=(min(self._connect_timeout, left), min(self._read_timeout, left)),
                allow_redirects=False,
                stream=True,
            ) as response:
                return self._read(response, deadline)
        except (requests.RequestException, HTTPError, OSError) as error:
            return trouble_of(error)

    def _read(self, response: requests.Response, deadline: float) -> Reply | Trouble:
        sent = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            sent += chunk
            if len(sent) > self._max_body:
                return self._too_large()
            if self._monotonic() > deadline:
                return Trouble("an answer that did not end in time")
        body = self._decompressed(bytes(sent), response.headers.get("Content-Encoding", "").strip().lower())
        return body if isinstance(body, Trouble) else Reply(response.status_code, response.headers, body)

    def _decompressed(self, sent: bytes, encoding: str) -> bytes | Trouble:
        if encoding in ("", "identity"):
            return sent
        if encoding not in ("gzip", "x-gzip", "deflate"):
            return Trouble("an answer in a compression that was not asked for")
        decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            body = decompressor.decompress(sent, self._max_body + 1)
        except zlib.error:
            return Trouble("an answer whose compression is damaged")
        if len(body) > self._max_body:
            return self._too_large()
        return body if decompressor.eof else Trouble("an answer that breaks off")

    def _too_large(self) -> Trouble:
        return Trouble(f"an answer larger than {self._max_body:,} bytes", passing=False)
