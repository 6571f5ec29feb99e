"""A failed exchange, told without anything that could carry the key."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from requests import exceptions as http


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong, as the end of "the last thing seen: ...".

    `passing`: asking again soon may help. `hint`: what to do, where it is not just waiting.
    `wait`: seconds that the server asked us to wait. `limited`: it asked for fewer requests.
    """

    what: str
    passing: bool = True
    hint: str = ""
    wait: float = 0.0
    limited: bool = False


_UNTRUSTED = Trouble(
    "the server's certificate could not be verified",
    passing=False,
    hint="Check this computer's clock and certificates, and whether something inspects its traffic.",
)
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], Trouble], ...] = (
    ((ssl.SSLCertVerificationError,), _UNTRUSTED),
    ((http.ProxyError,), Trouble("the proxy did not let the request through")),
    ((http.SSLError,), Trouble("no secure connection could be made")),
    ((http.Timeout, TimeoutError), Trouble("no answer in time")),
    ((socket.gaierror,), Trouble("the server's name could not be found (is this computer online?)")),
    ((ConnectionRefusedError,), Trouble("the server refused the connection")),
    ((http.InvalidURL,), Trouble("the address cannot be used", passing=False, hint="Check CQS_API_URL.")),
)
_BROKEN = Trouble("the connection broke before the answer was whole")


def trouble_of(error: Exception) -> Trouble:
    """What an exception of the HTTP library means; its own text is not used, as it can quote the request."""
    causes = list(_causes(error))
    fitting = (trouble for kinds, trouble in _MEANINGS if any(isinstance(cause, kinds) for cause in causes))
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
