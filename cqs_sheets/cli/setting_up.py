"""What `init` does: answers, the config, the account at Google, the workflow, a look by the doctor, a sync."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from cqs_sheets import config
from cqs_sheets.cli.account_size import account_setting, tell_where, write_account_size
from cqs_sheets.cli.asking import ask_size, ask_yes
from cqs_sheets.cli.examining import examine
from cqs_sheets.cli.google_steps import prepare_google
from cqs_sheets.cli.interview import Interview
from cqs_sheets.cli.new_file import write_new
from cqs_sheets.cli.output import say
from cqs_sheets.cli.syncing import sync_once
from cqs_sheets.cli.workflow_file import write_workflow
from cqs_sheets.config.places import absolute
from cqs_sheets.errors import UsageError
from cqs_sheets.template_files import load_template

_LATER = {
    "to": (), "template": None, "interval": None, "exchange": (), "currency": (), "types": (),
    "fix": False, "as_json": False, "dry_run": False, "restore": False, "force": False,
    "quiet": False, "verbose": False,
}  # fmt: skip


def set_up(options: Mapping[str, Any]) -> int:
    """Do it all; returns the exit code: 0 once the files are there, or the first sync's."""
    asking = sys.stdin.isatty() and sys.stdout.isatty() and not options["yes"]
    path = _config_path(options["config"])
    if not (options["github"] and path.exists() and not options["force"]):
        _write_config(path, options, asking=asking)
    settings = config.load(config=path, environ=config.process_environ(), cwd=Path.cwd())
    _prepare_google(settings, options, asking=asking)
    if options["github"]:
        write_workflow(settings, action=options["action"], force=options["force"], asking=asking)
        return 0
    return _try_out({**options, **_LATER, "config": path}, settings, options, asking=asking)


def _try_out(
    later: Mapping[str, Any], settings: config.Settings, options: Mapping[str, Any], *, asking: bool
) -> int:
    """The doctor's look, and the first sync if it is wanted."""
    size, wanted = options["account_size"], options["first_sync"]
    if asking and size is None and _computes_sizes(settings):
        size = ask_size("Your account size, which position sizes are computed from (0: later)")
    click.echo()
    healthy = examine(later) == 0
    if wanted is None:
        wanted = asking and ask_yes("Do the first sync now?", default=healthy)
    code = sync_once(later) if wanted else 0
    if wanted and size and code == 0:
        write_account_size(later, size)
    else:
        tell_where(settings)
    if not wanted:
        _tell_what_is_next(later["config"])
    return code


def _prepare_google(settings: config.Settings, options: Mapping[str, Any], *, asking: bool) -> None:
    """An emulator takes anybody, and a run on GitHub signs in there."""
    file, client = options["google_credentials"], options["google_client"]
    here = any(target.place.spreadsheet for target in settings.targets) and not options["github"]
    if file or client or (here and settings.sheets_url is None):
        prepare_google(file, client, asking=asking)


def _computes_sizes(settings: config.Settings) -> bool:
    return any(account_setting(load_template(target.template)) for target in settings.targets)


def _tell_what_is_next(path: Path) -> None:
    found_alone = path == _config_path(None)
    named = "" if found_alone else f" --config {path}"
    say(f"Next: cqs-sheets sync{named}, or cqs-sheets watch{named} to keep it going.")


def _config_path(given: Path | None) -> Path:
    """Where a later sync will look for it."""
    named = given or config.process_environ().get("CQS_CONFIG") or config.FILE_NAME
    return absolute(str(named), Path.cwd())


def _write_config(path: Path, options: Mapping[str, Any], *, asking: bool) -> None:
    if path.exists() and not options["force"]:
        replace = asking and ask_yes(f"{path} exists already. Replace it?", default=False)
        if not replace:
            raise UsageError(
                f"{path} exists already.",
                meaning="It was left as it is.",
                hint="Name another file with --config, or replace it with --force.",
            )
    answers = Interview(options, asking, path.parent).answers()
    load_template(answers.template)
    write_new(path, config.config_text(answers, path.parent))
    say(f"Wrote {path}: every setting is explained in it.")
