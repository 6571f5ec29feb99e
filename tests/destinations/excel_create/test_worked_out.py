"""Journal, Performance and Dashboard show what plain Python makes of the same trades and signals.

LibreOffice works the formulas out: with 200 signals and 100 trades, and with nothing in the workbook yet.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from openpyxl.workbook import Workbook

from cqs_sheets.core.templates.report_pages import block_column
from cqs_sheets.core.templates.template import BlocksTab, ColumnKind, ReportTab, TableTab
from cqs_sheets.template_files import load_template
from tests.destinations.excel_create import trades
from tests.destinations.excel_create.trades import Row
from tests.templates.recalculated import ZONE, Made, Recalculated, recalculated
from tests.templates.wire import NOW, sent

DASHBOARD = load_template("dashboard")
TODAY = NOW.astimezone(ZONE).replace(hour=0, minute=0, tzinfo=None)
LONG_COIN = "A_COIN_OF_MANY_MORE_LETTERS"
MAX_RISK = 400  # of an equity of 10,000; what is open risks more, but not twice that
TYPED = {
    "Max_open_risk": MAX_RISK / 10000,
    "Top_exchanges": "Binance, Bybit,OKX Futures",
    "Top_coins": f"BTC,SOL, 1000SATS,{LONG_COIN}",
}
JOURNAL = DASHBOARD.tab("Journal")
assert isinstance(JOURNAL, TableTab)
PLUMBING = ("row", "srow", "from", "key", "no", "orow")  # shown right by what depends on it
FORMULAS = [
    column.id for column in JOURNAL.columns if column.kind is ColumnKind.FORMULA and column.id not in PLUMBING
]
PLACES = {column.id: at for at, column in enumerate(JOURNAL.columns, start=1)}


class Worked:
    """The full workbook worked out, and what was typed into it."""

    def __init__(self, book: Recalculated, typed: list[Row]) -> None:
        self.book, self.typed = book, typed
        self.signals = both_tables(book.rows("Signals"), book.rows("Scalping"))
        by_id = {(signal["table"], str(signal["id"])): signal for signal in self.signals}
        self.wanted = [{**trade, **trades.expected(trade, by_id)} for trade in typed]
        self.journal = book.rows("Journal")
        self.closed = trades.in_order(self.wanted)

    def cell(self, tab: str, address: str) -> Any:
        return self.book.book[tab][address].value

    def block(self, tab_name: str, name: str) -> list[Any]:
        tab = DASHBOARD.tab(tab_name)
        assert isinstance(tab, BlocksTab)
        span = block_column(tab, name)
        found = [self.book.book[tab_name].cell(row, span.left).value for row in span.rows]
        return [None if value == "" else value for value in found]

    def card(self, tab_name: str, label: str) -> tuple[Any, Any]:
        tab = DASHBOARD.tab(tab_name)
        assert isinstance(tab, ReportTab)
        (at,) = (card.at for card in tab.cards if card.label == label)
        column = at[0]
        return self.cell(tab_name, f"{column}6"), self.cell(tab_name, f"{column}7")

    def total(self, column: str, **having: Any) -> float:
        return float(sum(row[column] for row in self.closed if column in row and _has(row, having)))

    def mean(self, column: str, **having: Any) -> float | None:
        values = [row[column] for row in self.closed if column in row and _has(row, having)]
        return statistics.fmean(values) if values else None

    def count(self, **having: Any) -> int:
        return sum(_has(row, having) for row in self.closed)

    def since(self, days: int) -> list[Row]:
        """The signals of the last so many days, today counted."""
        return [row for row in self.signals if row["time"] >= TODAY - timedelta(days=days - 1)]


def rows_of(book: Workbook, name: str) -> list[Row]:
    tab = DASHBOARD.tab(name)
    assert isinstance(tab, TableTab)
    ids = [column.id for column in tab.columns]
    return [
        dict(zip(ids, row, strict=False))
        for row in book[name].iter_rows(min_row=3, values_only=True)
        if row[0]
    ]


def both_tables(signals: Sequence[Row], scalps: Sequence[Row]) -> list[Row]:
    """All signals, scalps with what their own tab does not say."""
    unsaid = {"type": "SCALPING", "tp2": None, "tp3": None}
    found = [{**row, "table": "main"} for row in signals]
    return found + [{**row, **unsaid, "rr": row.get("rr1"), "table": "scalping"} for row in scalps]


def _has(row: Row, having: Mapping[str, Any]) -> bool:
    return all(row.get(column) == value for column, value in having.items())


Books = tuple[Worked, Recalculated, Worked]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    typed: list[Row] = []

    def type_in(book: Workbook) -> None:
        typed.extend(trades.typed(both_tables(rows_of(book, "Signals"), rows_of(book, "Scalping")), 100))
        for at, trade in enumerate(typed, start=3):
            for column, value in trade.items():
                if column in PLACES:
                    book["Journal"].cell(at, PLACES[column]).value = value

    full = Made(
        name="full", template="dashboard", signals=sent(200, scalps=24), settings=TYPED, typed=type_in
    )
    empty = Made(
        name="empty", template="dashboard", signals=(), settings={"Last_sync": None, "Time_zone": "UTC"}
    )
    free = Made(name="free", template="dashboard", signals=sent(3, scalps=24), settings=TYPED)
    made = recalculated((full, empty, free), tmp_path_factory.mktemp("worked_out"))
    return Worked(made["full"], typed), made["empty"], Worked(made["free"], [])


@pytest.fixture(scope="module")
def worked(books: Books) -> Worked:
    return books[0]


@pytest.fixture(scope="module", params=["full", "free"])
def seen(request: pytest.FixtureRequest, books: Books) -> Worked:
    """The full workbook, and that of a free user: three signals, and scalps."""
    return books[0] if request.param == "full" else books[2]


def near(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def shown(value: float | None) -> Any:
    """A figure in R, to the two decimals that it is shown with."""
    return pytest.approx(round(value or 0, 2), abs=1e-9)


def test_no_cell_shows_an_error_be_the_workbook_full_or_empty(
    books: Books,
) -> None:
    assert books[0].book.errors() == []
    assert books[1].errors() == []
    assert books[2].book.errors() == []


def test_what_is_stored_of_trades_and_figures_is_what_libreoffice_works_out(worked: Worked) -> None:
    total, wrong = worked.book.disagreements()
    assert total > 7_000
    assert not wrong


@pytest.mark.parametrize("column", FORMULAS)
def test_every_column_of_the_journal_is_as_its_note_says(worked: Worked, column: str) -> None:
    wrong = [
        (trade["number"], row[column], trade.get(column))
        for row, trade in zip(worked.journal, worked.wanted, strict=True)
        if not _same(row[column], trade.get(column))
    ]
    assert not wrong


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return bool(found == near(wanted))
    return bool(found == wanted)


def test_closed_trades_are_numbered_by_when_they_were_closed(worked: Worked) -> None:
    numbers = {row["number"]: at for at, row in enumerate(worked.closed, start=1)}
    found = [row["no"] for row in worked.journal]
    assert found == [numbers.get(trade["number"]) for trade in worked.wanted]


class TestPerformance:
    def test_counts_closed_trades_by_their_result(self, worked: Worked) -> None:
        wins, losses, even = (worked.count(result=result) for result in ("Win", "Loss", "Even"))
        count, below = worked.card("Performance", "CLOSED TRADES")
        assert (count, below) == (worked.count(), f"{wins} W   {losses} L   {even} E")
        assert worked.cell("Performance", "B3").endswith(f"|   {worked.count()} trades")
        assert worked.card("Performance", "WIN RATE")[0] == near(wins / (wins + losses))

    def test_measures_them_in_r(self, worked: Worked) -> None:
        assert worked.card("Performance", "EXPECTANCY")[0] == shown(worked.mean("r"))
        assert worked.card("Performance", "TOTAL R")[0] == shown(worked.total("r"))
        assert worked.card("Performance", "TOTAL R")[1] == f"{round(worked.total('pnl'))} USDT net"
        loss = round(worked.mean("r", result="Loss") or 0, 2)
        average, below = worked.card("Performance", "AVG WIN")
        assert (average, below) == (shown(worked.mean("r", result="Win")), f"avg loss {loss:g}R")
        assert worked.card("Performance", "AVG SLIP")[0] == shown(worked.mean("slip"))

    def test_weighs_what_was_won_against_what_was_lost(self, worked: Worked) -> None:
        won = sum(row["pnl"] for row in worked.closed if row["pnl"] > 0)
        lost = -sum(row["pnl"] for row in worked.closed if row["pnl"] < 0)
        assert worked.card("Performance", "PROFIT FACTOR")[0] == near(won / lost)

    def test_follows_the_curve_and_its_deepest_fall(self, worked: Worked) -> None:
        curve = [0.0]
        for row in worked.closed:
            curve.append(curve[-1] + row.get("r", 0))
        points = [round_half_up(len(worked.closed) * at / 60) for at in range(61)]
        assert worked.block("_equity", "curve.cum") == [near(curve[point]) for point in points]
        labels = [point if at % 10 == 0 else None for at, point in enumerate(points)]
        assert worked.block("_equity", "curve.label") == labels
        peaks = [max(curve[each] for each in points[: at + 1]) for at in range(61)]
        assert worked.block("_equity", "curve.peak") == [near(peak) for peak in peaks]
        assert worked.block("_equity", "eq.cum")[: len(curve) - 1] == [near(each) for each in curve[1:]]
        fall = min(now - max(curve[: at + 1]) for at, now in enumerate(curve))
        assert worked.card("Performance", "MAX DRAWDOWN")[0] == shown(fall)
        assert fall < 0

    def test_sorts_results_into_bins(self, worked: Worked) -> None:
        lows, highs = worked.block("_equity", "hist.lo"), worked.block("_equity", "hist.hi")
        wanted = [
            sum(low <= row["r"] < high for row in worked.closed if "r" in row)
            for low, high in zip(lows, highs, strict=True)
        ]
        assert worked.block("_equity", "hist.n") == wanted
        assert sum(wanted) == sum("r" in row for row in worked.closed)
        losses = [number if high <= 0 else 0 for number, high in zip(wanted, highs, strict=True)]
        assert worked.block("_equity", "hist.loss") == losses
        wins = [number - loss for number, loss in zip(wanted, losses, strict=True)]
        assert worked.block("_equity", "hist.win") == wins

    @pytest.mark.parametrize(
        ("column", "left", "items"),
        [
            ("setup", "BFGIK", trades.SETUPS),
            ("horizon", "OSTVX", ("SCALPING", "SHORT TERM", "SHORT/MID TERM", "MID TERM", "LONG TERM")),
        ],
    )
    def test_splits_them_by_setup_and_horizon(
        self, worked: Worked, column: str, left: str, items: tuple[str, ...]
    ) -> None:
        for row, item in enumerate(items, start=28):
            group = {column: item}
            wins, losses = (worked.count(**group, result=result) for result in ("Win", "Loss"))
            found = [worked.cell("Performance", f"{letter}{row}") for letter in left]
            assert found[:2] == [item, worked.count(**group)]
            assert found[2] == near(wins / (wins + losses))
            assert found[3:] == [shown(worked.mean("r", **group)), shown(worked.total("r", **group))]


def round_half_up(value: float) -> int:
    return int(value + 0.5)


class TestTheDashboard:
    def test_counts_signals_by_day(self, seen: Worked) -> None:
        today, average = seen.card("Dashboard", "TODAY")
        assert today == len(seen.since(1)) > 0
        assert average == f"30-day average {round(len(seen.since(30)) / 30, 1):g}"
        week, before = len(seen.since(7)), len(seen.since(14)) - len(seen.since(7))
        change = round_half_up(100 * (week / before - 1))
        assert seen.card("Dashboard", "LAST 7 DAYS") == (week, f"{change:+d}% on the week before")
        labels = seen.block("_calc", "day.label")
        days = [TODAY - timedelta(days=30 - at) for at in range(31)]
        assert labels == [f"{day.day} {day:%b}" if at % 5 == 0 else None for at, day in enumerate(days)]
        for side in ("LONG", "SHORT"):
            per_day = [
                sum(row["side"] == side and row["time"].date() == day.date() for row in seen.signals)
                for day in (TODAY - timedelta(days=30 - at) for at in range(31))
            ]
            assert seen.block("_calc", f"day.{side.lower()}") == per_day

    def test_shows_shares_and_plans(self, seen: Worked) -> None:
        week = seen.since(7)
        longs, shorts = (sum(row["side"] == side for row in week) for side in ("LONG", "SHORT"))
        share, sides = seen.card("Dashboard", "LONG SHARE, 7 D")
        assert (share, sides) == (near(longs / len(week)), f"{longs} long   {shorts} short")
        ratio = statistics.fmean(row["rr"] for row in week if row["rr"] is not None)
        assert seen.card("Dashboard", "AVG PLAN R:R, 7 D") == (
            near(ratio),
            f"break-even win rate {1 / (1 + ratio):.0%}",
        )
        lows, highs = seen.block("_calc", "rr.lo"), seen.block("_calc", "rr.hi")
        ratios = [row["rr"] for row in seen.since(30) if row["rr"] is not None]
        assert seen.block("_calc", "rr.n") == [
            sum(low <= ratio < high for ratio in ratios) for low, high in zip(lows, highs, strict=True)
        ]

    @pytest.mark.parametrize(
        ("block", "column", "names"),
        [
            ("ex", "exchange", ["Binance", "Bybit", "OKX Futures"]),
            ("coin", "coin", ["BTC", "SOL", "1000SATS", LONG_COIN]),
            ("type", "type", ["SCALPING", "SHORT TERM", "SHORT/MID TERM", "MID TERM", "LONG TERM"]),
        ],
    )
    def test_splits_signals_by_exchange_coin_and_horizon(
        self, seen: Worked, block: str, column: str, names: list[str]
    ) -> None:
        found = seen.block("_calc", f"{block}.name")
        assert [name for name in found if name] == names
        if block != "type":
            shown = [name if len(name) <= 18 else f"{name[:16]}..." for name in names]
            assert [label for label in seen.block("_calc", f"{block}.label") if label] == shown
        for side in ("LONG", "SHORT"):
            wanted = [
                sum(row[column] == name and row["side"] == side for row in seen.since(30)) for name in names
            ]
            counts = seen.block("_calc", f"{block}.{side.lower()}")
            assert counts == [*wanted, *[0] * (len(counts) - len(names))]

    def test_lists_the_latest_signals_by_arrival(self, seen: Worked) -> None:
        latest = sorted(seen.signals, key=lambda row: -row["seq"])[:12]
        columns = {"B": "time", "D": "pair", "F": "side", "G": "exchange", "I": "entry", "K": "stop"}
        columns |= {"M": "tp1", "O": "rr"}
        for at, row in enumerate(latest, start=41):
            found = [seen.cell("Dashboard", f"{letter}{at}") or None for letter in columns]
            assert found == [row[column] for column in columns.values()]

    def test_sums_up_what_is_open(self, worked: Worked) -> None:
        still = [row for row in worked.wanted if row.get("status") in ("Open", "Partial")]
        partial = sum(row["status"] == "Partial" for row in still)
        assert worked.card("Dashboard", "OPEN TRADES") == (len(still), f"{partial} partly closed")
        risk = sum(row.get("open_risk", 0) for row in still)
        assert worked.card("Dashboard", "OPEN RISK") == (
            near(risk / 10000),
            f"{round_half_up(risk)} USDT of {MAX_RISK} max",
        )
        assert worked.cell("Dashboard", "AA6") == int(risk > MAX_RISK)
        assert MAX_RISK < risk < 2 * MAX_RISK

    def test_lists_open_positions_from_the_last_typed_on(self, worked: Worked) -> None:
        still = [row for row in worked.wanted if row.get("status") in ("Open", "Partial")]
        for at, row in enumerate(reversed(still[-8:]), start=41):
            stop = row.get("stop_now") or row.get("stop0") or row["p_stop"]
            wanted = [row["pair"], row["side"], row["entry"], stop, row.get("open_risk")]
            found = [worked.cell("Dashboard", f"{letter}{at}") for letter in "QSTVX"]
            assert all(
                _same(None if cell == "" else cell, each) for cell, each in zip(found, wanted, strict=True)
            )

    def test_says_what_the_book_has_made(self, worked: Worked) -> None:
        wins, losses = (worked.count(result=result) for result in ("Win", "Loss"))
        assert worked.card("Dashboard", "WIN RATE") == (
            near(wins / (wins + losses)),
            f"{worked.count()} closed",
        )
        total = round(worked.total("r"), 1)
        assert worked.card("Dashboard", "EXPECTANCY") == (shown(worked.mean("r")), f"total {total:g}R")


def test_an_empty_workbook_says_so(books: Books) -> None:
    sheet = books[1].book["Dashboard"]
    assert sheet["B3"].value == "feed ok   |   0 signals in the log"
    assert sheet["T2"].value == "not yet"
    figures = [sheet[f"{column}6"].value for column in "BEHKNQTW"]
    assert figures == [0, 0, "-", "-", 0, 0, "-", "-"]
    few = [sheet[f"{column}7"].value for column in "EKNQTW"]
    assert few[:2] == ["none the week before", "no signals with a plan"]
    assert few[2:] == ["0 partly closed", "0 USDT of 500 max", "0 closed, low sample", "total 0R"]
    performance = books[1].book["Performance"]
    told = "only 0 trades: below your minimum sample of 30"
    assert performance["B3"].value == f"Closed trades in the Journal, net of fees, in R   |   {told}"
    assert [performance[f"{column}6"].value for column in "BEHKNQTW"] == [0, "-", "-", 0, "-", "-", 0, "-"]
