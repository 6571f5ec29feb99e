"""Another server_timezone: the time stamps of all signals are read anew, from what was sent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, tzinfo

from cqs_sheets.core.render import plural
from cqs_sheets.core.signals import parse
from cqs_sheets.core.signals.signal import FeedTable, Record, moment
from cqs_sheets.errors import UsageError
from cqs_sheets.journal import Journal, KeptAnswer

Sent = dict[tuple[FeedTable, str, datetime], str]
"""Time stamps as they were sent, by table, id of the API, and what they were read as."""


def read_in(journal: Journal, zone: tzinfo, now: datetime) -> None:
    """Read all time stamps in `zone`, if the journal holds such as were read in another one.

    Each signal keeps its stamp as it was sent; older versions kept none, theirs are looked for in the answers.
    Raises UsageError, with everything as it was, where one cannot be found: times in two zones help nobody.
    """
    newest = journal.newest(1)
    was = newest[0].signal.sent_zone if newest else ""
    if was in ("", str(zone)):
        return
    records = list(journal.records())
    sent = _sent(journal.answers(), was) if any(not _is_known(each) for each in records) else {}
    revised = [_revised(each, sent, zone) for each in records]
    lost = sum(each is None for each in revised)
    if lost:
        raise UsageError(
            f"server_timezone is {zone} now and was {was}: the time stamps of {plural(lost, 'signal')} of"
            f" {len(records):,} cannot be read anew, as the answers that they came in are not kept any more.",
            meaning="Nothing was asked and nothing was changed: times in two zones would stand in your sheets.",
            hint=f'Set server_timezone = "{was}" again, or begin a new journal: set CQS_HOME to another folder.',
        )
    journal.read_anew((each for each in revised if each), now)


def _is_known(record: Record) -> bool:
    return bool(record.signal.sent or record.signal.sent_zone)


def _revised(record: Record, sent: Sent, zone: tzinfo) -> Record | None:
    """The record by the clocks of `zone`; None if its stamp as it was sent is not known."""
    signal = record.signal
    text = (
        signal.sent
        if _is_known(record)
        else sent.get((signal.key.table, signal.key.api_id, signal.timestamp))
    )
    if text is None:
        return None
    read = moment(text, zone, record.first_seen) if text else None  # one with a zone of its own stays
    changed = replace(signal, timestamp=read or signal.timestamp, sent=text, sent_zone=str(zone))
    return replace(record, signal=changed, revision=record.revision + 1)


def _sent(answers: Iterable[KeptAnswer], was: str) -> Sent:
    from cqs_sheets.core.plan.zones import zone_named  # noqa: PLC0415 - for this rare occasion only

    zone = zone_named(was)
    return dict(_stamps(answers, zone)) if zone else {}


def _stamps(
    answers: Iterable[KeptAnswer], was: tzinfo
) -> Iterator[tuple[tuple[FeedTable, str, datetime], str]]:
    for kept in answers:
        try:
            envelope = parse.parse_envelope(kept.body)
        except parse.NotTheEnvelope:
            continue
        for signal in parse.parse_signals(envelope.signals, table=kept.table, zone=was, at=kept.at).signals:
            yield (kept.table, signal.key.api_id, signal.timestamp), signal.sent
