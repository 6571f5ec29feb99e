"""The journal of a run: where it is, read anew in another server_timezone, and what a sandbox's held before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cqs_sheets.config import Settings
from cqs_sheets.config.values import holds_password, journal_problem
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals import parse
from cqs_sheets.core.signals.signal import FeedTable, Record, moment
from cqs_sheets.core.text import plural
from cqs_sheets.errors import UsageError
from cqs_sheets.journal import JOURNAL_FILE, Journal, JournalPlace, KeptAnswer, SharedJournal
from cqs_sheets.run.poll import imported
from cqs_sheets.values import replace

if TYPE_CHECKING:
    from cqs_sheets.sandbox import Simulation

Sent = Mapping[tuple[FeedTable, str], Collection[tuple[str, datetime]]]
"""Time stamps as they were sent, and as clocks in UTC read them, by table and id of the API."""

_RECENT = 50  # answers, of which one has the newest signal
_QUARTER, _FARTHEST = (
    timedelta(minutes=15),
    timedelta(hours=14),
)  # zones are whole quarters of an hour off UTC
_DAYS = 30  # of a sandbox's past
_APART = timedelta(hours=23, minutes=17)  # so that every hour of the day has its turn
_SERVED = ("binance", "binance_futures", "bybit")  # exchanges whose candles the sandbox has


def journal_place(settings: Settings) -> JournalPlace:
    """Where the journal of these settings is: a file, or PostgreSQL."""
    if settings.journal_url:
        return SharedJournal(settings.journal_url, settings.tenant)
    return settings.home / JOURNAL_FILE


def place_of(text: str, settings: Settings, environ: Mapping[str, str]) -> JournalPlace:
    """A journal as an argument names it: a path, `env:NAME`, or a URL without a password. Raises UsageError."""
    named = text.removeprefix("env:")
    url = environ.get(named, "") if named != text else text
    if named == text and "://" not in text:
        return Path(text)
    problem = journal_problem(url)
    if named == text and not problem and holds_password(url):
        problem = (
            "a password in an argument is seen by everyone on this computer: put the URL in the environment"
        )
    if problem:
        raise UsageError(
            f"{'the journal named' if named == text else named}: {problem}.",
            meaning="Nothing was copied.",
            hint="Name it env:NAME, where NAME is an environment variable such as CQS_JOURNAL.",
        )
    return SharedJournal(Secret(url), settings.tenant)


def read_in(journal: Journal, zone: tzinfo, now: datetime) -> None:
    """Read all time stamps in `zone`, if the journal holds such as were read in another one.

    Each signal keeps its stamp as it was sent; older versions kept none, theirs are looked for in the answers.
    Raises UsageError, with everything as it was, where one cannot be found: times in two zones help nobody.
    """
    newest = journal.newest(1)
    if not newest or not _is_read_otherwise(journal, newest[0], zone):
        return
    records = list(journal.records())
    sent = _sent(journal.answers()) if any(not _is_known(each) for each in records) else {}
    revised = [_revised(each, sent, zone) for each in records]
    lost = sum(each is None for each in revised)
    if lost:
        was = newest[0].signal.sent_zone
        back = f'= "{was}" again' if was else "back to what it was"
        raise UsageError(
            f"server_timezone is {zone} now and was {was or 'another one'}: the time stamps of"
            f" {plural(lost, 'signal')} of {len(records):,} cannot be read anew, as the answers that they came in"
            " are not kept any more.",
            meaning="Nothing was asked and nothing was changed: times in two zones would stand in your sheets.",
            hint=f"Set server_timezone {back}, or begin a new journal: set CQS_HOME to another folder.",
        )
    journal.read_anew((each for each in revised if each), now)


def _is_read_otherwise(journal: Journal, newest: Record, zone: tzinfo) -> bool:
    """Whether the newest signal was read in another zone; one of an older version does not say in which."""
    if newest.signal.sent_zone:
        return newest.signal.sent_zone != str(zone)
    anew = _revised(newest, _sent(islice(journal.answers(), _RECENT)), zone)
    return anew is not None and anew.signal.timestamp != newest.signal.timestamp


def _is_known(record: Record) -> bool:
    return bool(record.signal.sent or record.signal.sent_zone)


def _revised(record: Record, sent: Sent, zone: tzinfo) -> Record | None:
    """The record by the clocks of `zone`; None if its stamp as it was sent is not known."""
    signal = record.signal
    text = signal.sent if _is_known(record) else _text_of(record, sent)
    if text is None:
        return None
    read = moment(text, zone, record.first_seen) if text else None  # one with a zone of its own stays
    changed = replace(signal, timestamp=read or signal.timestamp, sent=text, sent_zone=str(zone))
    return replace(record, signal=changed, revision=record.revision + 1)


def _text_of(record: Record, sent: Sent) -> str | None:
    """What was sent that some zone's clocks read as the record's time; "" if it had a zone of its own."""
    signal = record.signal
    for text, read in sent.get((signal.key.table, signal.key.api_id), ()):
        off = abs(read - signal.timestamp)
        if not off or (text and off <= _FARTHEST and not off % _QUARTER):
            return text
    return None


def _sent(answers: Iterable[KeptAnswer]) -> Sent:
    found: dict[tuple[FeedTable, str], set[tuple[str, datetime]]] = {}
    for kept in answers:
        try:
            envelope = parse.parse_envelope(kept.body)
        except parse.NotTheEnvelope:
            continue
        for signal in parse.parse_signals(envelope.signals, table=kept.table, zone=UTC, at=kept.at).signals:
            stamps = found.setdefault((kept.table, signal.key.api_id), set())
            stamps.add((signal.sent, signal.timestamp))
    return found


def give_past(journal: Journal, market: Simulation, feed: str, now: datetime) -> None:
    """Let a journal that knows no older signal know some of a sandbox's last weeks: what a sync a day had caught.

    So a track record has something to tell.
    """
    from cqs_sheets.sandbox import FREE_KEY, Horizon, Service  # noqa: PLC0415 - for the sandbox only

    if any(True for _ in journal.records(until=now - timedelta(days=1))):
        return
    service = Service(market)
    types = {FeedTable.MAIN: "", FeedTable.SCALPING: Horizon.SCALPING.value}
    for number in range(_DAYS, 0, -1):
        at = now - number * _APART
        for exchange in _SERVED:
            for table, kind in types.items():
                asked = {"api_key": FREE_KEY, "interval": "20", "exchange": exchange, "type": kind}
                body = service.answer("GET", "/getSignal/", asked, at).body
                imported(journal, body, feed=feed, table=table, at=at, zone=UTC)
