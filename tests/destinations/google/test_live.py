"""On the real service (`pytest -m live`): the conformance suite, and a page of what nobody has seen it do.

The very same code runs on the emulator, which can do either.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cqs_sheets.destinations.google.wire.auth import open_wire
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.errors import AccessRefused
from tests.destinations import test_conformance
from tests.destinations.google.live import OURS, LiveUser
from tests.destinations.google.unknowns import asked, page
from tests.destinations.google.user import Clock, connect
from tests.emulators.google_sheets import RunningSheets, Switches, start


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
    root, named = os.environ.get("CQS_SHEETS_URL"), os.environ.get("GOOGLE_APPLICATION_CREDENTIALS")
    try:
        wire = open_wire(root=root, config_folder=Path(), named=Path(named) if named else None)
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


@pytest.mark.live
@pytest.mark.enable_socket
def test_what_nobody_has_seen_google_do(live: LiveUser, request: pytest.FixtureRequest) -> None:
    live.clean()
    said = asked(live.http, live.book)
    live.clean()
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        sys.stdout.write(page(said))


ANSWERS = {
    "U1: a lookup of one key": Switches(lookups_show_other_metadata=False),
    "U1: such a lookup also": Switches(lookups_show_own_metadata=False),
    "U1: a lookup that finds": Switches(unmatched_lookups_refused=True),
    "U2": Switches(ids_return_within_batch=False),
    "U3": Switches(answers_show="first"),
    "U4": Switches(blocks="merged"),
    "U5": Switches(duplicates_keep_metadata=True),
    "U6: a normal paste": Switches(pastes_pile_up_rules=True),
    "U6: pasting formulas": Switches(formulas_paste_values=False),
    "U6: a copy that cuts": Switches(partial_merges_refused=True),
    "Tables: a row inserted right": Switches(tables_grow=True),
}


def told(switches: Switches) -> dict[str, str]:
    """What an emulator says; nothing may be left of the questions."""
    with start(switches=switches) as sheets:
        book = sheets.create()
        http = connect(sheets, Clock())
        said = asked(http, book)
        assert sheets.titles(book) == ["Sheet1"]
        assert sheets.book(book).metadata == []
        http.close()
        return said


def test_the_page_tells_each_way_from_the_other() -> None:
    usual = told(Switches())
    for question, switches in ANSWERS.items():
        said = told(switches)
        changed = {line for line, answer in said.items() if answer != usual[line]}
        assert [line for line in changed if line.startswith(question)], question
        others = {line for line in changed if not line.startswith((question, "U3"))}
        assert others == set(), question
    assert "please send us" in page(usual)


class TestTheSameCodeOnTheEmulator:
    """What `-m live` runs is right by itself."""


@pytest.mark.live
@pytest.mark.enable_socket
class TestOnTheRealService:
    """Google Sheets as it is today."""


for _name, _test in SUITE.items():
    for _tests in (TestTheSameCodeOnTheEmulator, TestOnTheRealService):
        setattr(_tests, _name, staticmethod(_test))
