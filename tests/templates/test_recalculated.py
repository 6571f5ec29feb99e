"""What LibreOffice makes of the built-in templates: each column is what its definition says, the track record ours.

One file, as its workbooks are made and recalculated once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.outcomes.statistics import Share, Summary, track_record
from cqs_sheets.core.templates.template import ColumnKind, TableTab
from cqs_sheets.template_files import built_in, load_template
from tests.templates.conftest import SIGNALS
from tests.templates.definitions import FORMULAS, FUTURES, ODD, USUAL, Numbers, calcs, fields
from tests.templates.papers import outcome_of
from tests.templates.recalculated import Recalculated, records
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
            assert column.id in live, (
                f"say in tests/templates/definitions.py what {template}.{column.id} shows"
            )
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


@pytest.fixture(scope="module")
def page(books: Mapping[str, Recalculated]) -> Any:
    return books["paper"].book["Track record"]


@pytest.fixture(scope="module")
def ours() -> list[Summary]:
    return track_record([outcome_of(record) for record in records(SIGNALS)])


def below(page: Any, label: str, rows: int = 1) -> list[Any]:
    """The values in the row that stands so far below a label."""
    [cell] = [cell for row in page.iter_rows() for cell in row if cell.value == label]
    return [cell.value for cell in page[cell.row + rows][cell.column - 1 :] if cell.value not in (None, "")]


def near(found: Any, wanted: Any) -> bool:
    return abs(float(found) - float(wanted)) < 1e-7


def test_the_cards_show_what_we_compute(page: Any, ours: list[Summary]) -> None:
    whole = ours[0]
    assert whole.entered > 100
    assert below(page, "ENTERED AND OVER")[0] == whole.entered
    for label, wanted in (
        ("TARGET 1 HIT", whole.hits[0].share), ("EXPECTANCY, NET", whole.expectancy_r),
        ("PROFIT FACTOR", whole.profit_factor), ("MAX DRAWDOWN", whole.max_drawdown_r),
        ("UNKNOWN = LOST", whole.if_unknown_lost),
    ):  # fmt: skip
        assert near(below(page, label)[0], wanted), label
    assert whole.stderr_r is not None
    assert f"standard error {round(whole.stderr_r, 2):f}R" in below(page, "EXPECTANCY, NET", 2)[0]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_hit_rates_and_their_intervals(page: Any, ours: list[Summary], rank: int) -> None:
    share: Share = ours[0].hits[rank - 1]
    name, _, *found = below(page, "TARGETS HIT, WITH 95 % INTERVAL", rank + 1)[:5]
    assert name == f"Target {rank}"
    assert all(map(near, found, (share.share, share.low, share.high)))


@pytest.mark.parametrize(
    ("by", "title"), [("type", "BY HORIZON (below 30 signals: noise)"), ("side", "BY SIDE")]
)
def test_slices(page: Any, ours: list[Summary], by: str, title: str) -> None:
    slices = {one.value: one for one in ours if one.by == by and one.value and one.entered}
    for rows in range(2, 2 + len(slices)):
        name, entered, hit, paid = below(page, title, rows)[:4]
        assert entered == slices[name].entered
        assert near(hit, slices[name].hits[0].share)
        assert near(paid, slices[name].expectancy_r)


def test_what_is_told_beside(page: Any, ours: list[Summary]) -> None:
    for rows, name in enumerate(("missed", "invalidated", "unfilled", "touched", "unknown", "too_young"), 2):
        assert below(page, "BESIDE THE RECORD", rows)[:2] == [name, ours[0].excluded[name]]


def test_the_dashboard_where_outcomes_are_on_shows_the_same(
    books: Mapping[str, Recalculated], ours: list[Summary]
) -> None:
    whole, page = ours[0], books["dashboard outcomes"].book["Track record"]
    assert below(page, "ENTERED AND OVER")[0] == whole.entered
    for label, wanted in (
        ("TARGET 1 HIT", whole.hits[0].share), ("EXPECTANCY, NET", whole.expectancy_r),
        ("PROFIT FACTOR", whole.profit_factor), ("UNKNOWN = LOST", whole.if_unknown_lost),
    ):  # fmt: skip
        assert near(below(page, label)[0], wanted), label
    share = whole.hits[0]
    assert share.low is not None
    assert share.high is not None
    between = f"{round(100 * share.low)} to {round(100 * share.high)} % (95 %)"
    assert between in below(page, "TARGET 1 HIT", 2)
    assert whole.stderr_r is not None
    assert f"standard error {round(whole.stderr_r, 2):f}R" in below(page, "EXPECTANCY, NET", 2)
    total = sum((one.r_net or Decimal(0) for one in map(outcome_of, records(SIGNALS))), Decimal(0))
    curve: Any = books["dashboard outcomes"].book["_paper"]
    header = next(row for row in curve.iter_rows() if "cum" in [cell.value for cell in row])
    column = next(cell.column for cell in header if cell.value == "cum")
    assert near(curve.cell(header[0].row + 61, column).value, total)
    for rows, kind in enumerate(("SCALPING", "SHORT TERM", "SHORT/MID TERM", "MID TERM", "LONG TERM"), 2):
        part = next(each for each in ours if (each.by, each.value) == ("type", kind))
        name, entered, hit, paid = below(page, "BY HORIZON (below 30 signals: noise)", rows)[:4]
        assert (name, entered) == (kind, part.entered)
        assert near(hit, part.hits[0].share)
        assert near(paid, part.expectancy_r)


def test_what_it_shows_beside_comes_to_a_dashboard_that_is_in_use_as_additions() -> None:
    plain, on = load_template("dashboard"), load_template("dashboard", outcomes=True)
    assert {tab.name for tab in on.tabs} - {tab.name for tab in plain.tabs} == {"Track record", "_paper"}
    for tab in plain.tabs:
        if not isinstance(tab, TableTab):
            assert on.tab(tab.name) == tab
            continue
        other = on.tab(tab.name)
        assert isinstance(other, TableTab)
        assert other.columns[: len(tab.columns)] == tab.columns
        shown = [[(rule.when, rule.style) for rule in each.rules] for each in (tab, other)]
        assert shown[1][: len(shown[0])] == shown[0]
