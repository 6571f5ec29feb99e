from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from cqs_sheets.journal import Journal, JournalPlace
from tests import postgres
from tests.journal.samples import NOON


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "journal.sqlite3"


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, path: Path) -> JournalPlace:
    """Where a journal can be: each test of it is run for both."""
    if request.param == "sqlite":
        return path
    started: postgres.Server = request.getfixturevalue("postgres_server")
    return started.place()


@pytest.fixture
def journal(place: JournalPlace, clock: Clock) -> Iterator[Journal]:
    with Journal.open(place, clock=clock) as opened:
        yield opened
