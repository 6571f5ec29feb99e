"""The conformance suite on the real service (`pytest -m live`), and the very same code on the emulator."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cqs_sheets.destinations.google.account.auth import open_wire
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.errors import AccessRefused
from tests.destinations import test_conformance
from tests.destinations.google.live import OURS, LiveUser
from tests.destinations.google.user import Clock, connect
from tests.emulators.google_sheets import RunningSheets, start


def _for_one_kind(test: Callable[..., None]) -> bool:
    """Whether a test picks the kinds of target that it is for."""
    return any("user" in str(mark.args[0]) for mark in getattr(test, "pytestmark", ()))


SUITE = {
    name: test
    for name, test in vars(test_conformance).items()
    if name.startswith("test_") and not _for_one_kind(test)
}


@pytest.fixture(scope="module")
def live() -> Iterator[LiveUser]:
    book = os.environ.get("CQS_LIVE_SPREADSHEET")
    if not book:
        pytest.skip("CQS_LIVE_SPREADSHEET names no spreadsheet")
    root, named = os.environ.get("CQS_SHEETS_URL"), "GOOGLE_APPLICATION_CREDENTIALS" in os.environ
    try:
        wire = open_wire(root=root, config_folder=Path(), file_named=named)
    except AccessRefused as error:
        pytest.skip(error.message)
    http = SheetsHttp(lambda: wire, retry_for=300)
    user = LiveUser(http, book)
    taken = sorted(set(OURS) & user.titles().keys())
    if taken:
        pytest.fail(f"the spreadsheet has tabs {taken} already: name one made for this, or delete them")
    yield user
    user.clean()
    http.close()


@pytest.fixture(scope="module")
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


@pytest.fixture
def user(request: pytest.FixtureRequest) -> Iterator[LiveUser]:
    """A user of the real service for tests marked so, else of the emulator."""
    if request.node.get_closest_marker("live"):
        found: LiveUser = request.getfixturevalue("live")
        found.clean()
        found = LiveUser(found.http, found.book)
        yield found
        return
    running: RunningSheets = request.getfixturevalue("sheets")
    http = connect(running, Clock())
    yield LiveUser(http, running.create())
    http.close()


class TestTheSameCodeOnTheEmulator:
    """What `-m live` runs is right by itself."""


@pytest.mark.live
@pytest.mark.enable_socket
class TestOnTheRealService:
    """Google Sheets as it is today."""


for _name, _test in SUITE.items():
    for _tests in (TestTheSameCodeOnTheEmulator, TestOnTheRealService):
        setattr(_tests, _name, staticmethod(_test))
