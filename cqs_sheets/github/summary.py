"""What GitHub shows of a run: annotations, the summary, outputs, and the page of the state branch."""

from __future__ import annotations

import html
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from cqs_sheets.config import Environment
from cqs_sheets.core.news import Happened, News, zone_text
from cqs_sheets.core.render import coverage_text, moment_text, plain_price
from cqs_sheets.core.report import Report
from cqs_sheets.core.signals.coverage import Coverage
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols, pair
from cqs_sheets.core.signals.signal import Record, Status
from cqs_sheets.core.text import harmless, plural
from cqs_sheets.github.chain import plain
from cqs_sheets.values import dataclass

if TYPE_CHECKING:
    from cqs_sheets.core.outcomes.statistics import Summary

_MOST_ANNOTATIONS = 10  # of each kind, GitHub shows no more
_RECENT = timedelta(days=1)  # a gap is told to one day's runs; the report and `status` keep it


def tell_github(
    report: Report,
    environment: Environment,
    news: Sequence[News] = (),
    *,
    symbols: Symbols = BUILT_IN,
    zone: tzinfo = UTC,
) -> None:
    """Write what GitHub shows; nothing elsewhere. Annotations go to stderr, as stdout may be JSON."""
    if not environment.github_actions:
        return
    for line in _annotations(report):
        sys.stderr.write(f"{line}\n")
    _append(
        environment.step_summary, "\n".join((*_summary(report), "", *news_table(news, symbols, zone))) + "\n"
    )
    _append(environment.output, "\n".join(_outputs(report)) + "\n")


def _annotations(report: Report) -> Iterator[str]:
    for error in report.errors[:_MOST_ANNOTATIONS]:
        yield f"::error title=cqs-sheets::{escaped(f'{error.message} {error.hint}'.strip())}"
    recent = [gap for gap in report.coverage.gaps if gap.end > report.started - _RECENT]
    for gap in recent[-_MOST_ANNOTATIONS:]:
        missed = f"Signals may have been missed from {moment_text(gap.start)} to {moment_text(gap.end)}."
        yield f"::warning title=cqs-sheets gap::{escaped(missed)}"


def _summary(report: Report) -> Iterator[str]:
    yield f"### cqs-sheets: {report.outcome}"
    yield ""
    yield "| target | added | updated | closed | unchanged | pending |"
    yield "|---|---:|---:|---:|---:|---:|"
    for target in report.targets:
        counts = (target.added, target.updated, target.closed, target.unchanged, target.pending)
        yield f"| {plain(target.target)} | {' | '.join(map(str, counts))} |"
    yield ""
    yield coverage_text(report.coverage)
    for text in (*(error.message for error in report.errors), *report.warnings):
        yield f"- {plain(text)}"


def _outputs(report: Report) -> Iterator[str]:
    yield f"outcome={report.outcome}"
    yield f"added={sum(target.added for target in report.targets)}"
    yield f"updated={sum(target.updated for target in report.targets)}"
    yield f"gap_seconds={report.coverage.gap_seconds}"


def _append(path: Path | None, text: str) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)


def escaped(text: str) -> str:
    """As workflow commands need it: one line, `%` kept."""
    return harmless(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a page shows of a journal: the newest signals, what happened to signals in this run, and coverage.

    `record` is the feed's track record, if outcomes are judged.
    """

    newest: Sequence[Record]
    news: Sequence[News]
    until: datetime
    coverage: Coverage
    zone: tzinfo
    symbols: Symbols
    record: Summary | None = None


_MOST_ROWS = 200  # of a table; a summary holds 1 MiB at most
_HEADINGS = ("Time", "Pair", "Exchange", "Side", "Entry", "Targets", "Stop", "Type", "What")
_BOLD = {Happened.NEW: "**new**"}


def news_table(news: Sequence[News], symbols: Symbols, zone: tzinfo) -> Iterator[str]:
    """What happened to signals as a table in Markdown, the last on top; nothing for no news."""
    yield from _table([(one.record, _said(one)) for one in news], symbols, zone)


def _said(one: News) -> str:
    """What happened to it; a run is long enough for a signal to come and to end."""
    if _came_and_ended(one):
        return f"new, {_said(News(what=Happened.CLOSED, record=one.record))}"
    return f"{_BOLD.get(one.what, one.what)} {plain(one.changes)}".strip()


def _came_and_ended(one: News) -> bool:
    return one.what is Happened.NEW and one.record.status is Status.CLOSED


def _table(rows: Sequence[tuple[Record, str]], symbols: Symbols, zone: tzinfo) -> Iterator[str]:
    """Signals, each with what is said of it and links to its chart and exchange."""
    if not rows:
        return
    yield f"| {' | '.join(_HEADINGS)} |"
    yield f"|{'---|' * len(_HEADINGS)}"
    for record, said in list(reversed(rows))[:_MOST_ROWS]:
        yield f"| {' | '.join((*_cells(record, symbols, zone), said))} |"
    if len(rows) > _MOST_ROWS:
        yield f"\nAnd {len(rows) - _MOST_ROWS:,} more: the spreadsheet has them all."


def _cells(
    record: Record,
    symbols: Symbols,
    zone: tzinfo,
    *,
    text: Callable[[str], str] = plain,
    link: Callable[[str, str], str] = "[{}]({})".format,
) -> Iterator[str]:
    """What _HEADINGS say, but for the last; `text` takes mark-up out, `link` spells one of text and address."""
    signal = record.signal
    yield f"{signal.timestamp.astimezone(zone):%Y-%m-%d %H:%M}"
    for name, url in (
        (pair(signal), symbols.chart_url(signal)),
        (symbols.exchange_name(signal.exchange), symbols.url(signal)),
    ):
        yield link(text(name), quoted(url)) if url else text(name)
    yield text(signal.direction)
    yield zone_text(signal)
    yield ", ".join(filter(None, map(plain_price, (signal.target1, signal.target2, signal.target3))))
    yield plain_price(signal.stop_loss)
    yield text(signal.type)


def quoted(url: str) -> str:
    """An address, or a part of one, in which nothing ends the link that it stands in."""
    return quote(url, safe=":/?=&%+-._~")


def run_lines(look: RunSummary, places: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
    """A run's summary: what came and changed, where the spreadsheet is, what was missed."""
    yield f"### {_count(look)}"
    yield ""
    yield from news_table(look.news, look.symbols, look.zone)
    yield ""
    yield from _where_and_when(look, places, notes)


def page_lines(look: RunSummary, places: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
    """The page of the state branch, up to date while a run goes on."""
    yield "# Signals"
    yield ""
    yield from _where_and_when(look, places, notes)
    yield ""
    yield (
        f"The newest {len(look.newest)}, times in {plain(str(look.zone))}:"
        if look.newest
        else "No signal yet."
    )
    yield ""
    if look.newest:
        yield from _table([(record, str(record.status)) for record in look.newest], look.symbols, look.zone)
        yield ""
    yield (
        "This branch is kept by cqs-sheets. You may edit a workbook and upload it here: the next run takes it up,"
        " with your sheets, columns and notes. Not financial advice."
    )


_HTML = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>Open signals</title>
<style>body {{ font: 15px system-ui; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color-scheme: light dark }}
table {{ border-collapse: collapse; width: 100% }} td, th {{ padding: .3rem .5rem; text-align: left;
border-bottom: 1px solid #8884 }}</style>
<h1>Open signals</h1><p>{about}</p><table><tr>{headings}</tr>{rows}</table>
<p>Kept by cqs-sheets. Not financial advice.</p></html>
"""


def html_page(look: RunSummary, records: Sequence[Record]) -> str:
    """A page of its own with these signals, the newest on top."""
    rows = ""
    for record in list(reversed(records))[:_MOST_ROWS]:
        cells = _cells(record, look.symbols, look.zone, text=html.escape, link=_html_link)
        rows += f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>\n"
    about = f"{plural(len(records), 'open signal')}, as of {moment_text(look.until)}; times in {look.zone}."
    about += f" {record_text(look.record)}" if look.record else ""
    headings = "".join(f"<th>{heading}</th>" for heading in _HEADINGS[:-1])
    return _HTML.format(about=html.escape(about), headings=headings, rows=rows)


def _html_link(text: str, url: str) -> str:
    return f'<a href="{html.escape(url)}">{text}</a>'


def _where_and_when(look: RunSummary, places: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
    yield from (f"- {place}" for place in places)
    yield f"- As of {moment_text(look.until)}. {coverage_text(look.coverage)}"
    if look.record:
        yield f"- {record_text(look.record)}"
    yield from (f"- {plain(note)}" for note in notes)


def record_text(whole: Summary) -> str:
    """The feed's track record in a line, as far as there is one."""
    text = f"Track record: {plural(whole.signals, 'signal')}, {whole.entered:,} of them entered and over"
    first = whole.hits[0]
    if not whole.enough or whole.expectancy_r is None or first.share is None:
        return f"{text}: too few for a figure."
    between = (
        "" if first.low is None or first.high is None else f" ({first.low * 100:.0f}-{first.high * 100:.0f})"
    )
    error = "" if whole.stderr_r is None else f" (standard error {whole.stderr_r:.2f})"
    return (
        f"{text}. Target 1 was hit by {first.share * 100:.0f} %{between}; a signal brought {whole.expectancy_r:+z.2f} R"
        f" on average{error}. No forecast."
    )


def _count(look: RunSummary) -> str:
    counts = Counter(one.what for one in look.news)
    new, changed, closed = (counts[what] for what in (Happened.NEW, Happened.CHANGED, Happened.CLOSED))
    closed += sum(map(_came_and_ended, look.news))
    return f"{plural(new, 'new signal')}, {changed:,} changed, {closed:,} closed"
