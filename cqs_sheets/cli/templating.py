"""What the templates commands do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from cqs_sheets import sandbox
from cqs_sheets.cli.output import say
from cqs_sheets.cli.running import utc_now
from cqs_sheets.cli.workbooks import write_workbook
from cqs_sheets.core.reports.render import plural
from cqs_sheets.core.rows.busiest import busiest
from cqs_sheets.core.signals.fields import wall_time
from cqs_sheets.core.signals.history import next_arrival, observe
from cqs_sheets.core.signals.parse import parse_signals
from cqs_sheets.core.signals.signal import FeedTable, Record, Status
from cqs_sheets.core.templates.template import ColumnKind, ReportTab, SettingsTab, TableTab
from cqs_sheets.core.toml.check import describe
from cqs_sheets.errors import AccessRefused, DataRefused, UsageError
from cqs_sheets.template_files import built_in, load_template, problems_of, read_built_in

_EXAMPLES = 200
_SPAN, _SLOWLY = timedelta(days=31), 0.3  # as many signals as a few days of a market at full speed have
_WINDOW = timedelta(minutes=20)
_OWNER = {
    ColumnKind.FIELD: "sync: {source}",
    ColumnKind.CALC: "sync: {source} (computed)",
    ColumnKind.FORMULA: "formula",
    ColumnKind.INPUT: "yours",
}


def list_templates() -> int:
    """Each built-in template with its title."""
    for name in built_in():
        click.echo(f"{name:12} {load_template(name).title}")
    return 0


def show_template(name: str) -> int:
    """Tabs, their columns and who fills them."""
    template = load_template(name)
    click.secho(template.title, bold=True)
    for tab in template.tabs:
        click.echo()
        click.secho(
            f"{tab.name}{' (made when needed)' if getattr(tab, 'when_needed', False) else ''}", bold=True
        )
        if isinstance(tab, TableTab):
            for column in tab.columns:
                owner = _OWNER[column.kind].format(source=column.source)
                hidden = ", hidden" if column.hidden else ""
                click.echo(f"  {column.header:16} {owner}{hidden}")
        elif isinstance(tab, SettingsTab):
            for setting in tab.settings:
                click.echo(f"  {setting.name:16} {'sync' if setting.synced else 'yours'}: {setting.label}")
        elif isinstance(tab, ReportTab):
            for kind, titles in (
                ("figures", [card.label for card in tab.cards]),
                ("charts", [chart.title for chart in tab.charts]),
                ("lists", [each.title for each in tab.lists]),
            ):
                click.echo(f"  {kind:16} {'; '.join(titles)}")
        else:
            click.echo(f"  {'computed for pages':16} {', '.join(block.id for block in tab.blocks)}")
    return 0


def copy_template(name: str, file: Path) -> int:
    """The template's text in a new file."""
    text = read_built_in(name)
    try:
        with file.open("x", encoding="utf-8", newline="") as copy:
            copy.write(text)
    except FileExistsError:
        raise UsageError(
            f"{file} exists already.", meaning="It was left as it is.", hint="Name a new file."
        ) from None
    except OSError as error:
        raise AccessRefused(
            f"{file} cannot be written: {error.strerror}.",
            meaning="No template was copied.",
            hint="Name a file in a folder that exists and is yours.",
        ) from None
    say(f"{file} is yours now. Use it with: cqs-sheets sync --template {file}")
    return 0


def check_templates(files: Sequence[Path]) -> int:
    """Say of each file what is wrong with it, or that nothing is."""
    wrong = [describe(found, str(path)) for path in files if (found := problems_of(path))]
    if wrong:
        raise DataRefused(
            "\n".join(wrong),
            meaning="A sync would refuse it; nothing was written.",
            hint="Correct them and check again.",
            kind="template",
        )
    click.echo(f"{plural(len(files), 'template')} checked: nothing to mend.")
    return 0


def preview(name: str, file: Path) -> int:
    """A workbook with what the sandbox's market shows now."""
    template = load_template(name)
    now = utc_now().replace(microsecond=0)
    records = sorted(_invented(now), key=lambda record: record.signal.timestamp)
    settings = {"Time_zone": "UTC", "Last_sync": wall_time(now, UTC), "Feed_status": "preview"}
    lists = busiest(template, {}, ((record, 1) for record in records), UTC)
    rows = write_workbook(file, template, records, UTC, {**settings, **lists})
    click.echo(f"{file}: {plural(rows, 'row')} of invented signals.")
    return 0


def _invented(now: datetime) -> Iterator[Record]:
    """About _EXAMPLES signals of an invented market's last days, of both tables, ended ones among them."""
    history = sandbox.Market(seed=1, speed=_SLOWLY).history(now - _SPAN, now)
    arrival = 0
    for table, count in ((FeedTable.MAIN, _EXAMPLES), (FeedTable.SCALPING, _EXAMPLES // 10)):
        born = [drawn for drawn in history if drawn.table == table.value]
        for drawn in born[:: max(1, len(born) // count)]:
            fields = {**drawn.published_fields, "leverage": drawn.leverage}
            parsed = parse_signals([fields], table=table, zone=UTC)
            for signal in parsed.signals:
                arrival = next_arrival(arrival, signal.timestamp)
                record = observe(None, signal, signal.timestamp, arrival)
                yield (
                    record
                    if now - signal.timestamp < _WINDOW
                    else replace(record, status=Status.AGED, last_seen=signal.timestamp + _WINDOW)
                )
