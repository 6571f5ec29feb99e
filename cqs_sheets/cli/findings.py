"""The doctor's findings on a terminal or in a pipe: grouped by what was looked at, wrapped to its width."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence

import click

from cqs_sheets.cli.output import wrapped
from cqs_sheets.core.reports.render import plural
from cqs_sheets.doctor import Finding, Level

_COLORS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}
_INDENT = " " * 8
_WIDEST = 120


class FindingsPage:
    """Shows findings of these levels one after the other, a heading where the subject changes."""

    def __init__(self, levels: Collection[Level]) -> None:
        self._levels = levels
        self._subject = ""
        self._width = min(shutil.get_terminal_size().columns, _WIDEST)

    def show(self, finding: Finding) -> None:
        """One finding, if it is of a level to be shown."""
        if finding.level not in self._levels:
            return
        if finding.subject != self._subject:
            click.secho(finding.subject, bold=True)
            self._subject = finding.subject
        click.secho(f"  {finding.level.value:<4}", nl=False, fg=_COLORS[finding.level], bold=True)
        mark = "mended: " if finding.fixed else ""
        click.echo(self._wrapped(mark + finding.what).removeprefix(" " * 6))
        for detail in finding.details:
            click.secho(self._wrapped(detail), dim=True)
        if finding.mend and not finding.fixed:
            click.echo(self._wrapped(f"-> {finding.mend}", hanging="   "))

    def conclude(self, findings: Sequence[Finding]) -> None:
        """What it comes to, and where to begin."""
        failures = sum(finding.level is Level.FAIL for finding in findings)
        warnings = sum(finding.level is Level.WARN for finding in findings)
        counts = [
            plural(count, noun) for count, noun in ((failures, "failure"), (warnings, "warning")) if count
        ]
        rest = "begin with the first failure" if failures else "nothing is in the way of a sync"
        click.echo(f"\n{', '.join(counts)}: {rest}." if counts else "\nAll is well.")

    def _wrapped(self, text: str, hanging: str = "") -> str:
        return wrapped(text, self._width, indent=_INDENT, hanging=_INDENT + hanging)
