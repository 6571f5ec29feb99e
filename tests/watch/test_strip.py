"""Coverage drawn as a line per day."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqs_sheets.core.render import CELLS, coverage_days, strip_lines
from cqs_sheets.core.signals.coverage import Window, coverage
from tests.cli.command import Shell
from tests.e2e.runs import Clock

MIDNIGHT = datetime(2026, 5, 24, tzinfo=UTC)


def at(hours: float) -> datetime:
    return MIDNIGHT + timedelta(hours=hours)


def test_a_day_shows_what_was_covered_missed_in_part_and_missed() -> None:
    seen = coverage([[Window(at(1), at(4)), Window(at(5.25), at(8))]], at(8))
    [day] = coverage_days(seen, at(8), 1, UTC)
    assert day.cells == "  " + "######" + "..+" + "#####" + " " * 32
    assert (day.day, day.gap_seconds) == (date(2026, 5, 24), 4500)


def test_days_before_the_first_poll_are_left_out() -> None:
    seen = coverage([[Window(at(1), at(30))]], at(30))
    assert [day.day.day for day in coverage_days(seen, at(30), 30, UTC)] == [24, 25]
    assert coverage_days(coverage([[]], at(30)), at(30), 30, UTC) == []


def test_days_are_those_of_the_users_zone() -> None:
    seen = coverage([[Window(at(1), at(23.5))]], at(23.5))
    assert [day.day.day for day in coverage_days(seen, at(23.5), 30, ZoneInfo("Europe/Berlin"))] == [24, 25]


@pytest.mark.parametrize(
    "day", [datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)]
)
def test_days_on_which_clocks_are_changed_are_as_wide_as_any(day: datetime) -> None:
    seen = coverage([[Window(day - timedelta(days=1), day)]], day)
    drawn = coverage_days(seen, day, 1, ZoneInfo("Europe/Berlin"))
    assert [len(one.cells) for one in drawn] == [CELLS]


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 20)), min_size=1, max_size=12), st.integers(1, 30))
def test_it_fits_a_terminal_and_tells_every_gap(stretches: list[tuple[float, float]], count: int) -> None:
    windows = [Window(at(start), at(start + length)) for start, length in stretches]
    now = at(230)
    seen = coverage([windows], now)
    days = coverage_days(seen, now, count, UTC)
    assert max(map(len, strip_lines(days))) < 80
    assert all(bool(day.gap_seconds) == any(sign in day.cells for sign in "+.") for day in days)
    if count >= 12:
        assert abs(sum(day.gap_seconds for day in days) - seen.gap_seconds) <= len(days)


def test_status_draws_it(clock: Clock, shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[[feed]]\nname = "swing"\n')
    shell.run("sync")
    done = shell.run("status", "--coverage", "30d")
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith(f"{clock():%Y-%m-%d}")]
    assert "#" in line
    assert "\x1b" not in done.stdout
    state = json.loads(shell.run("status", "--coverage", "2d", "--json").stdout)
    assert {one["gap_seconds"] for one in state["days"]} == {0}


@pytest.mark.parametrize("wrong", ["30", "0d", "400d", "x"])
def test_a_wrong_number_of_days_is_refused(shell: Shell, wrong: str) -> None:
    done = shell.run("status", "--coverage", wrong)
    assert done.returncode == 2
    assert "30d" in done.stderr
