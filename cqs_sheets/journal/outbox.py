"""What alerts have to tell: noted in the same step as what happened, kept until it was sent.

An entry waits, is being sent (a try that broke off leaves it so: nobody knows whether it arrived), was sent, or was
given up. Each alert has its own entries; one that no config names any more loses them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from cqs_sheets.core.alerts import Kind, Notice, SendState
from cqs_sheets.journal import model
from cqs_sheets.journal.database import Database, Row
from cqs_sheets.values import dataclass

PATIENCE = timedelta(minutes=5)
"""How long something fails before it is told, unless repeating cannot mend it."""

_KEPT = timedelta(days=30)
_MINUTE = timedelta(minutes=1)

_TELL = """INSERT INTO outbox (alert, at, kind, arrival, revision, detail)
    SELECT id, ?, ?, ?, ?, ? FROM alerts"""

# a revision that was pruned is told as the signal is now
_ENTRIES = f"""SELECT o.id, o.at, o.kind, o.detail, o.state, o.sent, o.tries, {model.RECORD},
        b.status, b.last_seen, b.revision, b.content
    FROM outbox o
    LEFT JOIN signals s ON s.arrival = o.arrival
    LEFT JOIN revisions r ON r.arrival = s.arrival AND r.revision = coalesce((SELECT p.revision FROM revisions p
        WHERE p.arrival = o.arrival AND p.revision = o.revision), s.revision)
    LEFT JOIN revisions b ON o.kind = 'changed' AND b.arrival = s.arrival AND b.revision = o.revision - 1
    WHERE o.alert = ?"""  # noqa: S608 - constants

_SEND_STATE = """SELECT failures, tried,
        (SELECT count(DISTINCT batch) FROM outbox WHERE alert = :id AND state = 'sent' AND sent > :recent),
        (SELECT max(sent) FROM outbox WHERE alert = :id AND state = 'sent')
    FROM alerts WHERE id = :id"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert as the journal knows it: it tells of what came after `since`; `reason` why the last try failed."""

    id: int
    name: str
    since: datetime
    failures: int
    reason: str
    waiting: int
    last_sent: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """One thing to tell, and what became of that: `state` is waiting, sending, sent or given up."""

    notice: Notice
    state: str
    sent: datetime | None
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Why something fails; `final`: repeating cannot mend it."""

    message: str
    hint: str
    final: bool


def tell(
    database: Database,
    at: datetime,
    kind: Kind,
    *,
    arrival: int | None = None,
    revision: int | None = None,
    detail: Mapping[str, str] | None = None,
) -> None:
    """Note something for every alert there is; within the transaction of what happened."""
    text = json.dumps(detail) if detail else ""
    database.note(_TELL, (model.to_stamp(at), kind.value, arrival, revision, text))


def tell_all(database: Database, at: datetime, news: Iterable[tuple[Kind, int, int]]) -> None:
    """The same of what became of signals, each by its arrival and revision; no `news` is asked for without an alert."""
    if database.execute("SELECT 1 FROM alerts LIMIT 1"):
        stamp = model.to_stamp(at)
        database.note_many(
            _TELL, [(stamp, kind.value, arrival, revision, "") for kind, arrival, revision in news]
        )


class Outbox:
    """The part of a Journal that alerts live on."""

    _database: Database

    def register_alerts(self, config: str, names: Collection[str], at: datetime) -> None:
        """From now on there are these alerts of that config file and no others; a new one begins at `at`."""
        known: dict[str, int] = dict(
            self._database.execute("SELECT name, id FROM alerts WHERE config = ?", (config,))
        )
        if set(known) == set(names):
            return
        with self._database.transaction():
            for name in set(known) - set(names):
                self._database.change("DELETE FROM outbox WHERE alert = ?", (known[name],))
                self._database.change("DELETE FROM alerts WHERE id = ?", (known[name],))
            for name in set(names) - set(known):
                self._database.insert(
                    "INSERT INTO alerts (config, name, since) VALUES (?, ?, ?)",
                    (config, name, model.to_stamp(at)),
                )

    def alerts(self, config: str) -> list[Alert]:
        """The alerts of a config file, in order of their beginning."""
        rows = self._database.execute(
            "SELECT a.id, a.name, a.since, a.failures, a.reason, (SELECT count(*) FROM outbox o"
            " WHERE o.alert = a.id AND o.state IN ('waiting', 'sending')), (SELECT max(o.sent) FROM outbox o"
            " WHERE o.alert = a.id AND o.state = 'sent') FROM alerts a WHERE a.config = ? ORDER BY a.id",
            (config,),
        )
        return [
            Alert(
                id=alert,
                name=name,
                since=model.from_stamp(since),
                failures=failures,
                reason=reason,
                waiting=waiting,
                last_sent=model.maybe_time(last),
            )
            for alert, name, since, failures, reason, waiting, last in rows
        ]

    def waiting(self, alert: int) -> list[Notice]:
        """What an alert has not told for sure, oldest first."""
        rows = self._database.execute(
            f"{_ENTRIES} AND o.state IN ('waiting', 'sending') ORDER BY o.id", (alert,)
        )
        return [_entry_from(row).notice for row in rows]

    def last_alerts(self, alert: int, limit: int) -> list[OutboxEntry]:
        """The newest entries of an alert, newest last."""
        rows = self._database.execute(f"{_ENTRIES} ORDER BY o.id DESC LIMIT ?", (alert, limit))
        return [_entry_from(row) for row in reversed(rows)]

    def send_state(self, alert: int, now: datetime) -> SendState:
        """How sending an alert has gone."""
        values = {"id": alert, "recent": model.to_stamp(now - _MINUTE)}
        [[failures, tried, last_minute, last]] = self._database.execute(_SEND_STATE, values)
        return SendState(
            failures=failures,
            tried=model.maybe_time(tried),
            last_minute=last_minute,
            last_sent=model.maybe_time(last),
        )

    def given_up(self, alert: int) -> int:
        """How many entries were given up, and that was not told yet."""
        sql = "SELECT count(*) FROM outbox WHERE alert = ? AND state = 'given up'"
        [[count]] = self._database.execute(sql, (alert,))
        return int(count)

    def drop(self, entries: Iterable[int], *, give_up: bool = False) -> None:
        """Take entries that nobody wants out of the outbox; or `give_up` sending them."""
        sql = (
            "UPDATE outbox SET state = 'given up' WHERE id = ?"
            if give_up
            else "DELETE FROM outbox WHERE id = ?"
        )
        with self._database.transaction():
            self._database.change_many(sql, [(entry,) for entry in entries])

    def begin_sending(self, alert: int, entries: Sequence[int], at: datetime) -> None:
        """Note, before it begins, that these entries are being sent as one message."""
        with self._database.transaction():
            [[last]] = self._database.execute("SELECT max(batch) FROM outbox WHERE alert = ?", (alert,))
            self._database.change_many(
                "UPDATE outbox SET state = 'sending', tries = tries + 1, batch = ? WHERE id = ?",
                [((last or 0) + 1, entry) for entry in entries],
            )
            self._database.change("UPDATE alerts SET tried = ? WHERE id = ?", (model.to_stamp(at), alert))

    def sending_ended(
        self, alert: int, entries: Sequence[int], at: datetime, *, reason: str = "", unsure: bool = False
    ) -> None:
        """Note that they were surely sent or, for a `reason`, were not; `unsure`: may have been all the same."""
        with self._database.transaction():
            if reason:
                self._database.change(
                    "UPDATE alerts SET failures = failures + 1, reason = ? WHERE id = ?", (reason, alert)
                )
                if not unsure:
                    self._database.change_many(
                        "UPDATE outbox SET state = 'waiting' WHERE id = ?", [(entry,) for entry in entries]
                    )
                return
            now = model.to_stamp(at)
            self._database.change("UPDATE alerts SET failures = 0, reason = '' WHERE id = ?", (alert,))
            self._database.change_many(
                "UPDATE outbox SET state = 'sent', sent = ? WHERE id = ?", [(now, entry) for entry in entries]
            )
            old = (alert, model.to_stamp(at - _KEPT))
            self._database.change("DELETE FROM outbox WHERE alert = ? AND state = 'sent' AND sent < ?", old)
            self._database.change("DELETE FROM outbox WHERE alert = ? AND state = 'given up'", (alert,))

    def troubles(self) -> list[tuple[str, datetime]]:
        """What fails, and since when, as far as there are alerts that ask to note it; the longest first."""
        rows = self._database.execute("SELECT what, since FROM troubles ORDER BY since")
        return [(what, model.from_stamp(since)) for what, since in rows]

    def note_troubles(self, at: datetime, failing: Mapping[str, Trouble], well: Collection[str]) -> None:
        """Note what fails now and what does not; what has failed long enough, and what works again, is told."""
        known = {
            what: (model.from_stamp(since), bool(told))
            for what, since, told in self._database.execute("SELECT what, since, told FROM troubles")
        }
        with self._database.transaction():
            for what in set(known) & set(well) - set(failing):
                since, told = known[what]
                self._database.change("DELETE FROM troubles WHERE what = ?", (what,))
                if told:
                    tell(self._database, at, Kind.RECOVERED, detail=_ended(what, at - since))
            for what, trouble in failing.items():
                since, told = known.get(what, (at, False))
                if what not in known:
                    row = (what, model.to_stamp(at), 0)
                    self._database.change("INSERT INTO troubles (what, since, told) VALUES (?, ?, ?)", row)
                if not told and (trouble.final or at - since >= PATIENCE):
                    self._database.change("UPDATE troubles SET told = 1 WHERE what = ?", (what,))
                    detail = {"what": what, "message": trouble.message, "hint": trouble.hint}
                    tell(self._database, at, Kind.FAILING, detail=detail)


def _ended(what: str, lasted: timedelta) -> dict[str, str]:
    minutes = round(lasted.total_seconds() / 60)
    return {"what": what, "message": f"It had been failing for {minutes} min.", "minutes": str(minutes)}


def _entry_from(row: Row) -> OutboxEntry:
    entry, at, kind, detail, state, sent, tries, *rest = row
    now, before = rest[: model.RECORD_WIDTH], rest[model.RECORD_WIDTH :]
    arrival, table, signal_id, first_seen = now[:4]
    notice = Notice(
        id=entry,
        at=model.from_stamp(at),
        kind=Kind(kind),
        record=None if arrival is None else model.record_from(tuple(now)),
        before=None
        if before[-1] is None
        else model.record_from((arrival, table, signal_id, first_seen, *before)),
        detail=json.loads(detail) if detail else {},
        again=state == "sending",
    )
    return OutboxEntry(notice=notice, state=state, sent=model.maybe_time(sent), tries=tries)
