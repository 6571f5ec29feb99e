"""`cqs-sheets templates`."""

from __future__ import annotations

from pathlib import Path

import click

from cqs_sheets.api.client import utc_now
from cqs_sheets.cli.options import complete_built_in, complete_template
from cqs_sheets.cli.terminal.output import say
from cqs_sheets.core.templates.template import ColumnKind, ReportTab, SettingsTab, TableTab
from cqs_sheets.core.text import plural
from cqs_sheets.core.toml import describe
from cqs_sheets.errors import DataRefused, UsageError
from cqs_sheets.files import writing
from cqs_sheets.template_files import built_in, load_template, problems_of, read_built_in

_OWNER = {
    ColumnKind.FIELD: "sync: {source}",
    ColumnKind.CALC: "sync: {source} (computed)",
    ColumnKind.FORMULA: "formula",
    ColumnKind.INPUT: "yours",
}


@click.group("templates")
def templates_command() -> None:
    """List, show, copy, check or preview templates.

    A template says what a target looks like: its tabs, columns, formulas and formats.
    """


@templates_command.command("list")
def list_command() -> None:
    """List the built-in templates.

    \b
    Example:
      cqs-sheets templates list
    """
    for name in built_in():
        click.echo(f"{name:12} {load_template(name).title}")


@templates_command.command("show")
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_template)
def show_command(name: str) -> None:
    """Show a template's tabs and columns, and who fills each.

    \b
    Example:
      cqs-sheets templates show signals
    """
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


@templates_command.command("copy")
@click.argument("name", shell_complete=complete_built_in)
@click.argument("file", type=click.Path(path_type=Path))
def copy_command(name: str, file: Path) -> None:
    """Copy a built-in template to a file, to make it your own.

    \b
    Example:
      cqs-sheets templates copy signals mine.toml
      cqs-sheets sync --template mine.toml
    """
    text = read_built_in(name)
    hint = "Name a file in a folder that exists and is yours."
    with writing(file, meaning="No template was copied.", hint=hint):
        try:
            with file.open("x", encoding="utf-8", newline="") as copy:
                copy.write(text)
        except FileExistsError:
            raise UsageError(
                f"{file} exists already.", meaning="It was left as it is.", hint="Name a new file."
            ) from None
    say(f"{file} is yours now. Use it with: cqs-sheets sync --template {file}")


@templates_command.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check_command(files: tuple[Path, ...]) -> None:
    """Check template files: every mistake with its line.

    Exit code 65 if there is one.

    \b
    Example:
      cqs-sheets templates check mine.toml
    """
    wrong = [describe(found, str(path)) for path in files if (found := problems_of(path))]
    if wrong:
        raise DataRefused(
            "\n".join(wrong),
            meaning="A sync would refuse it; nothing was written.",
            hint="Correct them and check again.",
            kind="template",
        )
    click.echo(f"{plural(len(files), 'template')} checked: nothing to mend.")


@templates_command.command("preview")
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_template)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.xlsx")
def preview_command(name: str, file: Path) -> None:
    """Make a workbook from a template, filled with invented signals.

    To look at before it is yours.

    \b
    Example:
      cqs-sheets templates preview signals look.xlsx
    """
    from cqs_sheets.preview import write_preview  # noqa: PLC0415 - for invented signals only

    rows, trades = write_preview(file, load_template(name), utc_now().replace(microsecond=0))
    told = f" and {plural(trades, 'trade')}" if trades else ""
    click.echo(f"{file}: {plural(rows, 'row')} of invented signals{told}.")
