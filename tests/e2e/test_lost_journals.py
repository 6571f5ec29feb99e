"""Rows whose signals nobody remembers: their journal was lost with its machine, or is on another one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.template_files import load_template
from tests.e2e.runs import World, world


@pytest.fixture
def market(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, seed=3, speed=20) as made:
        yield made


def rows(market: World) -> list[dict[str, CellValue]]:
    return market.memory.tabs["Signals"]


def statuses(market: World) -> dict[CellValue, CellValue]:
    return {row["id"]: row["status"] for row in rows(market)}


def lose_the_journal(market: World) -> None:
    for file in market.folder.glob("journal.sqlite3*"):
        file.unlink()


@pytest.mark.parametrize("template", [None, "raw", "scalping"])
def test_what_a_lost_journal_left_open_becomes_aged(market: World, template: str | None) -> None:
    market.template = load_template(template) if template else market.template
    market.sync()
    before = {name: list(tab) for name, tab in market.memory.tabs.items() if name != "Settings"}
    lose_the_journal(market)
    market.clock.pass_(hours=3)
    report = market.sync().report
    old = [row for tab in before.values() for row in tab]
    assert {row["status"] for row in old} == {"aged"}
    assert report.targets[0].updated == len(old) > 2


def test_signals_that_the_api_still_shows_stay_open(market: World) -> None:
    market.sync()
    before = statuses(market)
    lose_the_journal(market)
    market.clock.pass_(seconds=1)
    assert market.sync().report.exit_code == 0
    assert statuses(market) == before


def test_a_signal_that_is_shown_after_all_is_open_again(market: World) -> None:
    market.sync()
    before = statuses(market)
    lose_the_journal(market)
    for row in rows(market):
        row["status"] = Status.AGED.value
    market.memory.touch()
    market.sync()
    assert statuses(market) == before


def test_what_another_machine_has_just_written_is_left_alone(market: World) -> None:
    market.sync()
    lose_the_journal(market)  # this one has never seen them
    market.clock.pass_(minutes=2)
    market.sync()
    recent = market.clock().replace(tzinfo=None) - timedelta(minutes=5)
    kinds = {True: set[CellValue](), False: set[CellValue]()}
    for row in rows(market):
        assert isinstance(row["time"], datetime)
        kinds[row["time"] >= recent].add(row["status"])
    assert kinds[True] == {"open"}
    assert "aged" in kinds[False]


def test_a_users_own_word_for_a_status_stays(market: World) -> None:
    market.sync()
    lose_the_journal(market)
    old = list(rows(market))
    for row in old:
        row["status"] = "won"
    market.memory.touch()
    market.clock.pass_(hours=3)
    market.sync()
    assert {row["status"] for row in old} == {"won"}


def test_a_rehearsal_shows_it_and_changes_nothing(market: World) -> None:
    market.sync()
    before = statuses(market)
    lose_the_journal(market)
    market.clock.pass_(hours=3)
    report = market.sync(dry_run=True).report
    assert report.targets[0].updated == len(before)
    assert statuses(market) == before
