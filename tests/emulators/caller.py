"""Plain HTTP calls for the emulator's own tests: no client library, so nothing is put right on the way."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import requests

from tests.emulators.google_sheets import RunningSheets

Json = dict[str, Any]


class Refused(Exception):
    """An answer that is not 2xx."""

    def __init__(self, code: int, body: Json) -> None:
        self.code = code
        self.error = body["error"]
        self.message: str = self.error["message"]
        super().__init__(f"{code}: {self.message}")


class Caller:
    """Calls one emulator with a bearer token; `book` is the spreadsheet the short forms mean."""

    def __init__(self, running: RunningSheets) -> None:
        self.running = running
        self.session = requests.Session()
        self.session.headers["Authorization"] = "Bearer dummy"
        self.book = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.session.close()

    def call(self, verb: str, path: str, body: Any = None, **query: Any) -> Json:
        """The JSON of the answer. Raises Refused."""
        answer = self.session.request(verb, self.running.url + path, json=body, params=query, timeout=10)
        parsed: Json = answer.json() if answer.content else {}
        if not answer.ok:
            raise Refused(answer.status_code, parsed)
        return parsed

    def at(self, rest: str) -> str:
        return f"/v4/spreadsheets/{self.book}{rest}"

    def get(self, **query: Any) -> Json:
        return self.call("GET", self.at(""), **query)

    def batch(self, *requests_: Json, **options: Any) -> Json:
        return self.call("POST", self.at(":batchUpdate"), {"requests": list(requests_), **options})

    def values(self, where: str, **query: Any) -> list[list[Any]]:
        rows: list[list[Any]] = self.call("GET", self.at(f"/values/{quote(where, safe='')}"), **query).get(
            "values", []
        )
        return rows

    def write(self, where: str, rows: list[list[Any]], option: str = "RAW", **query: Any) -> Json:
        path = self.at(f"/values/{quote(where, safe='')}")
        return self.call("PUT", path, {"values": rows}, valueInputOption=option, **query)

    def append(self, where: str, rows: list[list[Any]], **query: Any) -> Json:
        path = self.at(f"/values/{quote(where, safe='')}:append")
        return self.call("POST", path, {"values": rows}, **{"valueInputOption": "RAW", **query})
