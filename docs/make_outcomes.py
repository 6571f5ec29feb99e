"""Draws the hard cases of judging, each with what the judge makes of it: python docs/make_outcomes.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import NamedTuple

from cqs_sheets.core.outcomes.candles import Candles
from cqs_sheets.core.outcomes.judge import Outcome, judge
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.setup import Story
from cqs_sheets.core.signals.signal import FeedTable, Signal, SignalKey

PICTURE = Path(__file__).parent / "pictures" / "outcomes.svg"
NOON = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
LEVELS = {"entry": 100, "stop": 90, "target 1": 110, "target 2": 120}
_FIRST = int(NOON.timestamp()) // 60
_WIDTH, _HEIGHT, _COLUMNS = 300, 250, 3
_LOW, _HIGH = 84, 126


class Case(NamedTuple):
    """A case: its title, its candles (open, high, low, close), and rules other than the usual ones."""

    title: str
    candles: Sequence[tuple[int, int, int, int]]
    rules: Rules = Rules()


CASES = (
    Case(
        "The stop after a target",
        [(102, 103, 99, 101), (101, 112, 101, 108), (107, 108, 95, 96), (96, 97, 88, 89)],
    ),
    Case("Stop and target in one candle", [(102, 103, 99, 101), (101, 104, 100, 103), (103, 112, 89, 104)]),
    Case("Entry and target in one candle", [(104, 105, 103, 104), (104, 111, 99, 105), (105, 121, 104, 118)]),
    Case("Entry and stop in one candle", [(104, 105, 103, 104), (103, 104, 88, 92)]),
    Case("Opens below the stop", [(102, 103, 99, 101), (101, 102, 96, 97), (87, 89, 85, 88)]),
    Case("Opens below the stop at once", [(88, 93, 87, 92), (92, 104, 91, 103)]),
    Case("Opens below the entry at once", [(97, 99, 96, 98), (98, 111, 97, 110), (110, 121, 109, 120)]),
    Case("Target 1 before the entry", [(104, 106, 103, 105), (105, 112, 104, 110), (110, 110, 99, 100)]),
    Case(
        "A stop moved to breakeven",
        [(102, 103, 99, 101), (101, 111, 99, 108), (108, 109, 103, 104), (104, 105, 98, 99)],
        Rules(stop="breakeven"),
    ),
)


def judged(case: Case) -> Outcome:
    """What the judge makes of a case, whose horizon ends with its last candle but one minute."""
    published = NOON - timedelta(seconds=30)
    sent = Signal(
        key=SignalKey(FeedTable.MAIN, "1"), timestamp=published, exchange="binance", currency="USDT", coin="BTC",
        direction="LONG", buy_start=Decimal(100), buy_end=Decimal(100), target1=Decimal(110),
        target2=Decimal(120), target3=None, stop_loss=Decimal(90), type="SHORT TERM", ask=None, risk_level=None,
    )  # fmt: skip
    minutes = range(_FIRST, _FIRST + len(case.candles))
    candles = Candles(minutes, *zip(*case.candles, strict=True), decimals=0, until=_FIRST + 60)
    return judge(Story(first_seen=published, versions=[(published, sent)]), case.rules, candles)


def told(one: Outcome) -> str:
    """The outcome and its R, in words."""
    if one.r_worst is None:
        live = " so far" if one.outcome in ("open", "waiting") else ""
        return f"{one.outcome}{live}"
    if one.ambiguous:
        return f"{one.outcome}, {one.r_worst:+.2f} R at worst, {one.r_best:+.2f} R at best"
    return f"{one.outcome}, {one.r_gross:+.2f} R"


def picture() -> str:
    """All cases as one SVG."""
    rows = -(-len(CASES) // _COLUMNS)
    size = (_COLUMNS * _WIDTH, rows * _HEIGHT)
    body = "\n".join(
        line for number, case in enumerate(CASES)
        for line in _panel(case, number % _COLUMNS * _WIDTH, number // _COLUMNS * _HEIGHT)
    )  # fmt: skip
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" font-family="sans-serif" '
        f'font-size="12">\n<rect width="{size[0]}" height="{size[1]}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _panel(case: Case, left: int, top: int) -> Iterator[str]:
    yield f'<text x="{left + 14}" y="{top + 24}" font-weight="bold" fill="#0f172a">{escape(case.title)}</text>'
    yield f'<text x="{left + 14}" y="{top + 42}" fill="#475569">{escape(told(judged(case)))}</text>'
    for name, price in LEVELS.items():
        y = top + _y(price)
        color = "#be123c" if name == "stop" else "#0369a1" if name == "entry" else "#047857"
        yield f'<path d="M{left + 14} {y}H{left + 220}" stroke="{color}" stroke-dasharray="4 3"/>'
        yield f'<text x="{left + 226}" y="{y + 4}" fill="{color}">{name}</text>'
    for place, (opened, high, low, close) in enumerate(case.candles):
        x = left + 40 + place * 44
        color = "#10b981" if close >= opened else "#f43f5e"
        upper, lower = _y(max(opened, close)), _y(min(opened, close))
        yield f'<path d="M{x} {top + _y(high)}V{top + _y(low)}" stroke="{color}" stroke-width="2"/>'
        yield f'<rect x="{x - 8}" y="{top + upper}" width="16" height="{max(2, lower - upper)}" fill="{color}"/>'


def _y(price: int) -> int:
    return 56 + round((_HIGH - price) / (_HIGH - _LOW) * (_HEIGHT - 70))


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
