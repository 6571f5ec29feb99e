"""Another time zone in the config: all rows go over to it at once, whoever wrote them; what was typed stays."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.core.render import report_lines
from cqs_sheets.template_files import load_template
from tests.e2e.runs import World, world

TOKYO = 'timezone = "Asia/Tokyo"\n'
NINE_HOURS = timedelta(hours=9)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, seed=3, speed=20) as made:
        yield made


def rows(market: World) -> dict[str, dict[str, Any]]:
    return {str(row["id"]): deepcopy(row) for row in market.memory.tabs["Signals"]}


def moved(before: dict[str, Any], now: dict[str, Any], column: str) -> timedelta:
    assert isinstance(before[column], datetime)
    passed: timedelta = now[column] - before[column]
    return passed


def test_all_rows_get_the_new_zone_in_the_next_sync(market: World) -> None:
    for _ in range(8):
        market.sync()
        market.clock.pass_(minutes=3)
    market.sync()
    before = rows(market)
    assert len(before) > 20
    market.config_text = TOKYO
    report = market.sync().report
    assert (report.exit_code, report.warnings) == (0, ())
    assert "all times are those of Asia/Tokyo now, not of UTC any more" in next(report_lines(report))
    after = rows(market)
    for column in ("time", "seen"):
        assert {moved(before[key], after[key], column) for key in before} == {NINE_HOURS}
    assert {key: row["stop"] for key, row in before.items()} == {key: after[key]["stop"] for key in before}
    assert market.sync().report.targets[0].updated == 0


def test_a_time_that_was_typed_stays_and_is_told(market: World) -> None:
    market.sync()
    first, second, *_ = market.memory.tabs["Signals"]
    first["time"], second["seen"] = datetime(2026, 1, 1, 8, 0), "at dawn"  # noqa: DTZ001 - a cell's wall time
    market.memory.touch()
    market.config_text = TOKYO
    report = market.sync().report
    assert first["time"] == datetime(2026, 1, 1, 8, 0)  # noqa: DTZ001
    assert second["seen"] == "at dawn"
    [warning] = report.warnings
    assert "left as they are" in warning
    assert "Signals, row 2; Signals, row 3" in warning


def test_rows_that_the_journal_does_not_know_go_by_the_zone_that_the_sheet_names(market: World) -> None:
    market.template = load_template("signals")
    market.sync()
    before = rows(market)
    (market.folder / "journal.sqlite3").unlink()
    market.clock.pass_(hours=2)  # the API speaks of none of them any more
    market.config_text = TOKYO
    assert market.sync().report.exit_code == 0
    after = rows(market)
    assert before
    for key in before:
        assert moved(before[key], after[key], "time") == NINE_HOURS, key


def test_a_target_without_settings_remembers_its_zone_in_the_journal(market: World) -> None:
    market.template = load_template("raw")
    market.sync()
    before = rows(market)
    market.config_text = TOKYO
    assert market.sync().report.exit_code == 0
    after = rows(market)
    assert {moved(before[key], after[key], "timestamp") for key in before} == {NINE_HOURS}
