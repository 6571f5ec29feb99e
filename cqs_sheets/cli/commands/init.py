"""`cqs-sheets init`: answers, the config, Google, the workflow, a look by the doctor, the first sync."""

from __future__ import annotations

import sys
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from cqs_sheets import config
from cqs_sheets.cli.commands.doctor import examine
from cqs_sheets.cli.commands.sync import sync_once
from cqs_sheets.cli.interview import InitOptions, answers, ask_size, ask_text, prepare_google
from cqs_sheets.cli.options import AMOUNT, SyncOptions, complete_template, config_option, filter_options
from cqs_sheets.cli.session import session_of
from cqs_sheets.cli.terminal.output import say
from cqs_sheets.config.document import config_text
from cqs_sheets.config.settings import absolute
from cqs_sheets.core.plan.plan import SETTING_VALUE, Plan, Update
from cqs_sheets.core.templates.template import Setting, Template
from cqs_sheets.errors import UsageError
from cqs_sheets.files import replacing
from cqs_sheets.github import workflow
from cqs_sheets.run import opened_targets
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template

_EQUITY = "Equity"  # the cell of the sheet's Settings that holds the account's size

_path = click.Path(path_type=Path)


@click.command("init")
@config_option
@click.option("--to", default="", metavar="TARGET", help="An .xlsx file, or a Google Sheet's address or id.")
@click.option("--template", default="", metavar="NAME|FILE", shell_complete=complete_template,
              help="What the sheet looks like; default: signals.")  # fmt: skip
@filter_options
@click.option("--timezone", default="", metavar="ZONE", help="How times are shown; default: this computer's.")
@click.option("--account-size", type=AMOUNT, metavar="AMOUNT",
              help="Your account size; goes into the sheet's Settings after the first sync.")  # fmt: skip
@click.option("--key-file", default="", metavar="FILE", help="A file with your subscription ID alone.")
@click.option(
    "--key-command", default="", metavar="COMMAND", help="A program that prints your subscription ID."
)
@click.option("--google-credentials", type=_path, metavar="FILE",
              help="A service account's file, or one of Workload Identity Federation.")  # fmt: skip
@click.option("--google-client", type=_path, metavar="FILE",
              help="Sign in as yourself, with the file of a Desktop app client of yours.")  # fmt: skip
@click.option("--github", is_flag=True, help="Write .github/workflows/cqs-sheets.yml as well.")
@click.option(
    "--action",
    metavar="OWNER/REPO@COMMIT",
    help="With --github: the repository that you got cqs-sheets from, and its commit.",
)
@click.option("--sandbox", is_flag=True, help="Try it with invented signals.")
@click.option(
    "--sync/--no-sync", "first_sync", default=None, help="Do the first sync, or leave it; default: ask."
)
@click.option("--yes", is_flag=True, help="Ask nothing; defaults for what no option says.")
@click.option("--force", is_flag=True, help="Replace files that are there already.")
def init_command(**options: Any) -> int:
    """Write cqs-sheets.toml, step by step; with --github, the workflow too.

    On a terminal it asks for what no option says. Then it tries the config as `cqs-sheets doctor` does,
    and offers the first sync. Your key is never written into the config.

    \b
    Examples:
      cqs-sheets init
      cqs-sheets init --yes --to my-trades.xlsx --exchange binance_futures --timezone Europe/Berlin
      cqs-sheets init --github --action OWNER/cqs-sheets@COMMIT
    """
    given = InitOptions(**options)
    asking = sys.stdin.isatty() and sys.stdout.isatty() and not given.yes
    path = _config_path(given.config)
    if not (given.github and path.exists() and not given.force):
        _write_config(path, given, asking=asking)
    settings = config.load(config=path, environ=config.process_environ(), cwd=Path.cwd())
    _prepare_google(settings, given, asking=asking)
    if given.github:
        _write_workflow(settings, given, asking=asking)
        return 0
    return _try_out(path, settings, given, asking=asking)


def _try_out(path: Path, settings: config.Settings, options: InitOptions, *, asking: bool) -> int:
    """The doctor's look, and the first sync if it is wanted; its exit code, or what the doctor says that would be."""
    later = SyncOptions(config=path, sandbox=options.sandbox)
    size, wanted = options.account_size, options.first_sync
    if asking and size is None and _computes_sizes(settings):
        size = ask_size("Your account size, which position sizes are computed from (0: later)")
    click.echo()
    found = examine(later)
    if wanted is None:
        wanted = asking and click.confirm("Do the first sync now?", default=found == 0)
    code = sync_once(later) if wanted else found
    if wanted and size and code == 0:
        _write_account_size(later, size)
    else:
        _tell_where(settings)
    if not wanted:
        _tell_what_is_next(path)
    return code


def _prepare_google(settings: config.Settings, options: InitOptions, *, asking: bool) -> None:
    """An emulator takes anybody, and a run on GitHub signs in there."""
    file, client = options.google_credentials, options.google_client
    here = any(target.place.spreadsheet for target in settings.targets) and not options.github
    if file or client or (here and settings.sheets_url is None):
        prepare_google(file, client, asking=asking)


def _write_workflow(settings: config.Settings, options: InitOptions, *, asking: bool) -> None:
    """Write the workflow into this repository, and tell what it needs there. Raises UsageError."""
    root = workflow.repository(Path.cwd())
    path = root / workflow.WORKFLOW_FILE
    if path.exists() and not options.force:
        raise UsageError(
            f"{path} exists already.", meaning="It was left as it is.", hint="Replace it with --force."
        )
    action = options.action or workflow.installed_action() or _asked_action(asking=asking)
    former = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    _write_new(path, workflow.workflow_text(settings, root, action, former))
    click.echo(f"Wrote {path}.\n")
    for line in workflow.needs(settings):
        click.echo(line)


def _asked_action(*, asking: bool) -> str:
    if asking:
        return ask_text(
            "Where is this project's action? (OWNER/REPO@COMMIT)", problem=workflow.action_problem
        )
    raise UsageError(
        "Which repository holds this project's action is not known.",
        meaning="The workflow was not written.",
        hint="Give --action OWNER/REPO@COMMIT: the repository on GitHub that you got cqs-sheets from, and the 40"
        " digits of a commit there. A release knows them, and so does a clone whose commit is pushed.",
    )


def _computes_sizes(settings: config.Settings) -> bool:
    return any(_account_setting(load_template(target.template)) for target in settings.targets)


def _tell_what_is_next(path: Path) -> None:
    found_alone = path == _config_path(None)
    named = "" if found_alone else f" --config {path}"
    say(f"Next: cqs-sheets sync{named}, or cqs-sheets watch{named} to keep it going.")


def _config_path(given: Path | None) -> Path:
    """Where a later sync will look for it."""
    named = given or config.process_environ().get("CQS_CONFIG") or config.FILE_NAME
    return absolute(str(named), Path.cwd())


def _write_config(path: Path, options: InitOptions, *, asking: bool) -> None:
    if path.exists() and not options.force:
        replace = asking and click.confirm(f"{path} exists already. Replace it?", default=False)
        if not replace:
            raise UsageError(
                f"{path} exists already.",
                meaning="It was left as it is.",
                hint="Name another file with --config, or replace it with --force.",
            )
    new = answers(options, path.parent, asking=asking)
    load_template(new.template)
    _write_new(path, config_text(new, path.parent))
    say(f"Wrote {path}: every setting is explained in it.")


def _write_new(path: Path, text: str) -> None:
    """Put a text file in its place, with its folder if need be. Raises AccessRefused."""
    with replacing(path, hint="Run it in a folder of yours, or name another file with --config.") as staged:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(text, encoding="utf-8", newline="\n")


def _account_setting(template: Template) -> Setting | None:
    """The setting that position sizes are computed from, if the template has it."""
    tab = template.settings_tab
    return next((each for each in tab.settings if each.name == _EQUITY), None) if tab else None


def _write_account_size(options: SyncOptions, size: Decimal) -> None:
    """Write it into every target that has the setting. Raises CqsError as destinations do."""
    with (
        session_of(options, serve=False, tell=False) as session,
        opened_targets(session, force=False) as targets,
    ):
        for each in session.settings.targets:
            target = targets.open(each)
            tab = target.template.settings_tab
            if tab is None or _account_setting(target.template) is None:
                continue
            table = read_target(target.destination, target.template, {}, each.tabs)
            change = Update(tab=tab.name, key=_EQUITY, column=SETTING_VALUE, old=None, new=size)
            sequence = (table.sequence or 0) + 1
            plan = Plan(snapshot=table, sequence=sequence, word=uuid.uuid4().hex[:12], updates=(change,))
            target.destination.apply(plan)
            click.echo(f"{each.name}: {_EQUITY} in the tab {tab.name} is {size:,f} now.")


def _tell_where(settings: config.Settings) -> None:
    """Where to type it."""
    for each in settings.targets:
        template = load_template(each.template)
        setting, tab = _account_setting(template), template.settings_tab
        if setting and tab:
            say(
                f"Position sizes: your account size goes into {_EQUITY} in the tab {tab.name}"
                f" (it says {setting.value:,} at first)."
            )
            return
