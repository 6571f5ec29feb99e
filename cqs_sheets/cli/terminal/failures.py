"""The one place that catches: every failure becomes its message, its exit code, and no traceback."""

from __future__ import annotations

import errno
import os
import sys
from io import TextIOWrapper
from typing import TextIO

import click

from cqs_sheets.cli.terminal.output import print_marked
from cqs_sheets.errors import CqsError, UsageError

_BROKEN_PIPE_EXIT = 141  # what a shell shows for a writer whose reader went away

_HELP = getattr(click.exceptions, "NoArgsIsHelpError", ())  # newer clicks: a group alone shows its help


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
        code = 130
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
