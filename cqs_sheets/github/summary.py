"""On GitHub Actions the report is also a step summary, annotations and outputs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from cqs_sheets.config import Environment
from cqs_sheets.core.reports.render import coverage_text, moment_text
from cqs_sheets.core.reports.report import Report

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
        yield f"::error title=cqs-sheets::{_escaped(f'{error.message} {error.hint}'.strip())}"
    recent = [gap for gap in report.coverage.gaps if gap.end > report.started - _RECENT]
    for gap in recent[-_MOST_ANNOTATIONS:]:
        missed = f"Signals may have been missed from {moment_text(gap.start)} to {moment_text(gap.end)}."
        yield f"::warning title=cqs-sheets gap::{_escaped(missed)}"


def _summary(report: Report) -> Iterator[str]:
    yield f"### cqs-sheets: {report.outcome}"
    yield ""
    yield "| target | added | updated | closed | unchanged | pending |"
    yield "|---|---:|---:|---:|---:|---:|"
    for target in report.targets:
        counts = (target.added, target.updated, target.closed, target.unchanged, target.pending)
        yield f"| {_cell(target.target)} | {' | '.join(map(str, counts))} |"
    yield ""
    yield coverage_text(report.coverage)
    for text in (*(error.message for error in report.errors), *report.warnings):
        yield f"- {_cell(text)}"


def _outputs(report: Report) -> Iterator[str]:
    yield f"outcome={report.outcome}"
    yield f"added={sum(target.added for target in report.targets)}"
    yield f"updated={sum(target.updated for target in report.targets)}"
    yield f"gap_seconds={report.coverage.gap_seconds}"


def _append(path: Path | None, text: str) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)


def _escaped(text: str) -> str:
    """As workflow commands need it: one line, `%` kept."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
