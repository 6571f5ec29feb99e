"""`cqs-sheets templates`."""

from __future__ import annotations

from pathlib import Path

import click

from cqs_sheets.cli.completion import complete_built_in, complete_template


@click.group("templates")
def templates_command() -> None:
    """List, show, copy, check or preview templates.

    A template says what a target looks like: its tabs, columns, formulas and formats.
    """


@templates_command.command("list")
def list_command() -> int:
    """List the built-in templates.

    \b
    Example:
      cqs-sheets templates list
    """
    from cqs_sheets.cli.templating import list_templates  # noqa: PLC0415 - keeps --help fast

    return list_templates()


@templates_command.command("show")
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_template)
def show_command(name: str) -> int:
    """Show a template's tabs and columns, and who fills each.

    \b
    Example:
      cqs-sheets templates show signals
    """
    from cqs_sheets.cli.templating import show_template  # noqa: PLC0415 - keeps --help fast

    return show_template(name)


@templates_command.command("copy")
@click.argument("name", shell_complete=complete_built_in)
@click.argument("file", type=click.Path(path_type=Path))
def copy_command(name: str, file: Path) -> int:
    """Copy a built-in template to a file, to make it your own.

    \b
    Example:
      cqs-sheets templates copy signals mine.toml
      cqs-sheets sync --template mine.toml
    """
    from cqs_sheets.cli.templating import copy_template  # noqa: PLC0415 - keeps --help fast

    return copy_template(name, file)


@templates_command.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check_command(files: tuple[Path, ...]) -> int:
    """Check template files: every mistake with its line.

    Exit code 65 if there is one.

    \b
    Example:
      cqs-sheets templates check mine.toml
    """
    from cqs_sheets.cli.templating import check_templates  # noqa: PLC0415 - keeps --help fast

    return check_templates(files)


@templates_command.command("preview")
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_template)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.xlsx")
def preview_command(name: str, file: Path) -> int:
    """Make a workbook from a template, filled with invented signals.

    To look at before it is yours.

    \b
    Example:
      cqs-sheets templates preview signals look.xlsx
    """
    from cqs_sheets.cli.templating import preview  # noqa: PLC0415 - keeps --help fast

    return preview(name, file)
