"""server_timezone set right later: all time stamps are read anew from what was sent, or the change is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cqs_sheets.api.client import utc_now
from cqs_sheets.errors import UsageError
from cqs_sheets.journal import Journal
from cqs_sheets.run.journals import read_in
from tests.e2e.runs import World, world

TOKYO = ZoneInfo("Asia/Tokyo")
NINE_HOURS = timedelta(hours=9)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, seed=3, speed=20) as made:
        yield made


def published(market: World) -> dict[str, datetime]:
    with Journal.open_readonly(market.folder / "journal.sqlite3", clock=utc_now) as journal:
        return {record.signal.key.id: record.signal.timestamp for record in journal.records()}


def times(market: World) -> dict[Any, Any]:
    return {row["id"]: row["time"] for row in market.memory.tabs["Signals"]}


def read_anew(market: World, zone: tzinfo) -> None:
    with Journal.open(market.folder / "journal.sqlite3", clock=utc_now) as journal:
        read_in(journal, zone, utc_now())


def as_an_older_version_left_it(market: World, keep: str = "", *, all_of_it: bool = False) -> None:
    """Without the stamps as they were sent, but for that of the newest signal if it came later."""
    with Journal.open(market.folder / "journal.sqlite3", clock=utc_now) as journal:
        newest = journal.newest(1)[0].arrival
        journal._database.change(
            "UPDATE revisions SET content = json_remove(content, '$.sent', '$.sent_zone') WHERE arrival <> ?",
            (-1 if all_of_it else newest,),
        )
        if keep != "answers":
            journal._database.change("DELETE FROM answers")


def test_all_rows_follow(market: World) -> None:
    market.sync()
    before, rows = published(market), times(market)
    assert rows
    read_anew(market, TOKYO)
    after = published(market)
    assert all(before[key] - after[key] == NINE_HOURS for key in before)
    market.config_text = '[api]\nserver_timezone = "Asia/Tokyo"\n'
    assert market.sync().report.exit_code == 0
    moved = times(market)
    assert all(rows[key] - moved[key] == NINE_HOURS for key in rows)


def test_the_same_zone_again_changes_nothing(market: World) -> None:
    market.sync()
    before = published(market)
    read_anew(market, TOKYO)
    read_anew(market, TOKYO)
    read_anew(market, ZoneInfo("UTC"))
    assert published(market) == before


def test_what_an_older_version_kept_is_read_from_its_answers(market: World) -> None:
    market.sync()
    before = published(market)
    as_an_older_version_left_it(market, keep="answers")
    read_anew(market, TOKYO)
    after = published(market)
    assert all(before[key] - after[key] == NINE_HOURS for key in before)


def test_that_the_newest_signal_is_of_an_older_version_hides_no_change(market: World) -> None:
    market.sync()
    before = published(market)
    as_an_older_version_left_it(market, keep="answers", all_of_it=True)
    read_anew(market, ZoneInfo("UTC"))
    assert published(market) == before
    read_anew(market, TOKYO)
    after = published(market)
    assert all(before[key] - after[key] == NINE_HOURS for key in before)


def test_without_them_the_change_is_refused_by_count(market: World) -> None:
    market.sync()
    before = published(market)
    as_an_older_version_left_it(market)
    with pytest.raises(
        UsageError, match=f"of {len(before) - 1} signals of {len(before)} cannot be read anew"
    ) as caught:
        read_anew(market, TOKYO)
    assert 'server_timezone = "UTC" again' in caught.value.hint
    assert published(market) == before
