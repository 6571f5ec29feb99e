"""What a person sees: the console, progress and the log, all on stderr; results go to stdout."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import click

from cqs_sheets.config.environment import Environment


def set_up_logging(*, verbose: bool, quiet: bool) -> None:
    """Send the library's log to stderr: everything with -v, only errors with -q."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s", force=True)
    logging.getLogger().handlers[0].setLevel(level)
    logging.getLogger("cqs_sheets").setLevel(level)


def print_json(value: Any) -> None:
    """One JSON value on stdout, readable."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def wanted_color() -> bool | None:
    """False where the environment asks for none (no-color.org), else None: click looks at the stream."""
    return False if Environment.read().no_color else None


def print_mark(word: str, color: str) -> None:
    """`error: ` and the like on stderr, in colour where that is welcome."""
    click.secho(f"{word}: ", nl=False, fg=color, bold=True, err=True, color=wanted_color())


def print_warning(text: str) -> None:
    """One warning on stderr."""
    print_mark("warning", "yellow")
    click.echo(text, err=True)


class Progress:
    """A line on a terminal that says what is being done, gone when it is done; silent elsewhere."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled and sys.stderr.isatty()
        self._shown = False

    def __call__(self, what: str) -> None:
        """Show what is being done now."""
        if self._enabled:
            click.echo(f"\r\x1b[2K{what} ...", nl=False, err=True)
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            click.echo("\r\x1b[2K", nl=False, err=True)
            self._shown = False
