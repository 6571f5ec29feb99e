"""What GitHub shows: tables of signals in Markdown, in which nobody's text is mark-up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path

from cqs_sheets.config import Environment
from cqs_sheets.core.news import Happened, News
from cqs_sheets.core.outcomes.judge import Outcome
from cqs_sheets.core.outcomes.statistics import Share, track_record
from cqs_sheets.core.report import ApiReport, Report
from cqs_sheets.core.signals.coverage import coverage
from cqs_sheets.core.signals.exchanges import BUILT_IN
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.github.summary import RunSummary, html_page, page_lines, record_text, run_lines, tell_github
from tests.make import NOON, record

BEFORE = record("1", stop_loss=Decimal(92000))
AFTER = replace(BEFORE, signal=replace(BEFORE.signal, stop_loss=Decimal(93100)))
CLOSED = replace(record("3"), status=Status.CLOSED, last_seen=NOON)
NEWS = (
    News(what=Happened.NEW, record=record("2", coin="A|B](x)<b>@you", exchange="::error::\nx")),
    News(what=Happened.CHANGED, record=AFTER, before=BEFORE),
    News(what=Happened.CLOSED, record=CLOSED, before=record("3")),
)


def look(news: tuple[News, ...] = NEWS) -> RunSummary:
    return RunSummary(
        newest=[one.record for one in news], news=news, until=NOON, coverage=coverage([[]], NOON), zone=UTC,
        symbols=BUILT_IN,
    )  # fmt: skip


def test_a_run_tells_what_is_new_changed_and_closed_with_links() -> None:
    lines = list(run_lines(look(), ["Your workbook: [a](b)"], ["100% | <b>"]))
    assert lines[0] == "### 1 new signal, 1 changed, 1 closed"
    closed, changed, new = [line for line in lines if line.startswith("| 20")]
    assert "closed open for 0 s" in closed
    assert "changed stop was 92000" in changed
    assert "[BTC/USDT](https://www.tradingview.com/chart/?symbol=BINANCE%3ABTCUSDT)" in changed
    assert "94250.5-94400" in changed
    assert "**new**" in new
    assert {line.count("|") for line in lines if line.startswith("|")} == {10}
    assert not any(sign in new for sign in ("<b>", "@you", "](x)", "::error"))
    assert "- Your workbook: [a](b)" in lines
    assert not any("<b>" in line for line in lines)


def test_a_signal_that_came_and_ended_within_the_run_is_not_shown_as_one_to_take() -> None:
    lines = list(run_lines(look((News(what=Happened.NEW, record=CLOSED),)), [], []))
    assert lines[0] == "### 1 new signal, 0 changed, 1 closed"
    assert any("| new, closed open for 0 s |" in line for line in lines)


def test_the_page_of_the_branch_has_the_newest_signals_or_says_that_there_are_none() -> None:
    assert sum(line.startswith("| 20") for line in page_lines(look(), [], [])) == 3
    assert "No signal yet." in list(page_lines(look(()), [], []))


def test_a_track_record_stands_on_every_page_once_there_is_one() -> None:
    [none, *_] = track_record([Outcome(signal=record("1").signal, outcome=None)])
    young = replace(look(), record=none)
    for text in (
        "\n".join(page_lines(young, [], [])),
        "\n".join(run_lines(young, [], [])),
        html_page(young, []),
    ):
        assert "Track record: 1 signal, 0 of them entered and over: too few for a figure." in text
    assert "Track record" not in "\n".join(page_lines(look(), [], []))
    share = Share(share=Decimal("0.614"), low=Decimal("0.52"), high=Decimal("0.691"))
    old = replace(
        none, entered=212, hits=(share, share, share), expectancy_r=Decimal("0.124"), stderr_r=Decimal("0.05")
    )
    assert (
        "Target 1 was hit by 61 % (52-69); a signal brought +0.12 R on average (standard error 0.05)."
        in record_text(old)
    )


def test_the_public_page_has_the_open_signals_and_nobodys_markup() -> None:
    text = html_page(look(), [one.record for one in NEWS])
    assert text.count("<tr>") == 4
    assert "A|B](x)&lt;b&gt;@you" in text
    assert "<b>" not in text
    assert 'href="https://www.tradingview.com/chart/?symbol=BINANCE%3ABTCUSDT"' in text


def test_a_long_run_says_how_many_more_there_are() -> None:
    lines = list(run_lines(look(NEWS * 100), [], []))
    assert sum(line.startswith("| 20") for line in lines) == 200
    assert any("And 100 more" in line for line in lines)


def test_a_sync_in_a_workflow_of_ones_own_has_the_table_too(tmp_path: Path) -> None:
    report = Report(started=NOON, seconds=1, dry_run=False, api=ApiReport(), coverage=coverage([[]], NOON))
    file = tmp_path / "summary"
    environment = Environment(github_actions=True, step_summary=file)
    tell_github(report, environment, NEWS)
    assert "stop was 92000" in file.read_text()
    file.unlink()
    tell_github(report, environment)
    assert "| Time |" not in file.read_text()
