"""HTTP sessions whose answers end: so many bytes at most, in so much time, and no redirect is followed."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any

import requests
from urllib3.exceptions import HTTPError

_CHUNK = 1 << 16


class BoundedSession(requests.Session):
    """Reads at most `most_bytes` of a body (once decompressed), for about `most_seconds` on `clock`.

    More is a ConnectionError, as is a body that breaks off. Google redirects neither writes nor
    tokens: who does is somebody in between.
    """

    most_bytes = 1 << 20
    most_seconds = 60.0
    clock: Callable[[], float] = staticmethod(time.monotonic)

    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: no answer redirects. The library would read even one that is not followed, whole."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - the library's
        """The answer, its body read."""
        until = self.clock() + self.most_seconds
        with super().send(request, **{**options, "stream": True}) as reply:
            body = self._whole(reply, until)
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
                    raise requests.ConnectionError("an answer that did not end in time")
        except HTTPError as error:
            raise requests.ConnectionError(str(error)) from error
        return bytes(body)
