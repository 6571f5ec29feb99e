"""The way to a Google Sheet, step by step: who writes to it, and with whom it has to be shared."""

from __future__ import annotations

import webbrowser
from functools import partial
from pathlib import Path

import click

from cqs_sheets.cli.terminal.output import say
from cqs_sheets.cli.terminal.prompts import ask_choice, ask_text
from cqs_sheets.config import process_environ
from cqs_sheets.config.environment import name_google_credentials
from cqs_sheets.config.places import absolute, path_problem
from cqs_sheets.destinations.google.account.credentials_file import read_credentials_file
from cqs_sheets.errors import CqsError
from cqs_sheets.run.wiring import config_folder

_CONSOLE = "https://console.cloud.google.com"
_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_SERVICE_ACCOUNT = f"""
A service account is a robot with an e-mail address: best for unattended runs.
  1. Open {_CONSOLE} and make a project.
  2. APIs & Services, Library: turn on "Google Sheets API".
  3. IAM & Admin, Service Accounts: create one. It needs no role.
  4. In it: Keys, Add key, JSON. A file is downloaded; keep it to yourself.
"""
_FEDERATION = """
Workload Identity Federation: GitHub Actions or a cloud vouches, without a key.
  1. Make a project with the Google Sheets API on, and a service account in it.
  2. IAM & Admin, Workload Identity Federation: make a pool and a provider.
  3. Let the provider act as the account (role Workload Identity User).
  4. On GitHub, google-github-actions/auth makes the file; elsewhere download
     its configuration.
"""
_YOURSELF = f"""
Signed in as yourself, you share nothing, but sign in anew when Google forgets:
after 7 days while your Google project is in testing.
  1. Open {_CONSOLE}, make a project.
  2. APIs & Services, Library: turn on "Google Sheets API".
  3. Google Auth Platform, Audience: external; add yourself as a test user.
  4. Clients: create one of the type Desktop app, and download its JSON file.
"""


def prepare_google(credentials: Path | None, client: Path | None, *, asking: bool) -> None:
    """Sign in as the options or the person say. Raises UsageError or AccessRefused."""
    from cqs_sheets.destinations.google.account.auth import signed_in  # noqa: PLC0415 - google-auth is slow to import

    given = process_environ().get(_VARIABLE)
    if client:
        _sign_in(client)
    elif credentials or given:
        _use(credentials or Path(given or ""), named=credentials is None, asking=asking)
    elif signed_in(config_folder()):
        click.echo("Google: you are signed in already.")
    elif asking:
        _ask()
    else:
        say(f"Google: set {_VARIABLE} to a service account's file; `cqs-sheets init` on a terminal explains.")


def _ask() -> None:
    picked = ask_choice(
        "Who writes to the sheet?",
        [
            "a service account (recommended)",
            "Workload Identity Federation, on GitHub Actions or in a cloud",
            "I myself, signed in with my Google account",
            "that is set up already, or comes later",
        ],
    )
    texts = (_SERVICE_ACCOUNT, _FEDERATION, _YOURSELF)
    if picked < len(texts):
        click.echo(texts[picked])
        oneself = picked == 2  # noqa: PLR2004 - the third of the list
        text = ask_text(
            "Where is that file? (empty: later)", default="", problem=partial(_problem, oneself=oneself)
        )
        if text:
            path = absolute(text, Path.cwd())
            _sign_in(path) if oneself else _use(path, named=False, asking=True)


def _problem(text: str, *, oneself: bool) -> str | None:
    from cqs_sheets.destinations.google.account.signing_in import read_client  # noqa: PLC0415 - google-auth is slow to import

    if not text:
        return None
    if unusable := path_problem(text):
        return unusable
    path = absolute(text, Path.cwd())
    if not path.is_file():
        return "There is no such file."
    try:
        read_client(path) if oneself else read_credentials_file(path)
    except CqsError as error:
        return f"{error.message} {error.hint}"
    return None


def _nothing(text: str) -> None:
    """Any answer will do."""
    del text


def _use(path: Path, *, named: bool, asking: bool) -> None:
    """Tell whom to share with, and use the file for what follows."""
    found = read_credentials_file(path)
    click.echo(f"Google: {found.kind}.")
    if found.account:
        click.secho(f"Share the sheet with {found.account} as an editor (button Share).", bold=True)
        if asking:
            ask_text("Press Enter when that is done", default="", problem=_nothing)
    if not named:
        name_google_credentials(path.absolute())
        say(f"For every later run, set {_VARIABLE}={path.absolute()} in your environment.")


def _sign_in(path: Path) -> None:
    from cqs_sheets.destinations.google.account.auth import save_token  # noqa: PLC0415 - google-auth is slow to import
    from cqs_sheets.destinations.google.account.signing_in import read_client, sign_in  # noqa: PLC0415

    token = save_token(config_folder(), sign_in(read_client(path), _open_page))
    say(f"Signed in. The token is in {token}, for your eyes only.")


def _open_page(address: str) -> None:
    click.echo(f"Allow access in the browser; if none opens, go to:\n{address}")
    webbrowser.open(address)
