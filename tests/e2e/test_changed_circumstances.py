"""A journal put back from a backup, another key, a renamed feed: the sheet goes on, and nothing is doubled."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from tests.e2e.runs import World, world

ONE_TAB = 'timezone = "UTC"\n[[feed]]\nname = "{name}"\ntype = ["SHORT TERM", "MID TERM"]\n'


@pytest.fixture
def market(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, seed=3, speed=20) as made:
        yield made


def ids(market: World) -> Counter[str]:
    return Counter(str(row["id"]) for row in market.memory.tabs["Signals"])


def open_ids(market: World) -> set[str]:
    return {str(row["id"]) for row in market.memory.tabs["Signals"] if row["status"] == "open"}


def syncs(market: World, times: int) -> None:
    for _ in range(times):
        market.clock.pass_(minutes=4)
        assert market.sync().report.exit_code == 0


def test_a_journal_put_back_from_a_backup_doubles_no_row_and_tells_the_time_it_lost(market: World) -> None:
    journal, backup = market.folder / "journal.sqlite3", market.folder / "backup.sqlite3"
    syncs(market, 2)
    shutil.copy(journal, backup)
    syncs(market, 10)
    before = ids(market)
    shutil.copy(backup, journal)
    market.clock.pass_(minutes=4)
    report = market.sync().report
    assert report.exit_code == 0
    assert set(ids(market).values()) == {1}
    assert before.keys() <= ids(market).keys()
    assert report.coverage.gap_seconds == (10 * 4 + 4 - 20) * 60


def test_another_key_leaves_no_signal_of_the_old_one_open_for_ever(market: World) -> None:
    syncs(market, 2)
    free = open_ids(market)
    market.environ["CQS_API_KEY"] = sandbox.ACTIVE_KEY
    syncs(market, 7)
    assert set(ids(market).values()) == {1}
    assert free
    assert not free & open_ids(market)


def test_a_renamed_feed_leaves_no_signal_open_for_ever(market: World) -> None:
    market.config_text = ONE_TAB.format(name="swing")
    syncs(market, 2)
    named_so = open_ids(market)
    market.config_text = ONE_TAB.format(name="short and mid")
    syncs(market, 7)
    assert set(ids(market).values()) == {1}
    assert named_so
    assert not named_so & open_ids(market)
