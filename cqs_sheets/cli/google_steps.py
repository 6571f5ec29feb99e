"""The way to a Google Sheet, step by step: who writes to it, and with whom it has to be shared."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from cqs_sheets.cli.asking import ask_choice, ask_text
from cqs_sheets.cli.targets import config_folder
from cqs_sheets.config import process_environ
from cqs_sheets.config.environment import name_google_credentials
from cqs_sheets.config.places import absolute, path_problem
from cqs_sheets.destinations.google.credentials_file import read_credentials_file

_CONSOLE = "https://console.cloud.google.com"
_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_SERVICE_ACCOUNT = f"""
A service account is a robot with an e-mail address of its own; best for anything that runs by itself.
  1. Open {_CONSOLE}, make a project.
  2. APIs & Services, Library: turn on "Google Sheets API".
  3. IAM & Admin, Service Accounts: create one. It needs no role.
  4. In it: Keys, Add key, JSON. A file is downloaded; put it where only you can read it."""
_FEDERATION = """
Workload Identity Federation needs no key at all: GitHub Actions or another cloud vouches for the run.
  1. Make a service account as above, without a key.
  2. IAM & Admin, Workload Identity Federation: make a pool and a provider for where it runs.
  3. Let the provider act as the account (role Workload Identity User).
  4. On GitHub, google-github-actions/auth makes the file; elsewhere download its configuration."""
_YOURSELF = f"""
Signed in as yourself, nothing has to be shared, but you do it anew when Google forgets it: after 7 days
while your Google project is in testing. Google's own gcloud may no longer ask for this on your behalf.
  1. Open {_CONSOLE}, make a project, and turn on "Google Sheets API".
  2. Google Auth Platform, Audience: external, and add yourself as a test user.
  3. Google Auth Platform, Clients: create one of the type Desktop app, and download its JSON file."""


def prepare_google(credentials: Path | None, client: Path | None, *, asking: bool) -> None:
    """Sign in as the options or the person say. Raises UsageError or AccessRefused."""
    given = process_environ().get(_VARIABLE)
    if client:
        _sign_in(client)
    elif credentials or given:
        _use(credentials or Path(given or ""), named=credentials is None)
    elif asking:
        _ask()
    else:
        click.echo(
            f"Google: set {_VARIABLE} to a service account's file; `cqs-sheets init` on a terminal explains."
        )


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
        click.echo(texts[picked] + "\n")
        text = ask_text("That file (empty: later)", default="", problem=_problem)
        if text:
            path = absolute(text, Path.cwd())
            _sign_in(path) if picked == 2 else _use(path, named=False)  # noqa: PLR2004 - the third of the list


def _problem(text: str) -> str | None:
    if not text:
        return None
    return path_problem(text) or (None if absolute(text, Path.cwd()).is_file() else "There is no such file.")


def _use(path: Path, *, named: bool) -> None:
    """Tell whom to share with, and use the file for what follows."""
    found = read_credentials_file(path)
    click.echo(f"Google: {found.kind}.")
    if found.account:
        click.secho(f"Share the sheet with {found.account} as an editor (button Share).", bold=True)
    if not named:
        name_google_credentials(path.absolute())
        click.echo(f"For every later run, set {_VARIABLE}={path.absolute()} in your environment.")


def _sign_in(path: Path) -> None:
    from cqs_sheets.destinations.google.auth import save_token  # noqa: PLC0415 - google-auth is slow to import
    from cqs_sheets.destinations.google.signing_in import read_client, sign_in  # noqa: PLC0415

    token = save_token(config_folder(), sign_in(read_client(path), _open_page))
    click.echo(f"Signed in. The token is in {token}, for your eyes only.")


def _open_page(address: str) -> None:
    click.echo(f"Allow access in the browser; if none opens, go to:\n{address}")
    webbrowser.open(address)
