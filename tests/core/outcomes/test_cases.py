"""The cases worked out by hand, each as it stands, mirrored and scaled."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.core.outcomes.candles import Candles
from cqs_sheets.core.outcomes.judge import Outcome, judge
from cqs_sheets.core.outcomes.setup import Story
from tests.core.outcomes.trading import PUBLISHED, Row, at, candles, quiet, rules, signal, story

CASES = tomllib.loads(Path(__file__).with_name("cases.toml").read_text(encoding="utf-8"))["case"]
_STRETCH = re.compile(r"(-?\d+)-(-?\d+)")
_PRICES = ("buy_start", "buy_end", "target1", "target2", "target3", "stop_loss")
ALL = {"buy_start": 98, "buy_end": 100, "target1": 110, "target2": 120, "target3": 130, "stop_loss": 90}


class View:
    """How a case is looked at: its prices as they stand, mirrored at 200, or a thousandfold."""

    def __init__(self, direction: str = "LONG", factor: int = 1) -> None:
        self.direction, self.factor = direction, factor

    def price(self, text: object) -> Decimal:
        price = Decimal(str(text))
        return (200 - price if self.direction == "SHORT" else price) * self.factor

    def level(self, text: object) -> Decimal | None:
        return self.price(text) if text else None


VIEWS = [View(), View("SHORT"), View(factor=1000)]


@pytest.mark.parametrize("view", VIEWS, ids=["as it stands", "mirrored", "scaled"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_worked_out_by_hand(case: dict[str, Any], view: View) -> None:
    if view.direction == "SHORT" and not case.get("mirrors", True):
        return
    r = case["then"].get("r", "-")
    wanted = {"r": r, "net": r} | case["then"]  # without costs net is gross
    found = judge(told(case, view), case_rules(case), market(case, view))
    assert as_told(found, view, wanted) == wanted


def test_there_is_a_case_for_each_sentence() -> None:
    assert len(CASES) >= 40
    assert len({case["name"] for case in CASES}) == len(CASES)


def case_rules(case: dict[str, Any]) -> Any:
    by = rules(**{"horizon": {"SHORT TERM": "60m"}, **case.get("rules", {})})
    return replace(by, **case.get("beside", {}))


def told(case: dict[str, Any], view: View) -> Story:
    given = ALL | case.get("levels", {})
    levels = given | {name: view.level(given[name]) for name in _PRICES}
    published = datetime.fromisoformat(case["published"]) if "published" in case else PUBLISHED
    seen = datetime.fromisoformat(case["seen"]) if "seen" in case else published
    levels |= {"timestamp": published, "exchange": case.get("exchange", "binance")}
    revised = [
        (change["at"], {name: view.level(change[name]) for name in change if name != "at"})
        for change in case.get("revised", ())
    ]
    return story(
        signal(view.direction, **levels),
        *((minute, signal(view.direction, **(levels | change))) for minute, change in revised),
        first_seen=seen,
        closed=at(case["closed"]) if "closed" in case else None,
    )


def market(case: dict[str, Any], view: View) -> Candles | None:
    rows = [row for line in case["candles"].splitlines() for row in _rows(line, view)]
    return candles(rows, until=case.get("until")) if rows else None


def _rows(line: str, view: View) -> Iterator[Row]:
    first, *prices = line.split()
    stretch = _STRETCH.fullmatch(first)
    if stretch:
        yield from quiet(int(stretch[1]), int(stretch[2]) + 1, view.price(prices[0]))
        return
    opened, one, other, closed = map(view.price, prices)
    yield int(first), opened, max(one, other), min(one, other), closed


def as_told(found: Outcome, view: View, wanted: dict[str, Any]) -> dict[str, Any]:
    """An outcome in the words of the file, as far as the case speaks of it."""
    exits = [
        f"{minutes(leg.at)} {leg.why} {plain(view.price(leg.price / view.factor) / view.factor)} {plain(leg.share)}"
        for leg in found.legs
        if leg.share != 0
    ]
    entry = None if found.entry is None else view.price(found.entry / view.factor) / view.factor
    every = {
        "outcome": found.outcome or "",
        "clock": minutes(found.clock),
        "clock_by": found.clock_by,
        "entered": minutes(found.entered_at),
        "entry": plain(entry),
        "hits": found.targets_hit,
        "exits": exits,
        "r": plain(found.r_gross),
        "net": plain(found.r_net),
        "worst": plain(found.r_worst),
        "best": plain(found.r_best),
        "mfe": plain(found.mfe_r),
        "mae": plain(found.mae_r),
        "ambiguous": found.ambiguous,
        "liquidation_first": found.liquidation_first,
    }
    return {name: value for name, value in every.items() if name in wanted}


def minutes(moment: datetime | None) -> int | None:
    return None if moment is None else int((moment - at(0)).total_seconds() // 60)


def plain(number: Decimal | None) -> str:
    return "-" if number is None else f"{number.normalize():f}"
