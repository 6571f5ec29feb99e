"""`cqs-sheets journal`."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click

from cqs_sheets import export
from cqs_sheets.api.client import MAX_BODY, utc_now
from cqs_sheets.cli.options import MOMENT, Options, complete_template, journal_options
from cqs_sheets.cli.session import journal_of, session_of
from cqs_sheets.cli.terminal.output import print_lines, print_warning, say, shows_unicode
from cqs_sheets.cli.terminal.pages import print_page, print_story
from cqs_sheets.cli.terminal.tables import print_signals
from cqs_sheets.config import process_environ, where_of
from cqs_sheets.core.plan.rows import passes
from cqs_sheets.core.signals.parse import NotTheEnvelope, parse_envelope
from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, SignalKey, Status
from cqs_sheets.core.text import plural, size_text
from cqs_sheets.errors import DataRefused, UsageError
from cqs_sheets.files import opened
from cqs_sheets.journal import Journal, is_journal
from cqs_sheets.run import Session, judge_of
from cqs_sheets.run.journals import place_of
from cqs_sheets.run.poll import imported, second_life_text, time_of_saved
from cqs_sheets.template_files import load_template
from cqs_sheets.values import dataclass, replace

_IMPORTED = "imported"  # the feed of answers that were saved by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions(Options):
    """Which signals to export, and as what; `template` is what an xlsx looks like."""

    format_: str
    output: Path | None
    since: datetime | None
    until: datetime | None
    where: tuple[str, ...]
    status: str | None


@click.group("journal")
def journal_command() -> None:
    """Show, export, import, copy, verify or prune the journal.

    The journal is what the API said, kept on this computer, or in PostgreSQL, before anything else is done with it.
    """


@journal_command.command("show")
@click.argument("signal_id", required=False)
@click.option("--limit", type=click.IntRange(1), metavar="COUNT", default=20, show_default=True,
              help="How many signals.")  # fmt: skip
@journal_options
def show_command(signal_id: str | None, limit: int, **options: Any) -> None:
    """Show the newest signals, or all that is known of one.

    \b
    Examples:
      cqs-sheets journal show
      cqs-sheets journal show 1847291
    """
    with journal_of(Options(**options)) as (session, journal):
        if signal_id:
            _show_signal(session, journal, signal_id)
        else:
            _show_newest(session, journal, limit)


@journal_command.command("export")
@click.option("--format", "format_", type=click.Choice(["csv", "jsonl", "xlsx", "parquet"]), required=True,
              help="The file's format.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Default: stdout (xlsx and parquet need a file).")  # fmt: skip
@click.option("--template", default="raw", show_default=True, metavar="NAME|FILE", shell_complete=complete_template,
              help="What an xlsx looks like.")  # fmt: skip
@click.option("--since", type=MOMENT, help="Only signals published from then on (UTC).")
@click.option("--until", type=MOMENT, help="Only signals published before then (UTC).")
@click.option("--where", multiple=True, metavar="FIELD=VALUE",
              help="Only such signals, e.g. max_risk=3; as `where` in the config. Repeatable.")  # fmt: skip
@click.option("--status", type=click.Choice(["open", "closed", "aged"]), help="Only signals in this state.")
@journal_options
def export_command(**options: Any) -> None:
    """Export signals: all of them, or by time, field and status.

    \b
    Examples:
      cqs-sheets journal export --format csv > signals.csv
      cqs-sheets journal export --format csv --where direction=LONG --where max_risk=3 --status open
      cqs-sheets journal export --format xlsx -o may.xlsx --since 2026-05-01 --until 2026-06-01
    """
    given = ExportOptions(**options)
    with journal_of(given) as (session, journal):
        _export(session, journal, given)


@journal_command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--table", type=click.Choice(["main", "scalping"]), default="main", show_default=True,
              help="The table the answers are of: scalping for FREE with type=SCALPING.")  # fmt: skip
@journal_options
def import_command(files: tuple[Path, ...], table: str, **options: Any) -> None:
    """Import another machine's journal, or saved API answers.

    They are taken in the order given. Of a signal known already, the later word counts: an answer
    is taken to be as old as its newest signal.

    \b
    Examples:
      cqs-sheets journal import laptop/journal.sqlite3
      cqs-sheets journal import answer-1.json answer-2.json
    """
    with journal_of(Options(**options), writing=True) as (session, journal):
        _import_files(session, journal, files, table)


@journal_command.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("to", metavar="TO")
@journal_options
def copy_command(source: str, to: str, **options: Any) -> None:
    """Copy a journal to PostgreSQL, or to a file.

    Both are compared row by row in the end.

    Each is a path, or env:NAME for the environment variable that holds a URL. TO must be empty; FROM stays as
    it is, and nothing may write to it meanwhile.

    \b
    Examples:
      cqs-sheets journal copy ~/.local/share/cqs-sheets/journal.sqlite3 env:CQS_JOURNAL
      cqs-sheets journal copy env:CQS_JOURNAL journal.sqlite3
    """
    with session_of(Options(**options), serve=False) as session:
        origin, goal = (place_of(text, session.settings, process_environ()) for text in (source, to))
        if isinstance(origin, Path) and not is_journal(origin):
            raise DataRefused(
                f"{origin} is no journal, or is not there.",
                meaning="Nothing was copied.",
                hint="`cqs-sheets status` says where the journal is.",
            )
        with Journal.open(goal, clock=utc_now) as journal:
            counts = journal.copy_from(origin, here=platform.node())
        signals, rows = counts["signals"], sum(counts.values())
        click.echo(
            f"Copied and compared: {plural(signals, 'signal')}, {plural(rows, 'row')} in all, to {goal}."
        )


@journal_command.command("verify")
@journal_options
def verify_command(**options: Any) -> None:
    """Check that the journal is whole.

    Exit code 65 if it is not.

    \b
    Example:
      cqs-sheets journal verify
    """
    with journal_of(Options(**options)) as (session, journal):
        problems = journal.verify()
        if problems:
            raise DataRefused(
                f"The journal {session.journal_path} is damaged: {'; '.join(problems)}.",
                meaning="Your sheets are not affected.",
                hint="Export what it still holds (journal export), move it away, and sync: a new one is made.",
            )
        click.echo("The journal is whole.")


@journal_command.command("prune")
@click.option("--older-than", "days", type=click.IntRange(1), default=90, show_default=True, metavar="DAYS",
              help="Keep what is younger.")  # fmt: skip
@journal_options
def prune_command(days: int, **options: Any) -> None:
    """Drop old raw answers, polls and superseded revisions.

    Signals and what was delivered where are never dropped, so no row is added again.

    \b
    Example:
      cqs-sheets journal prune --older-than 30
    """
    with journal_of(Options(**options), writing=True) as (_, journal):
        pruned = journal.prune(utc_now() - timedelta(days=days))
        click.echo(
            f"Dropped {plural(pruned.answers, 'raw answer')}, {plural(pruned.polls, 'poll')},"
            f" {plural(pruned.revisions, 'old revision')} and {plural(pruned.rejects, 'reject')}."
        )


def _show_newest(session: Session, journal: Journal, limit: int) -> None:
    """The signals that came last."""
    if records := journal.newest(limit):
        print_signals(records, utc_now(), journal=True)
    else:
        told = "The journal holds no signal yet: `cqs-sheets sync` catches the first."
        click.echo(f"{told}{session.look_elsewhere}", err=True)


def _show_signal(session: Session, journal: Journal, signal_id: str) -> None:
    """A page for each signal of that id: there may be one in both of the provider's tables."""
    found = [
        revisions for table in FeedTable if (revisions := journal.revisions(SignalKey(table, signal_id)))
    ]
    if not found:
        raise UsageError(
            f"The journal knows no signal {signal_id}.",
            meaning="Nothing was changed.",
            hint="`cqs-sheets journal show` has the newest.",
        )
    settings = session.settings
    for number, revisions in enumerate(found):
        if number:
            click.echo()
        print_page(revisions, settings.targets[0].symbols, settings.zone)
        record = revisions[-1].record
        if judged := judge_of(session, journal).story_of(record):
            print_story(judged[0], record.first_seen, judged[1], settings.zone)


def _export(session: Session, journal: Journal, options: ExportOptions) -> None:
    """Every signal published in [since, until), of that status, that passes; to a file or stdout."""
    zone, symbols = session.settings.zone, session.settings.targets[0].symbols
    where = where_of(options.where)
    status = Status(options.status) if options.status else None
    found = journal.records(since=options.since, until=options.until, status=status)
    judged = journal.shown_outcomes(judge_of(session, journal).settings.rules)
    records = (
        replace(record, judged=judged.get(record.arrival, {}))
        for record in found
        if passes(where, record, zone, symbols)
    )
    output = options.output
    if options.format_ in ("xlsx", "parquet") and output is None:
        raise UsageError(
            f"{options.format_} is no text that could be shown on the screen.",
            meaning="Nothing was exported.",
            hint=f"Say where to write it: add -o FILE.{options.format_}",
        )
    counted = _Counted(records)
    columns = export.JUDGED_COLUMNS if judged else export.COLUMNS
    jsonl = export.as_jsonl(counted, columns, ascii_only=output is None and not shows_unicode())
    lines = export.as_csv(counted, columns) if options.format_ == "csv" else jsonl
    if output is None:
        print_lines(lines, are_json=lines is jsonl)
        return
    if options.format_ == "parquet":
        export.write_parquet(output, counted, columns)
    elif options.format_ == "xlsx":
        template = load_template(options.template or "raw")
        export.write_workbook(output, template, counted, zone, {"Time_zone": str(zone)}, symbols)
    else:
        export.write_lines(output, lines)
    say(f"Wrote {output}: {plural(counted.number, 'signal')}, {size_text(output.stat().st_size)}.")


class _Counted:
    """Records that are counted as they are taken."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._records = records
        self.number = 0

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.number += 1
            yield record


def _import_files(session: Session, journal: Journal, files: Sequence[Path], table: str) -> None:
    """Take in journals and saved answers; nothing at all if one of the files is neither."""
    journals = [path for path in files if is_journal(path)]
    answers = {path: _answer(path) for path in files if path not in journals}
    for path in journals:
        merged = journal.take_in(path)
        click.echo(
            f"{path}: {plural(merged.new, 'new signal')}, {merged.changed:,} brought up to date,"
            f" {plural(merged.polls, 'poll')} more."
        )
        _tell_second_lives(path, merged.second_lives)
    if answers:
        _import_answers(session, journal, answers, FeedTable(table))


def _import_answers(
    session: Session, journal: Journal, answers: Mapping[Path, bytes], table: FeedTable
) -> None:
    new = changed = 0
    zone = session.settings.api.server_zone
    for path, body in answers.items():
        at = time_of_saved(body, table, zone, utc_now())
        result, rejects = imported(journal, body, feed=_IMPORTED, table=table, at=at, zone=zone)
        new, changed = new + result.new, changed + result.changed
        for reject in rejects:
            print_warning(f"{path}: signal {reject.id or 'without id'} set aside: {reject.reason}")
        _tell_second_lives(path, result.second_lives)
    click.echo(f"{plural(len(answers), 'answer')} imported: {new:,} new, {changed:,} changed.")


def _tell_second_lives(path: Path, signals: Iterable[Signal]) -> None:
    for signal in signals:
        print_warning(f"{path}: {second_life_text(signal)}")


def _answer(path: Path) -> bytes:
    try:
        with opened(path) as file:
            body = file.read(MAX_BODY + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.",
            meaning="Nothing was imported.",
            hint="Name files that exist and that you may read.",
        ) from None
    reason = "larger than any answer" if len(body) > MAX_BODY else _not_an_answer(body)
    if reason:
        raise DataRefused(
            f"{path} is neither a journal nor a saved answer of the API: {reason}.",
            meaning="Nothing was imported.",
            hint="Leave it out, or save the answer again as it came.",
        )
    return body


def _not_an_answer(body: bytes) -> str:
    try:
        parse_envelope(body)
    except NotTheEnvelope as problem:
        return problem.reason
    return ""
