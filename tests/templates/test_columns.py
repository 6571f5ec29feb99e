"""Every column of the built-in templates shows what its definition says, recalculated by LibreOffice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from cqs_sheets.core.templates.template import ColumnKind, TableTab
from cqs_sheets.template_files import built_in, load_template
from tests.templates.conftest import SIGNALS
from tests.templates.definitions import FORMULAS, FUTURES, ODD, USUAL, Numbers, calcs, fields
from tests.templates.recalculated import Recalculated
from tests.templates.wire import NOW, Sent

BOOKS = [(name, USUAL) for name in FORMULAS] + [(name, ODD) for name in ("signals", "futures", "scalping")]
ORDER_OF_ARRIVAL = "seq"  # not in what the API sends
_NEAR = 1e-9
_ROUNDED = {"lag": 0.0501}  # minutes: to a tenth


def shown_in(template: str, tab: TableTab, signal: Sent) -> bool:
    """Whether a tab is for that signal, by the templates' descriptions."""
    if signal.table not in tab.tables:
        return False
    if template == "futures":
        return signal.fields["exchange"].lower() in FUTURES
    return template != "scalping" or signal.fields["type"] == "SCALPING"


def expected(template: str, tab: TableTab, signal: Sent, numbers: Numbers) -> dict[str, Any]:
    """What each column of a signal's row shows, the user's own blank."""
    known = {**fields(signal), **calcs(signal)}
    live = FORMULAS[template](signal, numbers)
    row: dict[str, Any] = {}
    for column in tab.columns:
        if column.kind is ColumnKind.FORMULA:
            row[column.id] = live[column.id]
        elif column.source != ORDER_OF_ARRIVAL:
            row[column.id] = known[column.source] if column.synced else None
    return row


def agrees(column: str, found: Any, wanted: Any) -> bool:
    """Whether a cell shows a value: times to half a second, numbers to nine digits."""
    if wanted is None or found is None:
        return wanted is found
    if isinstance(wanted, datetime):
        return isinstance(found, datetime) and abs(found - wanted) < timedelta(seconds=0.5)
    if isinstance(wanted, str):
        return str(found) == wanted
    if isinstance(found, str):
        return False
    wrong = abs(float(found) - float(wanted))
    return wrong <= _ROUNDED.get(column, _NEAR * abs(float(wanted)))


@pytest.mark.parametrize(
    ("template", "numbers"), BOOKS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_column_shows_what_its_definition_says(
    template: str, numbers: Numbers, books: Mapping[str, Recalculated]
) -> None:
    book = books[template if numbers is USUAL else f"{template} odd"]
    for tab in load_template(template).fed_tabs:
        mine = [signal for signal in book.signals if shown_in(template, tab, signal)]
        rows = book.rows(tab.name)
        if tab.new_rows == "top":
            rows.reverse()
        assert len(rows) == len(mine) > 0
        wrong = [
            f"{tab.name}.{column} of {signal.fields}: {row[column]!r}, not {wanted!r}"
            for signal, row in zip(mine, rows, strict=True)
            for column, wanted in expected(template, tab, signal, numbers).items()
            if not agrees(column, row[column], wanted)
        ]
        assert not wrong, "\n".join(wrong[:20])


@pytest.mark.parametrize("name", built_in())
def test_no_cell_of_any_tab_shows_an_error(name: str, books: Mapping[str, Recalculated]) -> None:
    assert books[name].errors() == []


def test_what_is_stored_is_what_libreoffice_works_out(books: Mapping[str, Recalculated]) -> None:
    for name, book in books.items():
        total, wrong = book.disagreements()
        assert len(wrong) <= total * 0.005, (name, wrong[:10])


@pytest.mark.parametrize("name", ["signals odd", "futures odd", "scalping odd"])
def test_no_cell_shows_an_error_whatever_stands_in_settings(
    name: str, books: Mapping[str, Recalculated]
) -> None:
    assert books[name].errors() == []


def test_the_signals_are_as_varied_as_they_should_be() -> None:
    """A figure that is never blank, or always, would prove little."""
    known = [calcs(signal) for signal in SIGNALS]
    for name in ("stop_pct", "rr1", "rr2", "rr3", "tv_symbol", "trade_url", "cornix_text", "entry_low"):
        blanks = Counter(values[name] is None for values in known)
        assert min(blanks[True], blanks[False]) >= 3, name
    live = [FORMULAS["futures"](signal, USUAL) for signal in SIGNALS]
    assert Counter(values["check"] for values in live).keys() == {"SAFE", "TIGHT", "LIQ FIRST", None}
    assert {values["use"] for values in live} >= {1, 2, 5, 10}
    prices = [float(values["entry_mid"]) for values in known]
    assert min(prices) < 1e-7
    assert max(prices) > 1e4


def test_the_liquidation_estimate_is_that_of_a_published_example() -> None:
    """Bybit's help on isolated margin: a short of BTC/USD at 50,000 with 10x and 0.5 % maintenance margin."""
    fields = {
        "exchange": "bybit", "currency": "USD", "coin": "BTC", "direction": "SHORT", "leverage": "10",
        "ask": "50000", "stop_loss": "50500", "id": "1",
    }  # fmt: skip
    example = Sent({**fields, "timestamp": "2026-05-24 12:00:00"}, "main", NOW)
    quantity, value = 60_000, 60_000 / 50_000
    margin, maintenance = value / 10, value * 0.005
    assert FORMULAS["futures"](example, USUAL)["liq"] == pytest.approx(
        quantity / (value - (margin - maintenance))
    )
