"""`cqs-sheets journal`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from cqs_sheets.cli.completion import complete_template
from cqs_sheets.cli.options import config_option, loudness_options


class Moment(click.ParamType[datetime]):
    """A day or a time, UTC."""

    name = "YYYY-MM-DD[THH:MM]"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """An aware time."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day or time like 2026-05-24 or 2026-05-24T14:30", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_sandbox = click.option("--sandbox", is_flag=True, help="The journal of syncs made with --sandbox.")


@click.group("journal")
def journal_command() -> None:
    """Show, export, import, verify or prune the journal.

    The journal is what the API said, kept on this computer before anything else is done with it.
    """


@journal_command.command("show")
@click.argument("signal_id", required=False)
@click.option(
    "--limit",
    type=click.IntRange(1),
    metavar="COUNT",
    default=20,
    show_default=True,
    help="How many signals.",
)
@config_option
@_sandbox
@loudness_options
def show_command(**options: Any) -> int:
    """Show the newest signals, or every revision of one.

    \b
    Examples:
      cqs-sheets journal show
      cqs-sheets journal show 1847291
    """
    from cqs_sheets.cli.journaling import show_newest, show_revisions  # noqa: PLC0415 - keeps --help fast
    from cqs_sheets.cli.reading import opened_journal  # noqa: PLC0415

    with opened_journal(options) as (_, journal):
        if options["signal_id"]:
            return show_revisions(journal, options["signal_id"])
        return show_newest(journal, options["limit"])


@journal_command.command("export")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "jsonl", "xlsx", "parquet"]),
    required=True,
    help="The file's format.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Default: stdout (xlsx and parquet need a file).",
)
@click.option(
    "--template",
    default="raw",
    show_default=True,
    metavar="NAME|FILE",
    shell_complete=complete_template,
    help="What an xlsx looks like.",
)
@click.option("--since", type=Moment(), help="Only signals published from then on (UTC).")
@click.option("--until", type=Moment(), help="Only signals published before then (UTC).")
@click.option("--where", multiple=True, metavar="FIELD=VALUE",
              help="Only such signals, e.g. max_risk=3; as `where` in the config. Repeatable.")  # fmt: skip
@click.option("--status", type=click.Choice(["open", "closed", "aged"]), help="Only signals in this state.")
@config_option
@_sandbox
@loudness_options
def export_command(**options: Any) -> int:
    """Export signals: all of them, or by time, field and status.

    \b
    Examples:
      cqs-sheets journal export --format csv > signals.csv
      cqs-sheets journal export --format csv --where direction=LONG --where max_risk=3 --status open
      cqs-sheets journal export --format xlsx -o may.xlsx --since 2026-05-01 --until 2026-06-01
    """
    from cqs_sheets.cli.journaling import export  # noqa: PLC0415 - keeps --help fast
    from cqs_sheets.cli.reading import opened_journal  # noqa: PLC0415

    with opened_journal(options) as (loaded, journal):
        return export(loaded, journal, options)


@journal_command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--table", type=click.Choice(["main", "scalping"]), default="main", show_default=True,
              help="The table the answers are of: scalping for FREE with type=SCALPING.")  # fmt: skip
@config_option
@_sandbox
@loudness_options
def import_command(**options: Any) -> int:
    """Import another machine's journal, or saved API answers.

    They are taken in the order given. Of a signal known already, the later word counts.

    \b
    Examples:
      cqs-sheets journal import laptop/journal.sqlite3
      cqs-sheets journal import answer-1.json answer-2.json
    """
    from cqs_sheets.cli.journaling import import_files  # noqa: PLC0415 - keeps --help fast
    from cqs_sheets.cli.reading import opened_journal  # noqa: PLC0415

    with opened_journal(options, writing=True) as (loaded, journal):
        return import_files(loaded, journal, options["files"], options["table"])


@journal_command.command("verify")
@config_option
@_sandbox
@loudness_options
def verify_command(**options: Any) -> int:
    """Check that the journal is whole.

    Exit code 65 if it is not.

    \b
    Example:
      cqs-sheets journal verify
    """
    from cqs_sheets.cli.journaling import verify  # noqa: PLC0415 - keeps --help fast
    from cqs_sheets.cli.reading import opened_journal  # noqa: PLC0415

    with opened_journal(options) as (loaded, journal):
        return verify(loaded, journal)


@journal_command.command("prune")
@click.option("--older-than", "days", type=click.IntRange(1), default=90, show_default=True, metavar="DAYS",
              help="Keep what is younger.")  # fmt: skip
@config_option
@_sandbox
@loudness_options
def prune_command(**options: Any) -> int:
    """Drop old raw answers, polls and superseded revisions.

    Signals and what was delivered where are never dropped, so no row is added again.

    \b
    Example:
      cqs-sheets journal prune --older-than 30
    """
    from cqs_sheets.cli.journaling import prune  # noqa: PLC0415 - keeps --help fast
    from cqs_sheets.cli.reading import opened_journal  # noqa: PLC0415

    with opened_journal(options, writing=True) as (_, journal):
        return prune(journal, options["days"])
