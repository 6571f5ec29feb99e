"""What the journal commands do."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from cqs_sheets.api.client import MAX_BODY
from cqs_sheets.cli.fetching import print_records
from cqs_sheets.cli.output import print_warning
from cqs_sheets.cli.running import Loaded, utc_now
from cqs_sheets.core.export import as_csv, as_jsonl, export_row
from cqs_sheets.core.parse import NotTheEnvelope, parse_envelope
from cqs_sheets.core.planner import make_plan
from cqs_sheets.core.render import plural
from cqs_sheets.core.report import utc_text
from cqs_sheets.core.rows import wanted_rows
from cqs_sheets.core.signal import FeedTable, Record, SignalKey
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import AccessRefused, DataRefused, UsageError
from cqs_sheets.journal import Journal
from cqs_sheets.poll import imported
from cqs_sheets.template_files import load_template

_IMPORTED = "imported"  # the feed of answers that were saved by hand


def show_newest(journal: Journal, limit: int) -> int:
    """The signals that came last."""
    print_records(list(deque(journal.records(), maxlen=limit)), "table")
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
        raise UsageError(f"The journal knows no signal {signal_id}.", hint="See: cqs-sheets journal show")
    return 0


def export(loaded: Loaded, journal: Journal, options: Mapping[str, Any]) -> int:
    """Every signal published in [since, until), to a file or stdout."""
    records = journal.records(since=options["since"], until=options["until"])
    output: Path | None = options["output"]
    if options["format_"] == "xlsx":
        if output is None:
            raise UsageError("A workbook cannot go to the screen.", hint="Add -o FILE.xlsx")
        _export_workbook(loaded, records, output, options["template"])
        return 0
    lines = (as_csv if options["format_"] == "csv" else as_jsonl)(records)
    if output is None:
        for line in lines:
            click.echo(line)
    else:
        _write_lines(output, lines)
    return 0


def _export_workbook(loaded: Loaded, records: Iterable[Record], output: Path, template_name: str) -> None:
    if output.exists():
        raise UsageError(f"{output} exists already.", hint="Name a new file, or sync to it: sync --to FILE")
    template, zone = load_template(template_name), loaded.settings.zone
    destination = ExcelDestination(output, zone_name=str(zone))
    rows = [row for record in records for row in wanted_rows(template, record, zone)]
    table = destination.read(template, {})
    destination.apply(make_plan(template, rows, table, sequence=1, settings={"Time_zone": str(zone)}))


def _write_lines(output: Path, lines: Iterable[str]) -> None:
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"{line}{os.linesep}" for line in lines)
    except OSError as error:
        raise AccessRefused(f"{output} cannot be written: {error.strerror}.") from None


def import_answers(loaded: Loaded, journal: Journal, files: Sequence[Path], table: str) -> int:
    """Take in saved answers; nothing at all if one of them is not an answer of the API."""
    bodies = [_answer(path) for path in files]
    new = changed = 0
    for path, body in zip(files, bodies, strict=True):
        result, rejects = imported(
            journal,
            body,
            feed=_IMPORTED,
            table=FeedTable(table),
            at=utc_now(),
            zone=loaded.settings.api.server_zone,
        )
        new, changed = new + result.new, changed + result.changed
        for reject in rejects:
            print_warning(f"{path}: signal {reject.id or 'without id'} set aside: {reject.reason}")
    click.echo(f"{plural(len(files), 'answer')} imported: {new:,} new, {changed:,} changed.")
    return 0


def _answer(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(MAX_BODY + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", meaning="Nothing was imported."
        ) from None
    try:
        if len(body) > MAX_BODY:
            raise NotTheEnvelope("larger than any answer")
        parse_envelope(body)
    except NotTheEnvelope as problem:
        raise DataRefused(
            f"{path} is not a saved answer of the API: {problem.reason}.", meaning="Nothing was imported."
        ) from None
    return body


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
