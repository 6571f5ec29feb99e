"""The one place that catches: every failure becomes its message, its exit code, and no traceback."""

from __future__ import annotations

import errno
import os
import sys
import time
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import click

from cqs_sheets import __version__
from cqs_sheets.cli.terminal.log import log_report
from cqs_sheets.cli.terminal.output import harmless, print_json, print_warning
from cqs_sheets.config import Environment
from cqs_sheets.core.render import report_lines
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy, UsageError
from cqs_sheets.github import tell_github
from cqs_sheets.run.sync import SyncResult

_SAFE = "Every step is safe to repeat: what was caught is in the journal, your sheets are whole."
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL_OR_FAILED = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_AWAY = tuple(  # a mount that dropped out; not every system has every name
    getattr(errno, name)
    for name in ("ENOTCONN", "ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT", "EINTR", "ENODEV", "ENXIO")
    if hasattr(errno, name)
)
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
    if _is_broken_pipe(error):
        _forget_output(sys.stdout)
        return _BROKEN_PIPE_EXIT
    failure = _of_the_disk(error) if isinstance(error, OSError) else None
    try:
        if failure is None:
            return _show_bug(error)
        _forget_output(sys.stdout)
        show(failure)
    except OSError:  # nobody can be told
        _forget_output(sys.stderr)
    return failure.exit_code if failure else 1


def _is_broken_pipe(error: Exception) -> bool:
    """Windows calls a pipe whose reader went away an invalid argument."""
    told = isinstance(error, OSError) and error.errno == errno.EINVAL and error.filename is None
    return told and os.name == "nt"


def _of_the_disk(error: OSError) -> CqsError | None:
    if error.errno not in (*_REFUSED, *_FULL_OR_FAILED, *_AWAY):
        return None
    refused = error.errno in _REFUSED
    kind: type[CqsError] = AccessRefused if refused else TargetBusy
    place = f"The file {error.filename}" if error.filename else "The output"
    return kind(
        f"{place} cannot be written: {error.strerror}.",
        meaning=_SAFE,
        hint="Make it writable for you, then run it again."
        if refused
        else "Free some space, or look after the disk, then run it again.",
        kind="disk",
    )


def _forget_output(stream: TextIO) -> None:
    """Python flushes its streams on leaving, and would tell of their failure once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _let_everything_be_printed() -> None:
    """What a code page lacks becomes `?` on a console and its escape elsewhere, never a failure."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace" if sys.stdout.isatty() else "backslashreplace")


def show(error: CqsError) -> None:
    """What happened, what it means for the data, what to do: on stderr, a line each."""
    from cqs_sheets.cli.terminal.output import print_marked  # noqa: PLC0415 - keeps --version fast

    print_marked("error", "red", error.message, error.meaning, error.hint)


def _in_our_voice(error: click.ClickException) -> CqsError:
    """A command line that click refused."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"`{context.command_path} --help` tells what there is." if context else ""
    return UsageError(error.format_message(), meaning="Nothing was asked and nothing was written.", hint=hint)


def _show_bug(error: Exception) -> int:
    where = _write_crash_file(error)
    show(
        CqsError(
            f"A bug in cqs-sheets ({type(error).__name__}).",
            meaning=_SAFE,
            hint=f"Report it with {where}; it holds no key and no signal." if where else "Report it.",
        )
    )
    return 1


def _write_crash_file(error: Exception) -> Path | None:
    """The traceback, in a file only its owner can read.

    Places in the code only: neither messages nor values, as those could hold a key. None if it cannot
    be written.
    """
    import tempfile  # noqa: PLC0415 - keeps --version fast
    import traceback  # noqa: PLC0415

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


def show_result(result: SyncResult, environment: Environment, *, as_json: bool, quiet: bool) -> int:
    """Print the result where it belongs, GitHub's page included; returns the exit code."""
    print_result(result, as_json=as_json, quiet=quiet)
    tell_github(result.report, environment)
    return result.report.exit_code


def print_result(result: SyncResult, *, as_json: bool, quiet: bool) -> None:
    """The result on stdout, warnings and errors on stderr."""
    report = result.report
    log_report(report)
    if as_json:
        print_json(report.as_json())
    elif not quiet:
        _show_plans(result)
        for line in report_lines(report):
            click.echo(harmless(line))
    if not quiet:
        for warning in report.warnings:
            print_warning(warning)
    for error in report.errors:
        show(error)


def _show_plans(result: SyncResult) -> None:
    if not result.report.dry_run:
        return
    from cqs_sheets.core.changes import plan_lines  # noqa: PLC0415 - for dry runs only

    for target, plan in result.plans.items():
        click.secho(harmless(target), bold=True)
        for line in plan_lines(plan):
            click.echo(f"  {harmless(line)}")
