"""`cqs-sheets service`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from cqs_sheets import service
from cqs_sheets.cli.options import Options, config_option, loudness_options, stack
from cqs_sheets.cli.session import session_of
from cqs_sheets.cli.terminal.output import print_warning
from cqs_sheets.config import home_folder, process_environ
from cqs_sheets.core.text import harmless
from cqs_sheets.errors import CqsError, TargetBusy, UsageError
from cqs_sheets.files import writing
from cqs_sheets.service import Action, RemoveFile, RunProgram, WriteFile
from cqs_sheets.service.managers import manager_here

_options = stack(
    click.option("--name", default=service.NAME, show_default=True, help="What it is called, if there are several."),
    click.option("--system", is_flag=True, help="Linux: of the whole system, not of a user; as root."),
    click.option("--dry-run", is_flag=True, help="Show the files and commands; change nothing."),
)  # fmt: skip


@click.group("service")
def service_command() -> None:
    """Let a watch run by itself: from log-in or boot on, without a terminal."""


@service_command.command("install")
@_options
@click.option("--every", default="60s", show_default=True, help="How often to sync, as of `watch`.")
@config_option
@loudness_options
def install_command(name: str, system: bool, dry_run: bool, every: str, **options: Any) -> None:
    """Install the watch of this config as a service, and start it.

    On Linux a user's systemd unit, on macOS a LaunchAgent, on Windows a task at log-on. Run it again to
    take over what changed.

    \b
    Examples:
      cqs-sheets service install --dry-run
      cqs-sheets service install
    """
    here = _manager(name, system=system)
    with session_of(Options(**options), serve=False) as session:
        spec = service.spec_of(
            session.settings, process_environ(), name=name, every=every, system=system,
            log_file=sys.platform in ("darwin", "win32"),
        )  # fmt: skip
    _carry_out(here.install(spec), dry_run=dry_run)
    if not dry_run:
        click.echo(
            f"{name} runs: `cqs-sheets service status` tells how it is, `cqs-sheets service logs` what it does."
        )


@service_command.command("uninstall")
@_options
def uninstall_command(name: str, system: bool, dry_run: bool) -> None:
    """Stop the service and take its files away.

    Config, journal and sheets stay.

    \b
    Example:
      cqs-sheets service uninstall
    """
    here = _installed(name, system=system)
    _carry_out(here.uninstall, dry_run=dry_run)
    if not dry_run:
        click.echo(f"{name} is stopped and taken away; config, journal, logs and sheets stay.")


@service_command.command("restart")
@_options
def restart_command(name: str, system: bool, dry_run: bool) -> None:
    """Start the service anew, so that it reads its config again.

    \b
    Example:
      cqs-sheets service restart
    """
    _carry_out(_installed(name, system=system).restart, dry_run=dry_run)
    if not dry_run:
        click.echo(f"{name} has been started anew.")


@service_command.command("status")
@_options
def status_command(name: str, system: bool, dry_run: bool) -> int:
    """Tell whether the service runs.

    Exit code 0 if it does, 75 if not.

    \b
    Example:
      cqs-sheets service status
    """
    here = _installed(name, system=system)
    if dry_run:
        _carry_out([RunProgram(here.is_running)], dry_run=True)
        return 0
    if service.runs(here):
        click.echo(f"{name} is running ({here.file}).")
        return 0
    click.echo(f"{name} is installed ({here.file}) and does not run: `cqs-sheets service logs` may say why.")
    return TargetBusy.exit_code


@service_command.command("logs")
@_options
@click.option(
    "--lines", default=50, show_default=True, type=click.IntRange(1, 100_000), help="How many of the last."
)
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
def logs_command(name: str, system: bool, dry_run: bool, lines: int, follow: bool) -> None:
    """Show what the service has told last.

    \b
    Example:
      cqs-sheets service logs --follow
    """
    here = _installed(name, system=system)
    command = here.logs(lines, follow=follow)
    if command:
        _carry_out([RunProgram(command)], dry_run=dry_run)
        return
    log = home_folder(process_environ(), Path.cwd()) / f"{name}.log"
    for file in (log, Path(f"{log}.err")):
        if dry_run:
            click.echo(f"read {file}")
        elif file.exists():
            text = file.read_text(encoding="utf-8", errors="replace").splitlines()
            click.echo("\n".join(map(harmless, text[-lines:])))


def _manager(name: str, *, system: bool) -> service.ServiceManager:
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(
            f"{name!r} is no name for a service.",
            meaning="Nothing was done.",
            hint="Use letters, digits, - and _ only, e.g. --name cqs-sheets.",
        )
    return manager_here(name, system=system)


def _installed(name: str, *, system: bool) -> service.ServiceManager:
    here = _manager(name, system=system)
    if here.file.exists():
        return here
    raise UsageError(
        f"No service {name!r} is installed: there is no {here.file}.",
        meaning="Nothing was done.",
        hint="`cqs-sheets service install` makes one; --name and --system tell which is meant.",
    )


def _carry_out(actions: Iterable[Action], *, dry_run: bool) -> None:
    """Do it all in order, or show it. Raises CqsError for the first that cannot be done."""
    for action in actions:
        if dry_run:
            _show(action)
        elif isinstance(action, RunProgram):
            _call(action)
        else:
            meaning = "The service is not as you asked for."
            hint = "With --system, run it as root; else make the folder writable for you."
            with writing(action.path, meaning=meaning, hint=hint):
                _change(action)


def _change(action: WriteFile | RemoveFile) -> None:
    if isinstance(action, RemoveFile):
        action.path.unlink(missing_ok=True)
        return
    action.path.parent.mkdir(parents=True, exist_ok=True)
    action.path.write_bytes(action.content)
    action.path.chmod(action.mode)


def _call(action: RunProgram) -> None:
    quiet, patience = action.otherwise is not None, None if "--follow" in action.words else service.PATIENCE
    try:
        done = subprocess.run(  # noqa: S603 - words of our own
            action.words, capture_output=quiet, timeout=patience, check=False
        )
        failed = f"ended with {done.returncode}" if done.returncode else ""
    except subprocess.TimeoutExpired:
        failed = "did not answer"
    except OSError as error:
        failed = f"cannot be started: {(error.strerror or 'unknown trouble').lower()}"
    if not failed:
        return
    if action.otherwise is not None:
        if action.otherwise:
            print_warning(action.otherwise)
        return
    raise _failure(action, failed)


def _failure(action: RunProgram, failed: str) -> CqsError:
    return TargetBusy(
        f"`{' '.join(action.words)}` {failed}.",
        meaning="The service is not as you asked for.",
        hint="A user's systemd needs a log-in of that user's own (not `su`); in a container or without systemd,"
        " run `cqs-sheets watch` by what is there (docs/unattended.md)."
        if action.words[0] == "systemctl"
        else "What it printed above says more.",
    )


def _show(action: Action) -> None:
    if isinstance(action, RunProgram):
        click.echo(f"$ {' '.join(action.words)}")
    elif isinstance(action, RemoveFile):
        click.echo(f"remove {action.path}")
    else:
        click.echo(f"write {action.path}")
        wide = action.content.startswith(b"\xff\xfe")
        text = action.content.decode("utf-16" if wide else "utf-8")
        click.echo("".join(f"    {line}\n" for line in text.splitlines()), nl=False)
