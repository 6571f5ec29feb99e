"""`cqs-sheets outcomes`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from cqs_sheets.cli.options import MOMENT, Options, filter_options, journal_options
from cqs_sheets.cli.session import journal_of
from cqs_sheets.cli.terminal.output import Progress, print_json, print_lines, print_warning
from cqs_sheets.cli.terminal.tables import console
from cqs_sheets.core.outcomes.candles import Candles
from cqs_sheets.core.outcomes.judge import Outcome
from cqs_sheets.core.outcomes.rules import Rules, as_json, read_rules
from cqs_sheets.core.outcomes.setup import Story
from cqs_sheets.core.outcomes.statistics import ENOUGH, Share, Summary, track_record
from cqs_sheets.core.render import moment_text
from cqs_sheets.core.signals.coverage import Coverage
from cqs_sheets.core.signals.exchanges import nearest
from cqs_sheets.core.text import plural
from cqs_sheets.core.toml import TomlProblems, describe
from cqs_sheets.errors import UsageError
from cqs_sheets.export import outcomes_csv, outcomes_json
from cqs_sheets.files import opened
from cqs_sheets.journal import Journal
from cqs_sheets.market.candle_files import COLUMNS as CANDLE_COLUMNS
from cqs_sheets.market.candle_files import MarketName, read_candles
from cqs_sheets.market.exchanges import EXTRA, extra_is_there
from cqs_sheets.run import Session, judge_of
from cqs_sheets.run.outcomes import Chosen, judged, stories, without_candles
from cqs_sheets.values import dataclass, replace

_MOST_MARKETS = 5  # named in a warning
_NOTHING = "Nothing was judged."
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


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesOptions(Options):
    """Which signals to judge, on what, by what rules, and how to print it."""

    format_: str
    candles: Path | None
    rules: Path | None
    since: datetime | None
    feeds: tuple[str, ...]


@click.command("outcomes")
@click.option("--candles", type=click.Path(path_type=Path), metavar="FILE.csv",
              help="One-minute candles: exchange,symbol,time,open,high,low,close,volume.")  # fmt: skip
@click.option("--rules", type=click.Path(path_type=Path), metavar="FILE.toml",
              help="Other rules than the default ones; the table then shows both.")  # fmt: skip
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table",
              show_default=True, help="A summary, everything, or one row a signal.")  # fmt: skip
@click.option("--since", type=MOMENT, help="Only signals published from then on (UTC).")
@click.option("--feed", "feeds", multiple=True, metavar="NAME", help="Only this feed's signals. Repeatable.")
@filter_options
@journal_options
def outcomes_command(**options: Any) -> None:
    """Show what became of the signals: the feed's track record, on candles.

    Every signal in the journal is paper-traded by fixed rules; nothing is traded. Candles are fetched from the
    exchanges, and kept, as far as they are needed (that takes the extra cqs-sheets[outcomes]); with --candles
    nothing is fetched.

    \b
    Examples:
      cqs-sheets outcomes --since 2026-05-01
      cqs-sheets outcomes --candles candles.csv
      cqs-sheets outcomes --candles candles.csv --rules trailing.toml --type "SHORT TERM"
      cqs-sheets outcomes --candles candles.csv --format json > outcomes.json
    """
    given = OutcomesOptions(**options)
    ruled = None if given.rules is None else _rules(given.rules)
    markets = None if given.candles is None else read_candles(given.candles)
    with journal_of(given, serve=markets is None) as (session, journal):
        told = list(stories(journal, _chosen(given, session, journal)))
        settings = session.settings.outcomes
        rules = ruled or (settings.rules if settings else Rules())
        others = _others(rules) if given.format_ == "table" else {}
        outcomes, *beside = _judged(told, [rules, *others.values()], markets, given, session, journal)
        if not given.quiet:
            _warn(told, outcomes, markets)
        if given.format_ == "json":
            print_json(outcomes_json(outcomes, track_record(outcomes), rules))
        elif given.format_ == "csv":
            print_lines(outcomes_csv(outcomes), are_json=False)
        elif told:
            named = dict(zip(others, beside, strict=True))
            print_track_record(outcomes, named, rules, journal.coverage())
        else:
            click.echo(f"The journal holds no such signal.{session.look_elsewhere}", err=True)


def _judged(
    told: Sequence[Story],
    by: Sequence[Rules],
    markets: Mapping[MarketName, Candles] | None,
    given: OutcomesOptions,
    session: Session,
    journal: Journal,
) -> list[list[Outcome]]:
    """What became of the signals by each set of rules: on the candles of a file, or on those that are fetched."""
    if markets is not None:
        return [judged(told, rules, markets) for rules in by]
    if told and not extra_is_there():
        raise UsageError(
            "Market data comes through ccxt, which is not installed.",
            meaning=_NOTHING,
            hint=f"{EXTRA}, or give candles as a CSV file: --candles FILE.csv,"
            f" with the header {','.join(CANDLE_COLUMNS)}",
        )
    progress = Progress(enabled=not given.quiet)
    try:
        return judge_of(session, journal, progress=progress).judge_all(told, by)
    finally:
        progress.clear()


def _others(rules: Rules) -> dict[str, Rules]:
    """Other rules to hold beside: each of these differs from `rules` in one thing."""
    others = {
        "by the default rules": Rules(),
        "from publication": replace(rules, clock="published"),
        "as revised": replace(rules, values="revised"),
        "until the provider closed it": replace(rules, until_closed=True),
        "fills only beyond the price": replace(rules, through=1),
        "entry in three steps": replace(rules, entry="steps"),
        "entry at the near edge": replace(rules, entry="near"),
        "fixed stop": replace(rules, stop="fixed"),
        "stop to breakeven": replace(rules, stop="breakeven"),
        "trailing stop": replace(rules, stop="trailing"),
    }
    return {name: other for name, other in others.items() if other != rules}


def _chosen(options: OutcomesOptions, session: Session, journal: Journal) -> Chosen:
    known = [feed.name for feed in session.settings.feeds]
    for name in options.feeds:
        if name not in known and not any(True for _ in journal.records([name])):
            near = nearest(name, known)
            meant = f"Did you mean {near}?" if near else f"Feeds here: {', '.join(known)}."
            raise UsageError(f"There is no feed {name!r}.", meaning=_NOTHING, hint=meant)
    return Chosen(
        feeds=options.feeds,
        since=options.since,
        exchange=options.exchange,
        currency=options.currency,
        type=options.type,
    )


def _rules(path: Path) -> Rules:
    try:
        with opened(path) as file:
            return read_rules(file.read().decode("utf-8-sig"))
    except TomlProblems as error:
        message, hint = describe(error.problems, str(path)), "Correct the file and run again."
    except UnicodeDecodeError:
        message, hint = f"{path} is not UTF-8 text.", "Save it as UTF-8."
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message, hint = f"{path} cannot be read: {reason}.", "Name a TOML file of rules with --rules."
    raise UsageError(message, meaning=_NOTHING, hint=hint, kind="rules")


def _warn(
    told: Sequence[Story], outcomes: Sequence[Outcome], markets: Mapping[MarketName, Candles] | None
) -> None:
    """What the reader of the figures has to know of single signals."""
    absent = [] if markets is None else without_candles(told, markets)
    missing = [f"{market.symbol} at {market.exchange}" for market in absent]
    if missing:
        more = f" and {len(missing) - _MOST_MARKETS} more" if len(missing) > _MOST_MARKETS else ""
        print_warning(f"no candles of {', '.join(missing[:_MOST_MARKETS])}{more}: their signals are unknown")
    for reason, count in Counter(one.reason for one in outcomes if one.outcome is None).items():
        print_warning(f"{plural(count, 'signal')} not judged: {reason}")
    late = sum(one.clock_by == "published" for one in outcomes)
    seen = sum(one.clock_by == "seen" for one in outcomes)
    if late and seen:
        print_warning(
            f"{plural(late, 'signal')} imported long after publication: judged from publication, not first sight"
        )


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
        table.add_row(
            one.by.removesuffix("_level"), one.value or "none", *_cells(one, wide=wide), style=style
        )
    out.print(table)
    out.print()
    others = _table("By other rules", "", wide=wide)
    for name, other in beside.items():
        others.add_row(name, "", *_cells(track_record(other)[0], wide=wide))
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
