"""The API's address: what is accepted, and where it leads."""

from __future__ import annotations

import re
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import requests
from requests import exceptions as http
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from cqs_sheets import __version__
from cqs_sheets.core.secret import is_loopback
from cqs_sheets.deadline import Deadline, DeadlineAdapter
from cqs_sheets.errors import UsageError
from cqs_sheets.patterns import regex

DOCUMENTED_PATHS = ("/getSignal/", "/api/v1/getSignal")
"""Two paths to the same handler."""

# An address with other characters could mean one host here and another one in the HTTP library.
_PLAIN = regex(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/%+-]*)?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}


def endpoint(url: str) -> str:
    """The address to ask for a setting of the user; without a path, the first documented one.

    Raises UsageError for credentials or a query inside it (a key would end up in logs), for http
    to anything but this computer, and for what is no address; none of it is quoted.
    """
    parts = _split(url.strip())
    if parts is None or parts.username is not None or parts.query or parts.fragment:
        raise _refused("is not a plain https address (no user, password, query or fragment)")
    if not _PLAIN.fullmatch(url.strip()):
        raise _refused("is not a plain https address")
    if parts.scheme == "http" and not leads_here(url):
        raise _refused("is plain http, which is accepted for this computer only (localhost)")
    return parts._replace(path=DOCUMENTED_PATHS[0] if parts.path in ("", "/") else parts.path).geturl()


def leads_here(url: str) -> bool:
    """Whether an address leads to this computer."""
    return is_loopback(urlsplit(url.strip()).hostname or "")


def redirected(url: str, location: str) -> str | None:
    """Where a redirect from `url` leads, or None if that is another origin (scheme, host, port)."""
    try:
        target = urljoin(url, location)
    except ValueError:
        return None
    return target.partition("#")[0] if _origin(target) == _origin(url) else None


def other_documented(url: str) -> str | None:
    """The same place by the other documented path, or None if `url` has a path of its own."""
    parts = urlsplit(url)
    if parts.path not in DOCUMENTED_PATHS:
        return None
    first, second = DOCUMENTED_PATHS
    return parts._replace(path=second if parts.path == first else first).geturl()


def _origin(url: str) -> tuple[str, str | None, int | None] | None:
    parts = _split(url)
    return (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)) if parts else None


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - looked at because it is checked only then
    except ValueError:
        return None
    return parts if parts.hostname else None


def _refused(why: str) -> UsageError:
    return UsageError(
        f"The API's address {why}.",
        meaning="Nothing was sent.",
        hint="Set CQS_API_URL to an address like https://api.cryptoqualitysignals.com, or leave it unset.",
        kind="url",
    )


class Failure(NamedTuple):
    """What went wrong, as the end of "the last thing seen: ...".

    `passing`: asking again soon may help. `hint`: what to do, where it is not just waiting.
    `wait`: seconds that the server asked us to wait. `limited`: it asked for fewer requests.
    """

    what: str
    passing: bool = True
    hint: str = ""
    wait: float = 0.0
    limited: bool = False


_UNTRUSTED = Failure(
    "the server's certificate could not be verified",
    passing=False,
    hint="Check this computer's clock and certificates, and whether something inspects its traffic.",
)
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], Failure], ...] = (
    ((ssl.SSLCertVerificationError,), _UNTRUSTED),
    ((http.ProxyError,), Failure("the proxy did not let the request through")),
    ((http.SSLError,), Failure("no secure connection could be made")),
    ((http.Timeout, TimeoutError), Failure("no answer in time")),
    ((socket.gaierror,), Failure("the server's name could not be found (is this computer online?)")),
    ((ConnectionRefusedError,), Failure("the server refused the connection")),
    ((http.InvalidURL,), Failure("the address cannot be used", passing=False, hint="Check CQS_API_URL.")),
)
_BROKEN = Failure("the connection broke before the answer was whole")
_ENDLESS = Failure("an answer that did not end in time")


def failure_of(error: Exception) -> Failure:
    """What an exception of the HTTP library means; its own text is not used, as it can quote the request."""
    causes = list(_causes(error))
    fitting = (failure for kinds, failure in _MEANINGS if any(isinstance(cause, kinds) for cause in causes))
    return next(fitting, _BROKEN)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all that it came from, each once; urllib3 also keeps some in `args` and `reason`."""
    pending, seen = [error], set[int]()
    while pending:
        found = pending.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        linked = (found.__cause__, found.__context__, getattr(found, "reason", None), *found.args)
        pending.extend(link for link in linked if isinstance(link, BaseException))


_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_MAX_HOPS = 4
_CHUNK = 1 << 16
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_SHORTEST = 1.0  # seconds a request is given even when hardly any time is left


class Reply(NamedTuple):
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
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, DeadlineAdapter())
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

    def send(self, method: str, url: str, fields: Mapping[str, str], *, within: float) -> Reply | Failure:
        """The whole answer to these fields (GET: in the query, POST: in the body), or why there is none.

        Ends within about `within` seconds. Redirects keep the method and fields; one to another
        origin is never followed.
        """
        deadline = self._monotonic() + max(_SHORTEST, min(within, self._total_timeout))
        for _ in range(_MAX_HOPS):
            reply = self._exchange(method, url, fields, deadline)
            if isinstance(reply, Failure) or reply.status not in _REDIRECTS:
                return reply
            target = redirected(url, reply.headers.get("Location", ""))
            if target is None:
                return Failure(
                    "a redirect to another server, which is not followed",
                    passing=False,
                    hint="If the API has moved, set CQS_API_URL to its new address.",
                )
            url = target
            if method == "GET" and "?" in url:
                fields = {}
        return Failure("one redirect after another", passing=False)

    def _exchange(self, method: str, url: str, fields: Mapping[str, str], deadline: float) -> Reply | Failure:
        self.requests += 1
        self._session.trust_env = not leads_here(url)  # a proxy cannot reach this computer's own services
        left = max(_SHORTEST, deadline - self._monotonic())
        with Deadline(left) as limit:
            reply = self._asked(method, url, fields, left, deadline)
        return _ENDLESS if limit.passed else reply

    def _asked(
        self, method: str, url: str, fields: Mapping[str, str], left: float, deadline: float
    ) -> Reply | Failure:
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
            return failure_of(error)

    def _read(self, response: requests.Response, deadline: float) -> Reply | Failure:
        sent = bytearray()
        while chunk := response.raw.read1(_CHUNK, decode_content=False):
            sent += chunk
            if len(sent) > self._max_body:
                return self._too_large()
            if self._monotonic() > deadline:
                return _ENDLESS
        body = self._decompressed(bytes(sent), response.headers.get("Content-Encoding", "").strip().lower())
        return body if isinstance(body, Failure) else Reply(response.status_code, response.headers, body)

    def _decompressed(self, sent: bytes, encoding: str) -> bytes | Failure:
        if encoding in ("", "identity"):
            return sent
        if encoding not in ("gzip", "x-gzip", "deflate"):
            return Failure("an answer in a compression that was not asked for")
        decompressor = zlib.decompressobj(_GZIP_OR_ZLIB)
        try:
            body = decompressor.decompress(sent, self._max_body + 1)
        except zlib.error:
            return Failure("an answer whose compression is damaged")
        if len(body) > self._max_body:
            return self._too_large()
        return body if decompressor.eof else Failure("an answer that breaks off")

    def _too_large(self) -> Failure:
        return Failure(f"an answer larger than {self._max_body:,} bytes", passing=False)
