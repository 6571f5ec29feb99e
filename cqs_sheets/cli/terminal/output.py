"""Texts, marks, progress, failures and the log of a command; the one place that catches everything.

A line of the log file is a JSON object with `time` (UTC), `level`, `logger` and `message`; a sync's result
is one with `report`, as --json prints it.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Iterable
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from cqs_sheets.core.text import harmless, harmless_json, one_line
from cqs_sheets.errors import CqsError, UsageError
from cqs_sheets.files import writing

if TYPE_CHECKING:
    from cqs_sheets.core.report import Report

_BROKEN_PIPE_EXIT = 141  # what a shell shows for a writer whose reader went away
_HELP = getattr(click.exceptions, "NoArgsIsHelpError", ())  # newer clicks: a group alone shows its help
_EVERYTHING = logging.getLogger("cqs_sheets")
_REPORTS = logging.getLogger("cqs_sheets.report")
_REPORTS.propagate = False  # people are shown it already
_LEVELS = {"ok": logging.INFO, "degraded": logging.WARNING, "failed": logging.ERROR}


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
    from cqs_sheets.config import Environment  # noqa: PLC0415 - not needed to show help

    return False if Environment.read().no_color else None


def print_marked(word: str, color: str, text: str, *more: str) -> None:
    """`error: ` and the like with its text on stderr, in colour where that is welcome; `more` in lines below.

    On a terminal lines are wrapped to its width; elsewhere each stays one, for whoever searches a log.
    """
    mark = f"{word}: "
    indent = " " * len(mark)
    click.secho(mark, nl=False, fg=color, bold=True, err=True, color=wanted_color())
    click.echo(_fitted(harmless(text), indent).removeprefix(indent), err=True)
    for line in filter(None, more):
        click.echo(_fitted(harmless(line), indent), err=True)


def _fitted(text: str, indent: str) -> str:
    """A text behind an indent, and so is what is wrapped of it; lines of its own keep their own."""
    if not sys.stderr.isatty():
        return indent + text
    width = shutil.get_terminal_size().columns
    first, *rest = text.split("\n")
    lines = [wrapped(first, width, indent=indent, hanging=indent)]
    return "\n".join([*lines, *(wrapped(line, width, indent="", hanging=indent) for line in rest)])


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


def guarded(command: click.Command) -> None:
    """Run a click command and leave the process with the contract's exit code."""
    _let_everything_be_printed()
    try:
        result = command.main(standalone_mode=False)
        sys.stdout.flush()
        code = result if isinstance(result, int) else 0
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show() if isinstance(error, _HELP) else show(_in_our_voice(error))
        code = error.exit_code
    except CqsError as error:
        show(error)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort) as stop:
        click.echo(
            "\nStopped on request." if isinstance(stop, click.Abort) else "Stopped on request.", err=True
        )
        told = stop.__cause__ if isinstance(stop, click.Abort) else stop
        code = 128 + (told.args[0] if told and told.args else signal.SIGINT)
    except BrokenPipeError:
        _forget_output(sys.stdout)
        code = _BROKEN_PIPE_EXIT
    except Exception as error:  # noqa: BLE001 - the last resort: a bug must not show a traceback
        code = show_unexpected(error)
    sys.exit(code)


def show_unexpected(error: Exception) -> int:
    """A disk that failed where nothing closer tells of it, the output's own perhaps; or a bug."""
    from cqs_sheets.unexpected import explained  # noqa: PLC0415 - keeps --version fast

    if _is_broken_pipe(error):
        _forget_output(sys.stdout)
        return _BROKEN_PIPE_EXIT
    failure = explained(error)
    try:
        if isinstance(error, OSError):
            _forget_output(sys.stdout)
        show(failure)
    except OSError:  # nobody can be told
        _forget_output(sys.stderr)
    return failure.exit_code


def _is_broken_pipe(error: Exception) -> bool:
    """Windows calls a pipe whose reader went away an invalid argument."""
    told = isinstance(error, OSError) and error.errno == errno.EINVAL and error.filename is None
    return told and os.name == "nt"


def _forget_output(stream: TextIO) -> None:
    """Python flushes its streams on leaving, and would tell of their failure once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _let_everything_be_printed() -> None:
    """What a code page lacks becomes `?` on a console and its escape elsewhere, never a failure."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace" if sys.stdout.isatty() else "backslashreplace")


def show(error: CqsError) -> None:
    """What happened, what it means for the data, what to do: on stderr, a line each."""
    print_marked("error", "red", error.message, error.meaning, error.hint)


def _in_our_voice(error: click.ClickException) -> CqsError:
    """A command line that click refused."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"`{context.command_path} --help` tells what there is." if context else ""
    return UsageError(error.format_message(), meaning="Nothing was asked and nothing was written.", hint=hint)


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        report = getattr(record, "report", None)
        return harmless_json(json.dumps(line | ({"report": report} if report else {}), ensure_ascii=False))


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return one_line(record.getMessage())


def set_up_logging(*, verbose: bool, quiet: bool) -> None:
    """Send the library's log to stderr: everything with -v, only errors with -q."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s", force=True)
    logging.getLogger().handlers[0].setLevel(level)
    logging.getLogger().handlers[0].setFormatter(_Line())
    logging.getLogger("cqs_sheets").setLevel(level)


def log_to(path: Path) -> None:
    """Append all that is logged from now on to a file. Raises AccessRefused if it cannot be written."""
    meaning, hint = (
        "Nothing was asked and nothing was written.",
        "Name another with --log-file, or leave it out.",
    )
    with writing(path, meaning=meaning, hint=hint):
        handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_JsonLine())
    for logger in (_EVERYTHING, _REPORTS):
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)


def log_report(report: Report) -> None:
    """Note a sync's result in the log file, if there is one."""
    if _REPORTS.handlers:
        from cqs_sheets.core.render import report_lines  # noqa: PLC0415 - not needed to show help

        message = " ".join(report_lines(report))
        _REPORTS.log(_LEVELS[report.outcome], "%s", message, extra={"report": report.as_json()})
