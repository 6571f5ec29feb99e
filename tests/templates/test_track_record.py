"""The track record as live formulas compute it from the rows is the one that we compute."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.outcomes.statistics import Share, Summary, track_record
from cqs_sheets.core.templates.template import TableTab
from cqs_sheets.template_files import load_template
from tests.templates.conftest import SIGNALS
from tests.templates.papers import outcome_of
from tests.templates.recalculated import Recalculated, records


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
