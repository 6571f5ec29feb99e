"""Questions on a terminal: a text that must be right, one of a few, several of many, yes or no."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

import click

from cqs_sheets.cli.terminal.output import wrapped

Validator = Callable[[str], str | None]
"""Why an answer cannot be used, or None."""


def ask_text(question: str, *, default: str | None = None, problem: Validator, hidden: bool = False) -> str:
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
