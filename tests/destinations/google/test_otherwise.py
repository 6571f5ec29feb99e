"""Whatever Google turns out to do, each of these ends well: the conformance suite and the races, both ways."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from tests.destinations import test_conformance
from tests.destinations.google import test_binding
from tests.destinations.google.otherwise import OTHERWISE
from tests.destinations.google.test_races import play
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import RunningSheets, start

_ONCE = ("text", "locale", "address", "loses")  # parameters that are no matter here


@pytest.fixture(scope="module", params=list(OTHERWISE.values()), ids=list(OTHERWISE))
def sheets(request: pytest.FixtureRequest) -> Iterator[RunningSheets]:
    with start(switches=request.param) as running:
        yield running
    assert running.desk.bugs == []


@pytest.fixture
def user(sheets: RunningSheets) -> Iterator[GoogleUser]:
    made = GoogleUser.on(sheets)
    yield made
    sheets.calm()
    made.http.close()


def _simple(test: Any) -> bool:
    return list(inspect.signature(test).parameters) == ["user"] and not getattr(test, "pytestmark", ())


class TestTheSuite:
    """Every test of the conformance suite, and those of what a person may do to a tab."""


for _suite in (test_conformance, test_binding):
    for _name, _test in vars(_suite).items():
        if _name.startswith("test_") and _simple(_test):
            setattr(TestTheSuite, _name, staticmethod(_test))


@pytest.mark.parametrize("seed", range(6))
def test_a_restless_person_and_a_bad_network(sheets: RunningSheets, seed: int) -> None:
    play(sheets, 5000 + seed, kills=False)


@pytest.mark.parametrize("seed", range(4))
def test_a_sync_that_dies(sheets: RunningSheets, seed: int) -> None:
    play(sheets, 6000 + seed, kills=True)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100))
def test_the_same_for_long(sheets: RunningSheets, seed: int) -> None:
    play(sheets, 7000 + seed, kills=seed % 2 == 0)
