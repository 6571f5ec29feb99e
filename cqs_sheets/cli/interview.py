"""What init asks a person: what goes into the config, who writes to a Google Sheet, where the key is kept."""

from __future__ import annotations

import os
import webbrowser
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

import click

from cqs_sheets import config
from cqs_sheets.cli.terminal.output import say
from cqs_sheets.cli.terminal.prompts import ask_choice, ask_several, ask_text, explain
from cqs_sheets.config import settings
from cqs_sheets.config.document import NewConfig
from cqs_sheets.config.key import USABLE
from cqs_sheets.config.rules import command_words
from cqs_sheets.config.values import problem_of, zone
from cqs_sheets.core.signals.exchanges import CURRENCIES, EXCHANGES, FUTURES, TYPES
from cqs_sheets.core.signals.query import currency_problem, exchange_problem, type_problem
from cqs_sheets.destinations.google.wire.auth import read_credentials_file
from cqs_sheets.errors import CqsError, UsageError
from cqs_sheets.files import writing
from cqs_sheets.run import config_folder
from cqs_sheets.template_files import built_in, load_template
from cqs_sheets.values import dataclass

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
    from cqs_sheets.destinations.google.wire.auth import signed_in  # noqa: PLC0415 - google-auth is slow to import

    given = config.process_environ().get(_VARIABLE)
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
            path = settings.absolute(text, Path.cwd())
            _sign_in(path) if oneself else _use(path, named=False, asking=True)


def _problem(text: str, *, oneself: bool) -> str | None:
    from cqs_sheets.destinations.google.wire.signing_in import read_client  # noqa: PLC0415 - google-auth is slow to import

    if not text:
        return None
    if unusable := settings.path_problem(text):
        return unusable
    path = settings.absolute(text, Path.cwd())
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
        settings.name_google_credentials(path.absolute())
        say(f"For every later run, set {_VARIABLE}={path.absolute()} in your environment.")


def _sign_in(path: Path) -> None:
    from cqs_sheets.destinations.google.wire.auth import save_token  # noqa: PLC0415 - google-auth is slow to import
    from cqs_sheets.destinations.google.wire.signing_in import read_client, sign_in  # noqa: PLC0415

    token = save_token(config_folder(), sign_in(read_client(path), _open_page))
    say(f"Signed in. The token is in {token}, for your eyes only.")


def _open_page(address: str) -> None:
    click.echo(f"Allow access in the browser; if none opens, go to:\n{address}")
    webbrowser.open(address)


_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions:
    """What init may be told; what is None or empty is asked for on a terminal, or gets its default."""

    config: Path | None
    to: str | None
    template: str | None
    exchange: tuple[str, ...]
    currency: tuple[str, ...]
    type: tuple[str, ...]
    timezone: str | None
    account_size: Decimal | None
    key_file: str | None
    key_command: str | None
    google_credentials: Path | None
    google_client: Path | None
    github: bool
    action: str | None
    sandbox: bool
    first_sync: bool | None
    yes: bool
    force: bool


class KeyPlace(NamedTuple):
    """What the config says of the key; both empty: the environment, or the free signals."""

    file: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Interview:
    """`options` are the command's; without `asking`, what they leave open gets its default.

    `folder` is the config's: its paths are relative to it.
    """

    options: InitOptions
    asking: bool
    folder: Path

    def answers(self) -> NewConfig:
        """Everything that the config says."""
        given = self.options
        to = self._given(given.to, settings.DEFAULT_TARGET, _ask_target)
        template = self._given(given.template, settings.DEFAULT_TEMPLATE, _ask_template)
        exchange = self._given(given.exchange, (), _ask_exchange)
        currency = self._given(given.currency, (), _ask_currency)
        kinds = self._given(given.type, (), _ask_type)
        timezone = self._given(given.timezone, config.machine_zone(), _ask_zone)
        key = self._key()
        return NewConfig(
            to=to, template=template, exchange=exchange, currency=currency, type=kinds,
            timezone=timezone, key_file=key.file, key_command=key.command,
        )  # fmt: skip

    def _given(self, given: _Answer | None, default: _Answer, ask: Callable[[], _Answer]) -> _Answer:
        if given:
            return given
        return ask() if self.asking else default

    def _key(self) -> KeyPlace:
        file, command = self.options.key_file or "", self.options.key_command or ""
        if file and not settings.absolute(file, self.folder).exists():
            self._make_key_file(settings.absolute(file, self.folder))
        known = file or command or config.process_environ().get("CQS_API_KEY")
        return _ask_key(self.folder) if self.asking and not known else KeyPlace(file=file, command=command)

    def _make_key_file(self, path: Path) -> None:
        if self.asking:
            _make_key_file(path)
            return
        raise UsageError(
            f"There is no key file {path}.",
            meaning="Nothing was asked and nothing was written.",
            hint="Make it first, with your subscription ID alone in it, or give --key-command.",
        )


def _ask_target() -> str:
    if ask_choice("Where should the signals go?", ["An Excel workbook", "A Google Sheet"]) == 0:
        return ask_text(
            "Which file? (a new one, or yours)", default=settings.DEFAULT_TARGET, problem=_workbook_problem
        )
    return ask_text("Its address (open the sheet in the browser and copy it)", problem=_sheet_problem)


def _workbook_problem(text: str) -> str | None:
    if Path(text).suffix.lower() not in (".xlsx", ".xlsm"):
        return "A workbook's name ends in .xlsx or .xlsm."
    return settings.place_problem(text)


def _sheet_problem(text: str) -> str | None:
    if not config.is_google(text):
        return "A sheet's address looks like https://docs.google.com/spreadsheets/d/..."
    return settings.place_problem(text)


def _ask_template() -> str:
    names = sorted(built_in(), key=lambda name: name != settings.DEFAULT_TEMPLATE)
    titles = [f"{name:<10} {load_template(name).title}" for name in names]
    return names[ask_choice("What should it look like?", titles, names)]


def _ask_exchange() -> tuple[str, ...]:
    click.secho("Which exchanges? Their codes, with commas between them.", bold=True)
    explain(f"Spot, e.g.: binance, kucoin, okx, kraken. Futures: {', '.join(FUTURES)}.")
    return ask_several("Exchanges", known=tuple(EXCHANGES), problem=exchange_problem)


def _ask_currency() -> tuple[str, ...]:
    click.secho("Which quote currencies?", bold=True)
    return ask_several("Currencies, e.g. USDT, BTC", known=CURRENCIES, problem=currency_problem)


def _ask_type() -> tuple[str, ...]:
    click.secho("Which horizons?", bold=True)
    explain(f"There are: {', '.join(TYPES)}.")
    return ask_several("Horizons", known=TYPES, problem=type_problem)


def _ask_zone() -> str:
    return ask_text("Time zone of the times you see", default=config.machine_zone(), problem=_zone_problem)


def _zone_problem(text: str) -> str | None:
    return problem_of(zone, text) or settings.path_problem(text)


def _ask_key(folder: Path) -> KeyPlace:
    """Ask how the key is kept; a new key file, relative to `folder`, is made for its owner's eyes only."""
    picked = ask_choice(
        "Which signals?",
        [
            "the free ones; no key needed",
            "premium; keep my subscription ID in a file that only I can read",
            "premium; a program prints it (a password manager)",
            "premium; I set CQS_API_KEY myself",
        ],
    )
    if picked == 1:
        text = ask_text("Which file?", default=str(config_folder() / "key"), problem=settings.path_problem)
        _make_key_file(settings.absolute(text, folder))
        return KeyPlace(file=text)
    if picked == 2:  # noqa: PLR2004 - the third of the list
        return KeyPlace(command=ask_text("Its command, e.g. pass show cqs", problem=_command_problem))
    return KeyPlace()


def _make_key_file(path: Path) -> None:
    """Ask for the key and keep it in a new file; one that is there is left as it is. Raises AccessRefused."""
    if path.exists():
        click.echo(f"{path} is there: it is used as it is.")
        return
    key = ask_text("Subscription ID (not shown as you type)", problem=_key_problem, hidden=True)
    with writing(
        path,
        meaning="Nothing was written; the key is kept nowhere.",
        hint="Run it again, and name another file.",
    ):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{key}\n")


def _command_problem(text: str) -> str | None:
    try:
        words = command_words(text)
    except ValueError as error:
        return f"It cannot be split into words: {error}."
    return None if words else "It is empty."


def _key_problem(key: str) -> str | None:
    return None if USABLE.fullmatch(key) else "A subscription ID is one word of plain letters and digits."
