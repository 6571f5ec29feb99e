"""What the journal commands do."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from cqs_sheets.api.client import MAX_BODY
from cqs_sheets.cli.output import print_warning, shows_unicode
from cqs_sheets.cli.parquet import write_parquet
from cqs_sheets.cli.running import Loaded, utc_now
from cqs_sheets.cli.tables import print_signals
from cqs_sheets.cli.workbooks import write_workbook
from cqs_sheets.config import where_of
from cqs_sheets.core.reports.export import as_csv, as_jsonl, export_row
from cqs_sheets.core.reports.render import plural
from cqs_sheets.core.reports.report import utc_text
from cqs_sheets.core.rows.rows import passes
from cqs_sheets.core.signals.parse import NotTheEnvelope, parse_envelope
from cqs_sheets.core.signals.signal import FeedTable, SignalKey, Status
from cqs_sheets.errors import AccessRefused, DataRefused, UsageError
from cqs_sheets.journal import Journal, is_journal
from cqs_sheets.run.poll import imported
from cqs_sheets.template_files import load_template

_IMPORTED = "imported"  # the feed of answers that were saved by hand


def show_newest(journal: Journal, limit: int) -> int:
    """The signals that came last."""
    if records := journal.newest(limit):
        print_signals(records, utc_now())
    else:
        click.echo("The journal holds no signal yet: `cqs-sheets sync` catches the first.", err=True)
    return 0


def show_revisions(journal: Journal, signal_id: str) -> int:
    """One signal over time: what each revision changed."""
    found = False
    for table in FeedTable:
        before: dict[str, str] = {}
        for revision in journal.revisions(SignalKey(table, signal_id)):
            found = True
            now = export_row(revision.record)
            changed = [f"{name}={text}" for name, text in now.items() if text != before.get(name, "")]
            click.echo(f"{utc_text(revision.at)}  revision {revision.record.revision}  {' '.join(changed)}")
            before = now
    if not found:
        raise UsageError(
            f"The journal knows no signal {signal_id}.",
            meaning="Nothing was changed.",
            hint="`cqs-sheets journal show` has the newest.",
        )
    return 0


def export(loaded: Loaded, journal: Journal, options: Mapping[str, Any]) -> int:
    """Every signal published in [since, until), of that status, that passes; to a file or stdout."""
    zone, symbols = loaded.settings.zone, loaded.settings.targets[0].symbols
    where = where_of(options["where"])
    status = Status(options["status"]) if options["status"] else None
    found = journal.records(since=options["since"], until=options["until"], status=status)
    records = (record for record in found if passes(where, record, zone, symbols))
    output: Path | None = options["output"]
    if options["format_"] in ("xlsx", "parquet") and output is None:
        raise UsageError(
            f"{options['format_']} is no text that could be shown on the screen.",
            meaning="Nothing was exported.",
            hint=f"Say where to write it: add -o FILE.{options['format_']}",
        )
    if output and options["format_"] == "parquet":
        write_parquet(output, records)
        return 0
    if output and options["format_"] == "xlsx":
        template = load_template(options["template"])
        write_workbook(output, template, records, zone, {"Time_zone": str(zone)}, symbols)
        return 0
    jsonl = as_jsonl(records, ascii_only=output is None and not shows_unicode())
    lines = as_csv(records) if options["format_"] == "csv" else jsonl
    if output is None:
        for line in lines:
            click.echo(line)
    else:
        _write_lines(output, lines)
    return 0


def _write_lines(output: Path, lines: Iterable[str]) -> None:
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"{line}{os.linesep}" for line in lines)
    except OSError as error:
        raise AccessRefused(
            f"{output} cannot be written: {error.strerror}.",
            meaning="The journal is as it was; the file may hold a part.",
            hint="Name a file in a folder that exists, is yours and has room.",
        ) from None


def import_files(loaded: Loaded, journal: Journal, files: Sequence[Path], table: str) -> int:
    """Take in journals and saved answers; nothing at all if one of the files is neither."""
    journals = [path for path in files if is_journal(path)]
    answers = {path: _answer(path) for path in files if path not in journals}
    for path in journals:
        merged = journal.take_in(path)
        click.echo(
            f"{path}: {plural(merged.new, 'new signal')}, {merged.changed:,} brought up to date,"
            f" {plural(merged.polls, 'poll')} more."
        )
    if answers:
        _import_answers(loaded, journal, answers, FeedTable(table))
    return 0


def _import_answers(
    loaded: Loaded, journal: Journal, answers: Mapping[Path, bytes], table: FeedTable
) -> None:
    new = changed = 0
    zone = loaded.settings.api.server_zone
    for path, body in answers.items():
        result, rejects = imported(journal, body, feed=_IMPORTED, table=table, at=utc_now(), zone=zone)
        new, changed = new + result.new, changed + result.changed
        for reject in rejects:
            print_warning(f"{path}: signal {reject.id or 'without id'} set aside: {reject.reason}")
    click.echo(f"{plural(len(answers), 'answer')} imported: {new:,} new, {changed:,} changed.")


def _answer(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
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


def verify(loaded: Loaded, journal: Journal) -> int:
    """Say what is wrong with the journal."""
    problems = journal.verify()
    if problems:
        raise DataRefused(
            f"The journal {loaded.journal_path} is damaged: {'; '.join(problems)}.",
            meaning="Your sheets are not affected.",
            hint="Export what it still holds (journal export), move it away, and sync: a new one is made.",
        )
    click.echo("The journal is whole.")
    return 0


def prune(journal: Journal, days: int) -> int:
    """Drop what is older than so many days."""
    pruned = journal.prune(utc_now() - timedelta(days=days))
    click.echo(
        f"Dropped {plural(pruned.answers, 'raw answer')}, {plural(pruned.polls, 'poll')},"
        f" {plural(pruned.revisions, 'old revision')} and {plural(pruned.rejects, 'reject')}."
    )
    return 0
