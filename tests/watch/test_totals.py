"""What GitHub is told of a whole watch."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cqs_sheets.config import Environment
from cqs_sheets.core.report import ApiReport, Report, RunOutcome, TargetReport, in_total
from cqs_sheets.core.signals.coverage import Window, coverage
from cqs_sheets.errors import ApiUnavailable
from cqs_sheets.github.summary import tell_github

NOON = datetime(2026, 5, 24, 12, tzinfo=UTC)


def target(name: str = "a.xlsx", **counts: Any) -> TargetReport:
    return TargetReport(target=name, template="raw", outcome=RunOutcome.OK, **counts)


def report(minute: int = 0, *targets: TargetReport, **changes: Any) -> Report:
    made = Report(
        started=NOON + timedelta(minutes=minute),
        seconds=2.0,
        dry_run=False,
        api=ApiReport(requests=2, signals=5, new=3, changed=1, closed=1),
        coverage=coverage([[]], NOON),
        targets=targets,
    )
    return replace(made, **changes)


def test_work_is_added_up_and_the_state_is_the_last() -> None:
    first = report(0, target(added=3, closed=1, pending=4), errors=(ApiUnavailable("away"),))
    total = in_total(in_total(None, first), report(1, target(added=2, updated=1, unchanged=9)))
    assert (total.started, total.seconds, total.outcome) == (NOON, 4.0, RunOutcome.OK)
    assert (total.api.requests, total.api.signals, total.api.new, total.api.closed) == (4, 5, 6, 2)
    [one] = total.targets
    assert (one.added, one.updated, one.closed, one.unchanged, one.pending) == (5, 1, 1, 9, 0)


def test_a_target_that_the_last_sync_did_not_get_to_is_still_told() -> None:
    total = in_total(report(0, target("a.xlsx", added=1), target("b.xlsx", added=2)), report(1))
    assert [(one.target, one.added) for one in total.targets] == [("a.xlsx", 1), ("b.xlsx", 2)]


def test_a_warning_is_told_once() -> None:
    total = in_total(report(0, warnings=("odd", "old")), report(1, warnings=("odd", "new")))
    assert total.warnings == ("odd", "old", "new")


def test_a_gap_is_a_warning_for_a_day(capsys: pytest.CaptureFixture[str]) -> None:
    hours = [NOON + timedelta(hours=hour) for hour in (-60, -50, -40, -5, -4, 0)]
    windows = [Window(*hours[0:2]), Window(*hours[2:4]), Window(*hours[4:6])]
    tell_github(report(coverage=coverage([windows], NOON)), Environment(github_actions=True))
    told = capsys.readouterr().err
    assert told.count("::warning title=cqs-sheets gap::") == 1
    assert "2026-05-24 07:00:00 UTC to 2026-05-24 08:00:00 UTC" in told
