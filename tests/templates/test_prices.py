"""Prices of any magnitude: told apart in their row, and shown as what they are."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from cqs_sheets.core.signals.signal import FeedTable, Record
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.destinations.google.read.layout import column_letters
from cqs_sheets.export import write_workbook
from cqs_sheets.template_files import built_in, load_template
from tests.destinations.google.syncing import sync
from tests.destinations.google.user import GoogleUser
from tests.make import record, wanted_rows

_PLACES = re.compile(r"0(?:\.(0*)(#*))?")
_MARKETS = 88  # four for each power of ten


def shown(value: float, pattern: str) -> str:
    """A number as a spreadsheet shows it by a pattern of zeros and places that may be blank."""
    match = _PLACES.fullmatch(pattern)
    assert match, pattern
    least, most = len(match[1] or ""), len(match[1] or "") + len(match[2] or "")
    whole, _, rest = f"{Decimal(repr(value)):.{most}f}".partition(".")
    rest = rest.rstrip("0").ljust(least, "0")
    return f"{whole}.{rest}" if rest else whole


def markets() -> Iterator[dict[str, Any]]:
    """From 1e-12 to 1e9, with prices a hair apart; every fourth market's are longer than a cell holds."""
    draw = random.Random(3)  # noqa: S311 - no secret
    for number in range(_MARKETS):
        magnitude = -12 + 21 * number // (_MARKETS - 1)
        unit = Decimal(1).scaleb(magnitude - 4)
        price = unit * draw.randint(10_000, 99_000)
        step = unit * draw.randint(1, 30)
        if number % 4 == 0:
            price += Decimal(1).scaleb(magnitude - 19)
        yield {
            "stop_loss": price - 3 * step, "buy_start": price - step, "buy_end": price, "ask": price,
            "target1": price + step, "target2": price + 2 * step, "target3": price + 3 * step,
        }  # fmt: skip


def priced(tab: TableTab) -> dict[int, str]:
    """The columns of stop, zone and targets, by position."""
    told = {"entry_low", "entry_high", "buy_start", "buy_end", "stop_loss", "target1", "target2", "target3"}
    return {at: column.id for at, column in enumerate(tab.columns) if column.source in told}


def check(held: Mapping[str, tuple[Any, str]], sent: Mapping[str, Any]) -> None:
    """One row's cells by column, each with its value and number format."""
    prices = {id_: shown(*cell) for id_, cell in held.items()}
    assert len(set(prices.values())) == len(prices) >= 4, prices
    for text in prices.values():
        assert min(abs(Decimal(text) / price - 1) for price in sent.values()) < Decimal("1e-14"), (text, sent)
    assert len({len(text.partition(".")[2]) for text in prices.values()}) == 1, prices


def of_main_signals(name: str) -> Template:
    """A built-in template with the one tab for them, and the settings: pages show no price of their own."""
    template = load_template(name)
    main = next(tab for tab in template.fed_tabs if FeedTable.MAIN in tab.tables)
    return replace(template, tabs=tuple(tab for tab in template.tabs if tab in (main, template.settings_tab)))


def records_for(template: str, sent: Iterable[Mapping[str, Any]]) -> list[Record]:
    words: dict[str, Any] = {"futures": {"exchange": "binance_futures"}, "scalping": {"type": "SCALPING"}}
    return [record(str(at), **each, **words.get(template, {})) for at, each in enumerate(sent, start=1)]


@pytest.mark.parametrize("name", built_in())
def test_markets_of_any_magnitude_in_a_workbook(name: str, tmp_path: Path) -> None:
    template, sent = of_main_signals(name), list(markets())
    [tab] = template.fed_tabs
    write_workbook(tmp_path / "book.xlsx", template, records_for(name, sent), UTC, {})
    with closing(openpyxl.load_workbook(tmp_path / "book.xlsx", read_only=True)) as book:
        rows = list(book[tab.name].iter_rows(min_row=2 if tab.plain else 3))
    assert len(rows) == _MARKETS
    for cells, each in zip(rows[::-1] if tab.new_rows == "top" else rows, sent, strict=True):
        check({id_: (cells[at].value, cells[at].number_format) for at, id_ in priced(tab).items()}, each)


@pytest.mark.parametrize("name", built_in())
def test_the_same_markets_in_a_spreadsheet_of_google(name: str, tmp_path: Path) -> None:
    template, sent = of_main_signals(name), list(markets())[::5]
    [tab] = template.fed_tabs
    user = GoogleUser(tmp_path)
    try:
        rows = [next(wanted_rows(template, each, UTC)) for each in records_for(name, sent)]
        sync(user, *rows, template=template)
        sheet = user.sheets.tab(user.book, tab.name)
        for row, each in enumerate(
            sent[::-1] if tab.new_rows == "top" else sent, start=1 if tab.plain else 2
        ):
            cells = {id_: f"{column_letters(at)}{row + 1}" for at, id_ in priced(tab).items()}
            formats = {id_: sheet.cells[cell].format or {} for id_, cell in cells.items()}
            values = {id_: sheet.entered[row][at] for at, id_ in priced(tab).items()}
            check({id_: (values[id_], formats[id_]["numberFormat"]["pattern"]) for id_ in cells}, each)
    finally:
        user.close()
