"""The one place that catches: every failure becomes its message, its exit code, and no traceback."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

import click

from cqs_sheets import __version__
from cqs_sheets.errors import CqsError

_BROKEN_PIPE_EXIT = 141  # what a shell shows for a writer whose reader went away


def guarded(command: click.Command) -> None:
    """Run a click command and leave the process with the contract's exit code."""
    try:
        result = command.main(standalone_mode=False)
        sys.stdout.flush()
        code = result if isinstance(result, int) else 0
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.Abort:
        code = 130
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except CqsError as error:
        show(error)
        code = error.exit_code
    except KeyboardInterrupt:
        click.echo("Stopped on request.", err=True)
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = _BROKEN_PIPE_EXIT
    except Exception as error:  # noqa: BLE001 - the last resort: a bug must not show a traceback
        code = _show_bug(error)
    sys.exit(code)


def show(error: CqsError) -> None:
    """What happened, what it means for the data, what to do: on stderr, a line each."""
    click.secho("error: ", nl=False, fg="red", bold=True, err=True)
    click.echo(error.message, err=True)
    for line in (error.meaning, error.hint):
        if line:
            click.echo(f"       {line}", err=True)


def _show_bug(error: Exception) -> int:
    where = _crash_file(error)
    show(
        CqsError(
            f"A bug in cqs-sheets ({type(error).__name__}).",
            meaning="Every step is safe to repeat: what was caught is in the journal, your sheets are whole.",
            hint=f"Please report it with {where}; it holds no key and no signal."
            if where
            else "Please report it.",
        )
    )
    return 1


def _crash_file(error: Exception) -> Path | None:
    """The traceback, in a file only its owner can read.

    Places in the code only: neither messages nor values, as those could hold a key.
    """
    lines = [f"cqs-sheets {__version__}, Python {sys.version}, {sys.platform}\n"]
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}\n")
        lines.extend(traceback.StackSummary.extract(traceback.walk_tb(cause.__traceback__)).format())
        cause = cause.__cause__ or cause.__context__
    name = f"cqs-sheets-crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.txt"
    path = Path(tempfile.gettempdir()) / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError:
        return None
    return path
