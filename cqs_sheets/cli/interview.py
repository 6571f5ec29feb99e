"""From options and, on a terminal, questions to the answers that a config is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from cqs_sheets import config
from cqs_sheets.cli.asking import ask_choice, ask_several, ask_text, explain
from cqs_sheets.cli.key_question import KeyPlace, ask_key, make_key_file
from cqs_sheets.config.places import absolute, path_problem, place_problem
from cqs_sheets.config.settings import DEFAULT_TARGET, DEFAULT_TEMPLATE
from cqs_sheets.config.values import zone
from cqs_sheets.core.signals.query import currency_problem, exchange_problem, type_problem
from cqs_sheets.core.signals.vocabulary import CURRENCIES, EXCHANGES, FUTURES, TYPES
from cqs_sheets.errors import UsageError
from cqs_sheets.template_files import built_in, load_template


@dataclass(frozen=True, slots=True)
class Interview:
    """`options` are the command's; without `asking`, what they leave open gets its default.

    `folder` is the config's: its paths are relative to it.
    """

    options: Mapping[str, Any]
    asking: bool
    folder: Path

    def answers(self) -> config.Answers:
        """Everything that the config says."""
        to = self._given("to", DEFAULT_TARGET, _ask_target)
        template = self._given("template", DEFAULT_TEMPLATE, _ask_template)
        exchange = self._given("exchange", (), _ask_exchange)
        currency = self._given("currency", (), _ask_currency)
        kinds = self._given("types", (), _ask_type)
        timezone = self._given("timezone", _guess(), _ask_zone)
        key = self._key()
        return config.Answers(
            to=to, template=template, exchange=exchange, currency=currency, type=kinds,
            timezone=timezone, key_file=key.file, key_command=key.command,
        )  # fmt: skip

    def _given(self, name: str, default: Any, ask: Callable[[], Any]) -> Any:
        if self.options[name]:
            return self.options[name]
        return ask() if self.asking else default

    def _key(self) -> KeyPlace:
        file, command = self.options["key_file"] or "", self.options["key_command"] or ""
        if file and not absolute(file, self.folder).exists():
            self._make_key_file(absolute(file, self.folder))
        known = file or command or config.process_environ().get("CQS_API_KEY")
        return ask_key(self.folder) if self.asking and not known else KeyPlace(file=file, command=command)

    def _make_key_file(self, path: Path) -> None:
        if self.asking:
            make_key_file(path)
            return
        raise UsageError(
            f"There is no key file {path}.",
            meaning="Nothing was asked and nothing was written.",
            hint="Make it first, with your subscription ID alone in it, or give --key-command.",
        )


def _guess() -> str:
    return config.machine_zone(config.process_environ())


def _ask_target() -> str:
    if ask_choice("Where should the signals go?", ["An Excel workbook", "A Google Sheet"]) == 0:
        return ask_text(
            "Which file? (a new one, or yours)", default=DEFAULT_TARGET, problem=_workbook_problem
        )
    return ask_text("Its address (open the sheet in the browser and copy it)", problem=_sheet_problem)


def _workbook_problem(text: str) -> str | None:
    if Path(text).suffix.lower() not in (".xlsx", ".xlsm"):
        return "A workbook's name ends in .xlsx or .xlsm."
    return place_problem(text)


def _sheet_problem(text: str) -> str | None:
    if not config.is_google(text):
        return "A sheet's address looks like https://docs.google.com/spreadsheets/d/..."
    return place_problem(text)


def _ask_template() -> str:
    names = sorted(built_in(), key=lambda name: name != DEFAULT_TEMPLATE)
    titles = [f"{name:<10} {load_template(name).title}" for name in names]
    return names[ask_choice("What should it look like?", titles)]


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
    return ask_text("Time zone of the times you see", default=_guess(), problem=_zone_problem)


def _zone_problem(text: str) -> str | None:
    try:
        zone(text)
    except ValueError as error:
        return str(error)
    return path_problem(text)
