"""What a watch shows: news with their time, nothing twice, an API that is away, and in the end what it came to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cqs_sheets.cli.terminal.output import Progress
from cqs_sheets.cli.terminal.results import Beats
from cqs_sheets.core.news import Happened, News
from cqs_sheets.core.report import ApiReport, Report, RunOutcome, TargetReport
from cqs_sheets.core.signals.coverage import coverage
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.errors import ApiUnavailable
from cqs_sheets.run.sync import SyncResult
from tests.make import NOON, record

NEW = News(what=Happened.NEW, record=record())
AWAY = ApiUnavailable(
    "The signals API gave no usable answer.", meaning="Nothing is lost.", hint="Run again later."
)


class Watch:
    """Beats a minute apart."""

    def __init__(self, **options: Any) -> None:
        self.now = NOON
        given: dict[str, Any] = {"as_json": False, "quiet": False} | options
        self.beats = Beats(
            names=BUILT_IN, zone=UTC, clock=lambda: self.now, line=Progress(enabled=False), **given
        )

    def beat(self, *news: News, minutes: float = 1, **report: Any) -> None:
        self.now += timedelta(minutes=minutes)
        self.beats.show(SyncResult(report=made(self.now, added=len(news), **report), plans={}, news=news))


def made(at: datetime, *, added: int = 0, updated: int = 0, **more: Any) -> Report:
    target = TargetReport(
        target="a.xlsx", template="raw", outcome=RunOutcome.OK, added=added, updated=updated
    )
    given: dict[str, Any] = {
        "api": ApiReport(requests=1, signals=5, new=added),
        "coverage": coverage([], at),
        "targets": (target,),
    }
    return Report(started=at, seconds=0.1, dry_run=False, **(given | more))


def test_news_are_stamped_and_beats_without_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    watch.beat(NEW)
    first = capsys.readouterr().out
    assert first.startswith("12:01:00  new  BTC/USDT  LONG")
    assert "12:01:00  a.xlsx: 1 added" in first
    watch.beat(updated=3)  # signals that aged
    assert capsys.readouterr() == ("", "")
    watch.beat(NEW)
    assert [line[:10] for line in capsys.readouterr().out.splitlines()] == ["12:03:00  "] * 2


def test_a_log_hears_every_hour_that_it_lives(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    watch.beat(NEW)
    capsys.readouterr()
    for _ in range(60):
        watch.beat()
    assert capsys.readouterr().out == "13:01:00  5 open signals, nothing new in 60 polls\n"


def test_an_api_that_is_away_is_told_once_that_it_goes_on_and_when_it_is_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watch = Watch()
    watch.beat()
    capsys.readouterr()
    for times in range(3):
        watch.beat(errors=(ApiUnavailable(f"{AWAY.message} (asked {times} times)", hint=AWAY.hint),))
    told = capsys.readouterr()
    assert told.err.count("error: ") == 1
    assert "goes on by itself" in told.err
    assert "Run again later" not in told.err
    watch.beat()
    assert "12:05:00  the API answers again, after 3 min" in capsys.readouterr().out


def test_a_warning_is_told_when_it_is_new(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    for warnings in (("a",), ("a",), ("a", "b"), ("b",), ("a",)):
        watch.beat(warnings=warnings)
    assert [line[-1] for line in capsys.readouterr().err.splitlines()] == ["a", "b", "a"]


def test_the_end_sums_up(capsys: pytest.CaptureFixture[str]) -> None:
    watch = Watch()
    for _ in range(4):
        watch.beat(NEW, minutes=30)
    capsys.readouterr()
    watch.beats.conclude()
    assert capsys.readouterr().out.startswith(
        "Watched for 1 h 30 min, 4 polls: 4 new, 0 changed, 0 closed, 0 aged."
    )


@pytest.mark.parametrize("silent", ["as_json", "quiet"])
def test_scripts_get_reports_and_nothing_else(capsys: pytest.CaptureFixture[str], silent: str) -> None:
    watch = Watch(**{silent: True})
    watch.beat(NEW)
    watch.beats.conclude()
    out = capsys.readouterr().out
    assert out == "" if silent == "quiet" else out.startswith('{\n  "version": 1,')
