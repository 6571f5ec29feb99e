"""Where the key is: a subscription ID never goes into the config, but into a file of its own."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import click

from cqs_sheets.cli.asking import ask_choice, ask_text
from cqs_sheets.cli.targets import config_folder
from cqs_sheets.config.places import absolute, path_problem
from cqs_sheets.config.rules import command_words
from cqs_sheets.errors import AccessRefused

_KEY = re.compile(r"[\x21-\x7e]{1,512}")


class KeyPlace(NamedTuple):
    """What the config says of the key; both empty: the environment, or the free signals."""

    file: str = ""
    command: str = ""


def ask_key(folder: Path) -> KeyPlace:
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
        text = ask_text("Which file?", default=str(config_folder() / "key"), problem=path_problem)
        make_key_file(absolute(text, folder))
        return KeyPlace(file=text)
    if picked == 2:  # noqa: PLR2004 - the third of the list
        return KeyPlace(command=ask_text("Its command, e.g. pass show cqs", problem=_command_problem))
    return KeyPlace()


def make_key_file(path: Path) -> None:
    """Ask for the key and keep it in a new file; one that is there is left as it is. Raises AccessRefused."""
    if path.exists():
        click.echo(f"{path} is there: it is used as it is.")
        return
    key = ask_text("Subscription ID (not shown as you type)", problem=_problem, hidden=True)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{key}\n")
    except OSError as error:
        raise AccessRefused(
            f"{path} cannot be written: {error.strerror}.",
            meaning="Nothing was written; the key is kept nowhere.",
            hint="Run it again, and name another file.",
        ) from None


def _command_problem(text: str) -> str | None:
    try:
        words = command_words(text)
    except ValueError as error:
        return f"It cannot be split into words: {error}."
    return None if words else "It is empty."


def _problem(key: str) -> str | None:
    return None if _KEY.fullmatch(key) else "A subscription ID is one word of plain letters and digits."
