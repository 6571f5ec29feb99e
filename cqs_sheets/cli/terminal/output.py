"""Texts, marks and progress on a terminal or in a pipe."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import Any

import click

from cqs_sheets.config import Environment
from cqs_sheets.core.render import harmless, harmless_json, one_line


def print_json(value: Any) -> None:
    """One JSON value on stdout, readable."""
    click.echo(harmless_json(json.dumps(value, indent=2, ensure_ascii=not shows_unicode())))


def print_lines(lines: Iterable[str], *, are_json: bool) -> None:
    """Lines of JSON or CSV on stdout; no text in them upsets a terminal. Who reads CSV elsewhere gets it as it is."""
    shown = harmless_json if are_json else one_line if sys.stdout.isatty() else str
    for line in lines:
        click.echo(shown(line))


def shows_unicode() -> bool:
    """Whether stdout takes every character; JSON of a code page, or with its escapes, is none."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def wanted_color() -> bool | None:
    """False where the environment asks for none (no-color.org), else None: click looks at the stream."""
    return False if Environment.read().no_color else None


def print_marked(word: str, color: str, text: str, *more: str) -> None:
    """`error: ` and the like with its text on stderr, in colour where that is welcome; `more` in lines below.

    On a terminal lines are wrapped to its width; elsewhere each stays one, for whoever searches a log.
    """
    mark = f"{word}: "
    indent = " " * len(mark)
    click.secho(mark, nl=False, fg=color, bold=True, err=True, color=wanted_color())
    click.echo(_fitted(harmless(text), indent, first=len(mark)), err=True)
    for line in filter(None, more):
        click.echo(indent + _fitted(harmless(line), indent, first=len(indent)), err=True)


def _fitted(text: str, indent: str, *, first: int) -> str:
    """A text whose first line begins after `first` characters; lines of its own keep their own indent."""
    if not sys.stderr.isatty():
        return text
    width = shutil.get_terminal_size().columns
    paragraphs = [
        wrapped(line, width, indent=" " * first if number == 0 else "", hanging=indent)
        for number, line in enumerate(text.split("\n"))
    ]
    return "\n".join(paragraphs)[first:]


def wrapped(text: str, width: int, *, indent: str, hanging: str) -> str:
    """Whole words on lines of this width, the first after `indent`, the others after `hanging`."""
    return textwrap.fill(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=hanging,
        break_long_words=False,
        break_on_hyphens=False,
    )


def say(text: str, *, hanging: str = "", color: str | None = None) -> None:
    """A sentence on stdout, wrapped on a terminal, later lines after `hanging`."""
    fits = shutil.get_terminal_size().columns if sys.stdout.isatty() else len(text) + 1
    click.secho(wrapped(text, fits, indent="", hanging=hanging), fg=color, color=wanted_color())


def print_warning(text: str) -> None:
    """One warning on stderr."""
    print_marked("warning", "yellow", text)


class Progress:
    """A line on a terminal that says what is being done, gone when it is done; silent elsewhere."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled and sys.stderr.isatty()
        self._shown = False

    def __call__(self, what: str, *, more: str = " ...") -> None:
        """Show what is being done now."""
        if self._enabled:
            text = f"{harmless(what)}{more}"[: shutil.get_terminal_size().columns - 1]
            click.echo(f"\r\x1b[2K{text}", nl=False, err=True)
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[2K", nl=False, err=True)
            self._shown = False
