"""GitHub's REST API, as far as a run needs it, by Python's own library: it must answer where an install failed."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from cqs_sheets.core.secret import Secret, is_loopback
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy, UsageError

_TIMEOUT = 30.0  # seconds between two bytes
_LONGEST = 120.0  # seconds for one exchange
_PAUSES = (1.0, 4.0, 15.0, 45.0)  # seconds between tries
_TEMPORARY = (408, 429, 500, 502, 503, 504)
_MOST_BYTES = 8 << 20


class GitHubApi:
    """One repository; raises AccessRefused for what the token may not do, TargetBusy while GitHub is away."""

    def __init__(
        self,
        root: str,
        repository: str,
        token: Secret,
        *,
        sleep: Callable[[float], None] = time.sleep,
        longest: float = _LONGEST,
    ) -> None:
        url = urllib.parse.urlsplit(root)
        if url.scheme != "https" and not is_loopback(url.hostname or ""):
            raise UsageError(
                f"{root} is no https address.",
                meaning="Nothing was asked.",
                hint="Set GITHUB_API_URL to one.",
            )
        self._root = f"{root.rstrip('/')}/repos/{repository}"
        self._token = token
        self._sleep = sleep
        self._longest = longest

    @classmethod
    def of_run(cls, environ: Mapping[str, str]) -> GitHubApi:
        """The repository that a run is in, by GitHub's variables."""
        root, repository = (environ.get(f"GITHUB_{name}", "") for name in ("API_URL", "REPOSITORY"))
        return cls(root or "https://api.github.com", repository, Secret(environ.get("INPUT_TOKEN", "")))

    def get(self, path: str) -> Mapping[str, Any]:
        """The object at that path; an empty one if there is nothing (404)."""
        found = self._ask("GET", path, None)
        return found if isinstance(found, dict) else {}

    def listed(self, path: str, name: str = "", **query: str) -> list[Mapping[str, Any]]:
        """The objects in the list of that name at that path, or in the list that the answer is."""
        found = self._ask("GET", f"{path}?{urllib.parse.urlencode(query)}", None)
        if name and isinstance(found, dict):
            found = found.get(name)
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def send(self, method: str, path: str, body: Mapping[str, object] | None = None) -> None:
        """POST or PATCH; what may have happened already is asked once more all the same."""
        self._ask(method, path, body)

    def _ask(self, method: str, path: str, body: Mapping[str, object] | None) -> Any:  # noqa: ANN401
        for pause in (*_PAUSES, None):
            try:
                return self._in_time(method, path, body)
            except _Refused as error:
                if error.status == http.client.NOT_FOUND and method == "GET":
                    return None
                limited = error.status == http.client.FORBIDDEN and "rate limit" in error.said.lower()
                lasting = error.status not in _TEMPORARY and not limited
                if lasting or pause is None:
                    raise _explained(method, path, error.status, error.said, lasting=lasting) from None
            except (OSError, http.client.HTTPException, ValueError, RecursionError) as error:
                if pause is None:
                    raise _explained(method, path, 0, str(error), lasting=False) from None
            self._sleep(pause)
        raise AssertionError("the last try returns or raises")

    def _in_time(self, method: str, path: str, body: Mapping[str, object] | None) -> Any:  # noqa: ANN401
        """Ask once. The library bounds only the wait for the next byte: what drips is left to a thread."""
        answer = Future[Any]()

        def work() -> None:
            try:
                answer.set_result(self._once(method, path, body))
            except Exception as error:  # noqa: BLE001 - raised again below
                answer.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        try:
            return answer.result(self._longest)
        except TimeoutError:
            raise TimeoutError("it did not answer in time") from None

    def _once(self, method: str, path: str, body: Mapping[str, object] | None) -> Any:  # noqa: ANN401
        request = urllib.request.Request(  # noqa: S310 - https, or this machine
            f"{self._root}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token.reveal()}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
                "User-Agent": "cqs-sheets",
                "Content-Type": "application/json",
            },
        )
        try:
            with _NoRedirect.opener().open(request, timeout=_TIMEOUT) as answer:
                text = answer.read(_MOST_BYTES)
        except urllib.error.HTTPError as error:
            with error:  # it is the answer, too, and its socket
                raise _Refused(error.code, _message(error)) from None
        return json.loads(text) if text else {}


class _Refused(Exception):
    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status = status
        self.said = said


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The token goes to the address that was given, and nowhere else."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        """No."""

    @classmethod
    def opener(cls) -> urllib.request.OpenerDirector:
        return urllib.request.build_opener(cls)


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000))["message"])[:300]
    except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
        return str(error.reason)


def _explained(method: str, path: str, status: int, said: str, *, lasting: bool) -> CqsError:
    what = f"GitHub refused {method} {path.partition('?')[0]}" if lasting else "GitHub's API is away"
    told = f"{what}: {status or ''} {said}".replace("  ", " ")
    kind = AccessRefused if lasting else TargetBusy
    return kind(
        told,
        meaning="Your spreadsheet is not affected.",
        hint="See what the job's `permissions:` grant: contents, actions and issues, each write." if lasting
        else "It is tried again; see https://www.githubstatus.com if it stays so.",
    )  # fmt: skip
