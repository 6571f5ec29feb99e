"""One signal as a page: what it says, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from decimal import Decimal
from itertools import pairwise

import click

from cqs_sheets.cli.terminal.news import ratio_text
from cqs_sheets.cli.terminal.output import say
from cqs_sheets.core.news import Happened, News, zone_text
from cqs_sheets.core.prices import aligned, plain_price
from cqs_sheets.core.render import harmless, moment_text
from cqs_sheets.core.signals import exchanges as symbols
from cqs_sheets.core.signals import risk
from cqs_sheets.core.signals.exchanges import Symbols
from cqs_sheets.core.signals.signal import Record, Signal
from cqs_sheets.journal import Revision


def print_page(revisions: Sequence[Revision], names: Symbols, zone: tzinfo) -> None:
    """A signal (its revisions, oldest first), times on the clocks of `zone`."""
    record = revisions[-1].record
    signal = record.signal
    click.secho(harmless(f"{symbols.pair(signal)} {signal.direction}"), bold=True)
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
