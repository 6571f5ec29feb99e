"""What init asks a person, and how: what goes into the config, who writes to a Google Sheet, where the key is kept."""

from __future__ import annotations

import os
import shutil
import webbrowser
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import Any

import click

from cqs_sheets import config
from cqs_sheets.cli.terminal.output import say, wrapped
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


def _use(path: Path, *, named: bool, asking: bool) -> None:
    """Tell whom to share with, and use the file for what follows."""
    found = read_credentials_file(path)
    click.echo(f"Google: {found.kind}.")
    if found.account:
        click.secho(f"Share the sheet with {found.account} as an editor (button Share).", bold=True)
        if asking:
            ask_text("Press Enter when that is done", default="")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class InitOptions(NewConfig):
    """What init may be told; what is None or empty is asked for on a terminal, or gets its default."""

    config: Path | None
    account_size: Decimal | None
    google_credentials: Path | None
    google_client: Path | None
    github: bool
    action: str | None
    sandbox: bool
    first_sync: bool | None
    yes: bool
    force: bool


def answers(given: InitOptions, folder: Path, *, asking: bool) -> NewConfig:
    """Everything that the config in `folder` says; without `asking`, what was not given gets its default.

    Raises UsageError, or AccessRefused for a key file that cannot be made.
    """
    usual = NewConfig(timezone=config.machine_zone())
    found: dict[str, Any] = {
        name: getattr(given, name) or (ask() if asking else getattr(usual, name))
        for name, ask in _QUESTIONS.items()
    }
    return NewConfig(**found, **_key(given, folder, asking=asking))


def _key(given: InitOptions, folder: Path, *, asking: bool) -> dict[str, Any]:
    """What the config says of the key; nothing: the environment, or the free signals."""
    path = settings.absolute(given.key_file, folder)
    if given.key_file and not path.exists():
        if not asking:
            raise UsageError(
                f"There is no key file {path}.",
                meaning="Nothing was asked and nothing was written.",
                hint="Make it first, with your subscription ID alone in it, or give --key-command.",
            )
        _make_key_file(path)
    known = given.key_file or given.key_command or config.process_environ().get("CQS_API_KEY")
    if asking and not known:
        return _ask_key(folder)
    return {"key_file": given.key_file, "key_command": given.key_command}


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
    return ask_text(
        "Time zone of the times you see", default=config.machine_zone(), problem=partial(problem_of, zone)
    )


_QUESTIONS: Mapping[str, Callable[[], str | tuple[str, ...]]] = {
    "to": _ask_target, "template": _ask_template, "exchange": _ask_exchange, "currency": _ask_currency,
    "type": _ask_type, "timezone": _ask_zone,
}  # fmt: skip
"""What is asked for each setting of a new config, in this order."""


def _ask_key(folder: Path) -> dict[str, str]:
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
        return {"key_file": text}
    if picked == 2:  # noqa: PLR2004 - the third of the list
        return {"key_command": ask_text("Its command, e.g. pass show cqs", problem=_command_problem)}
    return {}


def _make_key_file(path: Path) -> None:
    """Ask for the key and keep it in a new file; one that is there is left as it is. Raises AccessRefused."""
    if path.exists():
        click.echo(f"{path} is there: it is used as it is.")
        return
    key = ask_text("Subscription ID (not shown as you type)", problem=_key_problem, hidden=True)
    meaning, hint = "Nothing was written; the key is kept nowhere.", "Run it again, and name another file."
    with writing(path, meaning=meaning, hint=hint):
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


Validator = Callable[[str], str | None]
"""Why an answer cannot be used, or None."""


def ask_text(
    question: str, *, default: str | None = None, problem: Validator = lambda _: None, hidden: bool = False
) -> str:
    """A text; asked again, with the reason, until there is nothing against it."""
    while True:
        answer: str = click.prompt(
            question, default=default, show_default=bool(default), hide_input=hidden
        ).strip()
        wrong = problem(answer)
        if wrong is None:
            return answer
        explain(wrong, color="yellow")


def ask_several(question: str, *, known: Sequence[str], problem: Validator) -> tuple[str, ...]:
    """Texts with commas between them, none for all; one of `known` may be spelt in any case."""
    spelt = {each.casefold(): each for each in known}

    def texts(answer: str) -> tuple[str, ...]:
        parts = (part.strip() for part in answer.split(","))
        return tuple(spelt.get(part.casefold(), part) for part in parts if part and part != "all")

    def wrong(answer: str) -> str | None:
        return next((found for text in texts(answer) if (found := problem(text))), None)

    return texts(ask_text(question, default="all", problem=wrong))


def ask_choice(question: str, choices: Sequence[str], names: Sequence[str] = ()) -> int:
    """The position of one of a few, the first being the default; by its number, or by its name if they have some."""
    click.secho(question, bold=True)
    for number, text in enumerate(choices, start=1):
        click.echo(f"  {number}  {text}")
    positions = {str(at): at - 1 for at in range(1, len(choices) + 1)}
    positions |= {name.casefold(): at for at, name in enumerate(names)}
    wanted = f"a number from 1 to {len(choices)}{' or a name' if names else ''}"

    def problem(answer: str) -> str | None:
        return None if answer.casefold() in positions else f"{answer!r} is not {wanted}."

    picked = ask_text("Number or name" if names else "Number", default="1", problem=problem)
    return positions[picked.casefold()]


def explain(text: str, *, color: str | None = None) -> None:
    """What helps to answer, wrapped to the terminal."""
    width = shutil.get_terminal_size().columns - 2
    click.secho(wrapped(text, width, indent="  ", hanging="  "), fg=color)


def ask_size(question: str) -> Decimal:
    """An amount of money, 0 for none."""
    return Decimal(ask_text(question, default="0", problem=_size_problem).replace(",", ""))


def _size_problem(text: str) -> str | None:
    try:
        size = Decimal(text.replace(",", ""))
    except InvalidOperation:
        size = Decimal(-1)
    return None if size.is_finite() and size >= 0 else "An amount is a number such as 5000 or 12,500.50."
