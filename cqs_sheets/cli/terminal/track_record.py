"""The track record on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import click
from rich.table import Table

from cqs_sheets.cli.terminal.tables import console
from cqs_sheets.core.outcomes.rules import Rules, as_json
from cqs_sheets.core.outcomes.statistics import ENOUGH, Share, Summary, track_record
from cqs_sheets.core.outcomes.verdict import Outcome
from cqs_sheets.core.render import moment_text, plural
from cqs_sheets.core.signals.coverage import Coverage

_WIDE = 110  # columns of the terminal from which intervals have room
_NOTE = (
    "R is net of fees; 1 R is what the plan risked. Fills assume that a touch is enough, at any size."
    f" Slices are exploratory: dim ones have fewer than {ENOUGH} signals, + and - mark an expectancy"
    " beyond chance among all slices (Benjamini-Hochberg, 10 %). Signals of long, overlapping horizons"
    " make all intervals too narrow."
)
_EXCLUDED = {
    "missed": "missed", "invalidated": "invalidated", "unfilled": "unfilled", "touched": "without stop or target",
    "unknown": "unknown", "too_young": "too young", "not_judged": "not judged",
}  # fmt: skip


def print_track_record(
    outcomes: Sequence[Outcome], beside: Mapping[str, Sequence[Outcome]], rules: Rules, coverage: Coverage
) -> None:
    """The record by slices, the same signals by other rules, and what the figures leave out."""
    out = console()
    summaries = track_record(outcomes)
    whole, wide = summaries[0], out.width >= _WIDE
    as_of = max((one.as_of for one in outcomes if one.as_of), default=None)
    click.echo(f"{plural(whole.signals, 'signal')}, {whole.entered:,} entered and over{_until(as_of)}.")
    click.echo(f"Rules: {_rules_text(rules)}.")
    out.print()
    table = _table("By", "Value", wide=wide)
    for one in summaries:
        style = "bold" if one.by == "all" else "" if one.enough else "dim"
        table.add_row(one.by, one.value or "none", *_cells(one, wide=wide), style=style)
    out.print(table)
    out.print()
    others = _table("By other rules", "", wide=wide)
    for name, judged in beside.items():
        others.add_row(name, "", *_cells(track_record(judged)[0], wide=wide))
    out.print(others)
    out.print()
    for line in (_excluded_text(whole), _unknown_text(whole), _coverage_text(coverage), _NOTE):
        if line:
            out.print(line, style="dim" if line == _NOTE else "")


def _table(first: str, second: str, *, wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2 if wide else 1, 0, 0))
    for name in (first, second):
        table.add_column(name, overflow="fold")
    for name in ("Signals", "Entered", "T1 %", "T2 %", "T3 %", "Exp. R", "+/-", "PF", "Max DD"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _cells(one: Summary, *, wide: bool) -> list[str]:
    mark = {1: " +", -1: " -"}.get(one.claim, "")
    return [
        f"{one.signals:,}",
        f"{one.entered:,}",
        *(_share_text(share, wide=wide) for share in one.hits),
        _number(one.expectancy_r, "+z.2f") + mark,
        _number(one.stderr_r, ".2f"),
        _number(one.profit_factor, ".2f"),
        _number(one.max_drawdown_r, ".1f"),
    ]


def _share_text(share: Share, *, wide: bool) -> str:
    if share.share is None:
        return ""
    text = f"{share.share * 100:.0f}"
    if wide and share.low is not None and share.high is not None:
        text += f" ({share.low * 100:.0f}-{share.high * 100:.0f})"
    return text


def _number(number: Decimal | None, form: str) -> str:
    return "" if number is None else format(number, form)


def _until(as_of: object) -> str:
    return f", on candles to {as_of:%Y-%m-%d %H:%M} UTC" if as_of else ""


def _rules_text(rules: Rules) -> str:
    told = as_json(rules)
    split = "equal parts" if rules.split is None else " / ".join(told["split"])
    return (
        f"entry {rules.entry}, stop {rules.stop}, split {split}, fee {told['fee']},"
        f" funding {told['funding_8h']}, clock {rules.clock}, values {rules.values}"
    )


def _excluded_text(whole: Summary) -> str:
    parts = [f"{whole.excluded[name]:,} {words}" for name, words in _EXCLUDED.items() if whole.excluded[name]]
    ambiguous = whole.excluded["ambiguous"]
    told = f"Not in it: {', '.join(parts)}." if parts else ""
    if ambiguous:
        told += f" In it by their lowest reading: {ambiguous:,} ambiguous."
    return told.strip()


def _unknown_text(whole: Summary) -> str:
    if not whole.excluded["unknown"] or whole.if_unknown_lost is None:
        return ""
    return f"With each unknown one at -1 R the expectancy is {whole.if_unknown_lost:+.2f} R."


def _coverage_text(coverage: Coverage) -> str:
    """How much of the time the polls looked at: what they did not see is in no figure."""
    whole = coverage.covered_seconds + coverage.gap_seconds
    if coverage.since is None or not whole:
        return "No poll has covered anything yet."
    share = 100 * coverage.covered_seconds / whole
    return f"Polls covered {share:.1f} % of the time since {moment_text(coverage.since)}."
