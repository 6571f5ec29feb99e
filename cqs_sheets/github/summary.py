"""What GitHub shows of a run: annotations, the summary, outputs, and the page of the state branch."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from urllib.parse import quote

from cqs_sheets.config import Environment
from cqs_sheets.core.prices import plain_price
from cqs_sheets.core.render import coverage_text, moment_text, plural
from cqs_sheets.core.report import Report
from cqs_sheets.core.signals.coverage import Coverage
from cqs_sheets.core.signals.exchanges import Symbols, pair
from cqs_sheets.core.signals.signal import Record, Signal
from cqs_sheets.github.chain import plain

_MOST_ANNOTATIONS = 10  # of each kind, GitHub shows no more
_RECENT = timedelta(days=1)  # a gap is told to one day's runs; the report and `status` keep it


def tell_github(report: Report, environment: Environment) -> None:
    """Write what GitHub shows; nothing elsewhere. Annotations go to stderr, as stdout may be JSON."""
    if not environment.github_actions:
        return
    for line in _annotations(report):
        sys.stderr.write(f"{line}\n")
    _append(environment.step_summary, "\n".join(_summary(report)) + "\n")
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
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a page shows of a journal: the newest signals, those that this run brought or changed, and coverage."""

    newest: Sequence[Record]
    changed: Sequence[Record]
    since: datetime
    until: datetime
    coverage: Coverage
    zone: tzinfo
    symbols: Symbols


_MOST_ROWS = 200  # of a table; a summary holds 1 MiB at most
_HEADINGS = ("Time", "Pair", "Exchange", "Side", "Entry", "Targets", "Stop", "Type", "State")
_TRADINGVIEW = "https://www.tradingview.com/chart/?symbol="


def signals_table(records: Sequence[Record], look: Look) -> Iterator[str]:
    """The records as a table in Markdown, the newest on top, each pair with a link to its chart."""
    if not records:
        yield "None."
        return
    yield f"| {' | '.join(_HEADINGS)} |"
    yield f"|{'---|' * len(_HEADINGS)}"
    for record in list(reversed(records))[:_MOST_ROWS]:
        yield f"| {' | '.join(_cells(record, look))} |"
    if len(records) > _MOST_ROWS:
        yield f"\nAnd {len(records) - _MOST_ROWS:,} more: the spreadsheet has them all."


def _cells(record: Record, look: Look) -> Iterator[str]:
    signal = record.signal
    yield f"{signal.timestamp.astimezone(look.zone):%Y-%m-%d %H:%M}"
    yield _linked(plain(pair(signal)), _chart(signal, look.symbols))
    yield _linked(plain(look.symbols.exchange_name(signal.exchange)), look.symbols.url(signal))
    yield plain(signal.direction)
    yield " - ".join(filter(None, map(plain_price, (signal.buy_start, signal.buy_end))))
    yield ", ".join(filter(None, map(plain_price, (signal.target1, signal.target2, signal.target3))))
    yield plain_price(signal.stop_loss)
    yield plain(signal.type)
    yield f"**new**, {record.status}" if record.first_seen >= look.since else str(record.status)


def _chart(signal: Signal, symbols: Symbols) -> str:
    symbol = symbols.tradingview(signal)
    return _TRADINGVIEW + quote(symbol, safe="") if symbol else ""


def _linked(text: str, url: str) -> str:
    return f"[{text}]({quoted(url)})" if url else text


def quoted(url: str) -> str:
    """An address, or a part of one, in which nothing ends the link that it stands in."""
    return quote(url, safe=":/?=&%+-._~")


def run_lines(look: Look, places: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
    """A run's summary: what came and changed, where the spreadsheet is, what was missed."""
    yield f"### {_count(look)}"
    yield ""
    yield from signals_table(look.changed, look)
    yield ""
    yield from _where_and_when(look, places, notes)


def page_lines(look: Look, places: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
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
        yield from signals_table(look.newest, look)
        yield ""
    yield (
        "This branch is kept by cqs-sheets. You may edit a workbook and upload it here: the next run takes it up,"
        " with your sheets, columns and notes. Not financial advice."
    )


def _where_and_when(look: Look, places: Sequence[str], notes: Sequence[str]) -> Iterator[str]:
    yield from (f"- {place}" for place in places)
    yield f"- As of {moment_text(look.until)}. {coverage_text(look.coverage)}"
    yield from (f"- {plain(note)}" for note in notes)


def _count(look: Look) -> str:
    new = sum(record.first_seen >= look.since for record in look.changed)
    return f"{plural(new, 'new signal')}, {len(look.changed) - new:,} changed"
