"""Whatever Google turns out to do, each of these ends well: the conformance suite and the races, both ways.

Each answer alone meets the races; two sets that hold them all between them meet the suite. The suite under each
answer alone is for `-m soak`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.destinations import test_conformance
from tests.destinations.google import test_binding
from tests.destinations.google.otherwise import OTHERWISE, TOGETHER
from tests.destinations.google.test_races import play
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import RunningSheets, start

_ONCE = ("text", "locale", "address", "loses")  # parameters that are no matter here


@pytest.fixture(scope="module", params=list(OTHERWISE))
def sheets(request: pytest.FixtureRequest) -> Iterator[RunningSheets]:
    with start(switches=OTHERWISE[request.param]) as running:
        yield running
    assert running.desk.bugs == []


def _apart(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=[] if name in TOGETHER else pytest.mark.soak) for name in names]


@pytest.fixture
def user(sheets: RunningSheets) -> Iterator[GoogleUser]:
    made = GoogleUser.on(sheets)
    yield made
    sheets.calm()
    made.http.close()


def _simple(test: Any) -> bool:
    return list(inspect.signature(test).parameters) == ["user"] and not getattr(test, "pytestmark", ())


@pytest.mark.parametrize("sheets", _apart(OTHERWISE), indirect=True, scope="module")
class TestTheSuite:
    """Every test of the conformance suite, and those of what a person may do to a tab."""


for _suite in (test_conformance, test_binding):
    for _name, _test in vars(_suite).items():
        if _name.startswith("test_") and _simple(_test):
            setattr(TestTheSuite, _name, staticmethod(_test))


def test_a_restless_person_and_a_bad_network(sheets: RunningSheets) -> None:
    play(sheets, 5000, kills=False)


def test_a_sync_that_dies(sheets: RunningSheets) -> None:
    play(sheets, 6000, kills=True)


@pytest.mark.soak
def test_the_same_for_long(sheets: RunningSheets) -> None:
    holds = sheets.desk.store.switches.ids_return_within_batch  # see docs/design.md for what is not kept else
    for seed in range(7000, 7100):
        play(sheets, seed, kills=holds and seed % 2 == 0)
