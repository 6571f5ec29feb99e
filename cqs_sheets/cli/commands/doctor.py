"""`cqs-sheets doctor`."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from cqs_sheets.cli.options import Options, config_option, loudness_options, write_options
from cqs_sheets.cli.session import session_of
from cqs_sheets.cli.terminal.output import Progress, print_json, wrapped
from cqs_sheets.config import home_folder, process_environ
from cqs_sheets.core.text import harmless, one_line, plural
from cqs_sheets.doctor import examined
from cqs_sheets.doctor.finding import Finding, Severity, about, exit_code, fail, findings_json, mended
from cqs_sheets.doctor.journal import check_journal
from cqs_sheets.doctor.surroundings import check_program
from cqs_sheets.errors import UsageError
from cqs_sheets.journal import JOURNAL_FILE

_COLORS = {Severity.OK: "green", Severity.WARN: "yellow", Severity.FAIL: "red"}
_INDENT = " " * 8
_WIDEST = 120
_HEADLINES = (
    "program.version", "config.file", "journal.file", "api.answer", "google.credentials", "target.file",
    "target.sharing",
)  # fmt: skip


@click.command("doctor")
@config_option
@write_options
@click.option("--sandbox", is_flag=True, help="Start a local API with invented signals, and look at that.")
@click.option("--fix", is_flag=True, help="Mend what is safe to mend; see above.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON on stdout.")
@loudness_options
def doctor_command(fix: bool, as_json: bool, **options: Any) -> int:
    """Check key, API, clock, journal, credentials and every target; say what mends each.

    What is well is one line each; -v shows every check.

    It changes nothing, unless with --fix, which mends what is safe: it deletes the lock file of a
    LibreOffice that crashed on this computer and the temporary file of a sync that was stopped, folds the
    log of a stopped run into the journal, and hides key file, token and journal from other users.

    Exit code 0 if a sync would go through, else what it would end with.

    \b
    Examples:
      cqs-sheets doctor
      cqs-sheets doctor --to my-trades.xlsx --json
    """
    return examine(Options(**options), fix=fix, as_json=as_json)


def examine(options: Options, *, fix: bool = False, as_json: bool = False) -> int:
    """Look at everything, mend if asked to, tell it; returns the exit code."""
    shown = () if as_json else (Severity.FAIL,) if options.quiet else tuple(Severity)
    page, findings = FindingsPage(shown, brief=not options.verbose), []
    for finding in _findings(options):
        findings.append(mended(finding) if fix else finding)
        page.show(findings[-1])
    if as_json:
        print_json(findings_json(findings))
    elif not options.quiet:
        page.conclude(findings)
    return exit_code(findings)


def _findings(options: Options) -> Iterator[Finding]:
    yield from about("program", check_program())
    with ExitStack() as stack:
        try:
            session = stack.enter_context(session_of(options, tell=False))
        except UsageError as error:
            yield from about("config", [fail("config.file", error)])
            if "CQS_HOME" not in error.message:
                home = home_folder(
                    process_environ(), Path.cwd()
                )  # where the journal is, whatever the config says
                yield from about("journal", check_journal(home / JOURNAL_FILE))
            return
        progress = Progress(enabled=not options.quiet)
        stack.callback(progress.clear)
        for finding in examined(session, progress):
            progress.clear()
            yield finding


class FindingsPage:
    """Shows findings of these levels one after the other, a heading where the subject changes.

    If it is to be `brief`, one line says of each subject that it is well.
    """

    def __init__(self, levels: Collection[Severity], *, brief: bool) -> None:
        self._levels = levels
        self._brief = brief
        self._subject = ""
        self._width = min(shutil.get_terminal_size().columns, _WIDEST)

    def show(self, finding: Finding) -> None:
        """One finding, if it is of a level to be shown."""
        well = finding.level is Severity.OK and not finding.fixed
        if finding.level not in self._levels or (self._brief and well and finding.check not in _HEADLINES):
            return
        if finding.subject != self._subject:
            click.secho(one_line(finding.subject), bold=True)
            self._subject = finding.subject
        click.secho(f"  {finding.level.value:<4}", nl=False, fg=_COLORS[finding.level], bold=True)
        mark = "mended: " if finding.fixed else ""
        click.echo(self._wrapped(mark + finding.what).removeprefix(" " * 6))
        for detail in () if self._brief and well else finding.details:
            click.secho(self._wrapped(detail), dim=True)
        if finding.mend and not finding.fixed:
            click.echo(self._wrapped(f"-> {finding.mend}", hanging="   "))

    def conclude(self, findings: Sequence[Finding]) -> None:
        """What it comes to, and where to begin."""
        levels = Counter(finding.level for finding in findings)
        nouns = {Severity.FAIL: "failure", Severity.WARN: "warning"}
        counts = [plural(levels[level], noun) for level, noun in nouns.items() if levels[level]]
        rest = "begin with the first failure" if levels[Severity.FAIL] else "nothing is in the way of a sync"
        more = f"{len(findings)} checks (-v shows each). " if self._brief else ""
        click.echo(f"\n{more}{', '.join(counts)}: {rest}." if counts else f"\n{more}All is well.")

    def _wrapped(self, text: str, hanging: str = "") -> str:
        return wrapped(harmless(text), self._width, indent=_INDENT, hanging=_INDENT + hanging)
