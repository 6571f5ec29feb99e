"""One signal as a page: what it says, what happened to it, and what its market did meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal
from itertools import pairwise

import click

from cqs_sheets.cli.terminal.news import ratio_text
from cqs_sheets.cli.terminal.output import say, shows_unicode
from cqs_sheets.core.news import Happened, News, zone_text
from cqs_sheets.core.outcomes.candles import Candles, price_decimal
from cqs_sheets.core.outcomes.judge import Outcome
from cqs_sheets.core.outcomes.setup import moment_of
from cqs_sheets.core.render import aligned, moment_text, plain_price
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.exchanges import Symbols, pair
from cqs_sheets.core.signals.signal import Record, Signal
from cqs_sheets.core.text import harmless
from cqs_sheets.journal import Revision
from cqs_sheets.values import dataclass

_WIDE, _HIGH = 60, 15  # of the picture, in characters
_MARGIN = 5  # a share of what is shown is left free above and below: one part in so many


def print_page(revisions: Sequence[Revision], names: Symbols, zone: tzinfo) -> None:
    """A signal (its revisions, oldest first), times on the clocks of `zone`."""
    record = revisions[-1].record
    signal = record.signal
    click.secho(harmless(f"{pair(signal)} {signal.direction}"), bold=True)
    for block in (_life(record, zone), _plan(signal), _more(signal, names)):
        pairs = [(name, harmless(text)) for name, text in block if text]
        for name, text in pairs:
            say(f"{name:<12} {text}", hanging=" " * 13)
    click.secho("What happened", bold=True)
    for line in _history(revisions, zone):
        say(harmless(line), hanging=" " * 13)


def _life(record: Record, zone: tzinfo) -> Iterator[tuple[str, str]]:
    yield "id", f"{record.signal.key.id} (table {record.signal.key.table.value})"
    yield "status", record.status.value
    yield "published", moment_text(record.signal.timestamp, zone)
    yield "first seen", moment_text(record.first_seen, zone)
    yield "last seen", moment_text(record.last_seen, zone) if record.last_seen else ""


def _plan(signal: Signal) -> Iterator[tuple[str, str]]:
    yield "entry zone", zone_text(signal).replace("-", " - ")
    targets = [(f"target {at}", getattr(signal, f"target{at}")) for at in (1, 2, 3)]
    prices = [("ask", signal.ask), ("stop", signal.stop_loss), *targets]
    texts = aligned([plain_price(price) for _, price in prices])
    for (name, price), text in zip(prices, texts, strict=True):
        if price is None:
            continue
        far = risk.stop_share(signal) if name == "stop" else risk.target_share(signal, price)
        ratio = risk.reward_to_risk(signal, price) if name != "ask" else None
        notes = [
            _percent(far) if name != "ask" else "",
            f"R:R {ratio_text(ratio)}" if ratio is not None else "",
        ]
        yield name, "  ".join([text, *filter(None, notes)]).rstrip()


def _more(signal: Signal, names: Symbols) -> Iterator[tuple[str, str]]:
    yield "horizon", signal.type
    yield "exchange", f"{names.exchange_name(signal.exchange)} ({signal.exchange})"
    yield "risk", plain_price(signal.risk_level)
    yield "leverage", plain_price(signal.leverage)
    yield "odd", "; ".join(signal.flags)
    yield from signal.extra.items()
    yield "page", names.url(signal)


def _history(revisions: Sequence[Revision], zone: tzinfo) -> Iterator[str]:
    first = revisions[0]
    seen = "first seen" if first.record.revision == 1 else "what came before was dropped (journal prune)"
    yield f"{moment_text(first.at, zone)}  revision {first.record.revision}: {seen}"
    for before, after in pairwise(revisions):
        told = News(what=Happened.CHANGED, record=after.record, before=before.record).changes
        status = after.record.status.value if after.record.status is not before.record.status else ""
        changes = ", ".join(filter(None, [status, told])) or "as before"
        yield f"{moment_text(after.at, zone)}  revision {after.record.revision}: {changes}"


def _percent(share: Decimal | None) -> str:
    return "" if share is None else f"{share * 100:.2f} % away"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened at a minute, at a price."""

    at: datetime
    what: str
    price: Decimal | None = None


def print_story(one: Outcome, first_seen: datetime, candles: Candles | None, zone: tzinfo) -> None:
    """The signal's story by what its market did, and the market as a picture where candles of it are kept."""
    click.secho(f"On paper: {one.outcome or 'not judged'}{_result(one)}", bold=True)
    for event in _events(one, first_seen):
        price = "" if event.price is None else f"  at {plain_price(event.price)}"
        click.echo(f"  {event.at.astimezone(zone):%Y-%m-%d %H:%M}  {event.what}{price}")
    if one.ambiguous:
        click.echo(
            "  One candle reached two levels: nobody can tell which came first, so the lowest reading counts."
        )
    picture = None if candles is None else list(_picture(one, candles))
    if picture:
        click.echo()
        for line in picture:
            click.echo(line)


def _result(one: Outcome) -> str:
    if one.r_net is None:
        return ""
    sure = f" ({one.r_worst:+.2f} to {one.r_best:+.2f} R before fees)" if one.ambiguous else ""
    return f", {one.r_net:+.2f} R net, {one.r_gross:+.2f} R gross{sure}"


def _events(one: Outcome, first_seen: datetime) -> list[Event]:
    """Everything that has a time, in its order."""
    found = [Event(one.signal.timestamp, "published"), Event(first_seen, "first seen by a sync")]
    if one.clock:
        found.append(Event(one.clock, f"counts from here ({one.clock_by or 'seen'})"))
    if one.entered_at:
        found.append(Event(one.entered_at, "entered", one.entry))
    for leg in one.legs:
        part = "" if leg.share is None else f", {float(leg.share):.0%} of it closed"
        found.append(Event(leg.at, f"{leg.why.replace('target', 'target ')}{part}", leg.price))
    if one.ends and one.as_of and one.ends <= one.as_of:
        found.append(Event(one.ends, "its time is over"))
    elif one.as_of and not one.legs:
        found.append(Event(one.as_of, "judged up to here"))
    return sorted(found, key=lambda event: event.at)


def _picture(one: Outcome, candles: Candles) -> Iterator[str]:
    """The market from the clock to the end of the trade, in columns of equal time; levels as dotted lines."""
    if one.clock is None or one.as_of is None:
        return
    begin = int(one.clock.timestamp()) // 60
    last = one.legs[-1].at if one.legs and one.r_net is not None else one.as_of
    end = max(begin + 10, int(last.timestamp()) // 60 + 2)
    spans = _columns(candles, begin, end)
    levels = list(_levels(one))
    shown = [price for span in spans if span for price in span]
    if not shown:
        return
    prices = [*shown, *(price for _, price in levels)]
    low, high = min(prices), max(prices)
    room = (high - low) / (_MARGIN * 4) or abs(low) / 100
    low, step = low - room, (high - low + 2 * room) / _HIGH
    bar, dot = ("┃", "┄") if shows_unicode() else ("|", "-")
    entered = None if one.entered_at is None else int(one.entered_at.timestamp()) // 60
    for row in range(_HIGH - 1, -1, -1):
        bottom, top = low + row * step, low + (row + 1) * step
        named = [(name, price) for name, price in levels if bottom <= price < top]
        cells = [
            bar if span and span[0] < top and span[1] >= bottom else (dot if named else " ") for span in spans
        ]
        label = ", ".join(f"{name} {plain_price(price)}" for name, price in named)
        yield f"  {''.join(cells)} {label}".rstrip()
    if entered is not None:
        mark = min(_WIDE - 1, max(0, (entered - begin) * _WIDE // (end - begin)))
        yield f"  {' ' * mark}^ entered"
    yield f"  {moment_of(begin):%m-%d %H:%M}{f'{moment_of(end):%m-%d %H:%M} UTC':>{_WIDE - 11}}"


def _columns(candles: Candles, begin: int, end: int) -> list[tuple[Decimal, Decimal] | None]:
    """The lowest and highest price of each column of the picture, None where nobody traded."""
    found: list[tuple[Decimal, Decimal] | None] = []
    for column in range(_WIDE):
        first = candles.index(begin + (end - begin) * column // _WIDE)
        stop = candles.index(begin + (end - begin) * (column + 1) // _WIDE)
        if first < stop:
            high, low = candles.extremes(first, stop, 1)
            found.append((price_decimal(low), price_decimal(high)))
        else:
            found.append(found[-1] if found else None)
    return found


def _levels(one: Outcome) -> Iterator[tuple[str, Decimal]]:
    """The levels of the signal, by name."""
    signal = one.signal
    zone = risk.entry_zone(signal)
    if zone:
        yield "entry", zone[1] if signal.direction == "LONG" else zone[0]
    if signal.stop_loss is not None:
        yield "stop", signal.stop_loss
    targets: Sequence[Decimal | None] = (signal.target1, signal.target2, signal.target3)
    for rank, target in enumerate(targets, 1):
        if target is not None:
            yield f"TP{rank}", target
