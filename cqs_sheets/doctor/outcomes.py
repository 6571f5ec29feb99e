"""What judging signals needs: the extra, exchanges that answer, room for candles."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

from cqs_sheets.config import OutcomesSettings, Settings
from cqs_sheets.core.render import plural, size_text
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.doctor.finding import Finding, ok, warn
from cqs_sheets.errors import CqsError
from cqs_sheets.journal import Journal, JournalPlace
from cqs_sheets.market.exchanges import EXTRA, Budget, Exchanges, NoCandles, extra_is_there
from cqs_sheets.market.store import MOST_BYTES, STORE_FILE, CandleStore
from cqs_sheets.run.judging import market_of
from cqs_sheets.template_files import load_template

_SUBJECT = "outcomes"
_LATEST = 300  # signals: who is asked follows what the feed speaks of
_MOST_EXCHANGES = 5
_JUDGED_LATER = "Signals are written as ever, and judged once it answers."


def check_outcomes(
    settings: Settings, journal: JournalPlace, clock: Callable[[], datetime], progress: Callable[[str], None]
) -> Iterator[Finding]:
    """What judging needs, where outcomes are on; nothing is kept of what is fetched."""
    if not _are_on(settings):
        return
    if not extra_is_there():
        yield warn(
            _SUBJECT,
            "outcomes.extra",
            "market data comes through ccxt, which is not installed: no signal is judged.",
            f"{EXTRA}; what was written until then is judged afterwards.",
        )
        return
    yield ok(_SUBJECT, "outcomes.extra", f"ccxt {version('ccxt')} is installed")
    progress("asking exchanges for a candle")
    with tempfile.TemporaryDirectory() as folder, CandleStore.open(Path(folder)) as store:
        exchanges = Exchanges(store=store, root=settings.markets_url, budget=Budget())
        yield from _markets(settings, _latest(journal, clock), exchanges, clock())
    yield _candles(settings.home)


def _are_on(settings: Settings) -> bool:
    """As a run finds out: a template that shows outcomes switches them on, too."""
    from cqs_sheets.run.looking import shows_outcomes  # noqa: PLC0415 - not where nothing is judged

    if settings.outcomes is not None:
        return True
    try:
        return any(shows_outcomes(load_template(target.template)) for target in settings.targets)
    except CqsError:  # told where the target has its turn
        return False


def _latest(journal: JournalPlace, clock: Callable[[], datetime]) -> dict[str, Signal]:
    """The latest signal of each exchange (its code in lower case)."""
    try:
        with Journal.open_readonly(journal, clock=clock) as opened:
            return {record.signal.exchange.lower(): record.signal for record in opened.newest(_LATEST)}
    except CqsError:  # told where the journal has its turn
        return {}


def _markets(
    settings: Settings, latest: dict[str, Signal], exchanges: Exchanges, now: datetime
) -> Iterator[Finding]:
    instead = (settings.outcomes or OutcomesSettings()).candles_from
    minute = int((now - timedelta(minutes=1)).timestamp()) // 60
    for code in sorted(latest)[:_MOST_EXCHANGES]:
        market = market_of(latest[code], settings.targets[0].symbols, instead)
        if isinstance(market, str):
            yield ok(_SUBJECT, "outcomes.market", f"{code}: {market}, so its signals are not judged")
            continue
        try:
            rows = exchanges.minutes(*market, minute - 5, minute)
        except NoCandles as refused:
            yield warn(_SUBJECT, "outcomes.market", f"{code}: {refused.reason}", _JUDGED_LATER)
        else:
            told = plural(len(rows), "minute") + " of the last five traded"
            yield ok(_SUBJECT, "outcomes.market", f"{code} answers: {market.symbol}, {told}")
    if not latest:
        yield ok(_SUBJECT, "outcomes.market", "no signal yet whose exchange could be asked")


def _candles(home: Path) -> Finding:
    files = (home / STORE_FILE, home / f"{STORE_FILE}-wal")
    size = sum(file.stat().st_size for file in files if file.exists())
    kept = f"{size_text(size)} of candles kept in {files[0]}" if size else "no candles kept yet"
    return ok(
        _SUBJECT,
        "outcomes.candles",
        f"{kept}; from {size_text(MOST_BYTES)} on the oldest minutes are dropped",
    )
