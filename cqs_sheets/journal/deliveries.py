"""What each target was given, and what it still has to get."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice

from cqs_sheets.core.plan.facts import Lineage, Write, writer_of
from cqs_sheets.core.signals.signal import Record, SignalKey, Status
from cqs_sheets.journal import model
from cqs_sheets.journal.database import Database, Row, Values
from cqs_sheets.journal.pages import Pages

AT_ONCE = 1000
"""Signals whose rows are written together: as objects those of all at once would fill the memory."""

_COLUMNS = f"{model.RECORD}, d.revision, d.added, d.last"
_REVISION = "JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision"
_DELIVERED = "LEFT JOIN delivered d ON d.target = :target AND d.arrival = s.arrival"

OF_FEEDS = """(:feeds IS NULL OR EXISTS (
    SELECT 1 FROM members m JOIN feeds f ON f.id = m.feed
    WHERE m.arrival = s.arrival AND f.name IN (SELECT value FROM json_each(:feeds))))"""
"""Whether one of the named feeds showed the signal `s`; `:feeds` comes from `names_of`."""

_PENDING = f"""FROM signals s INDEXED BY signals_change {_REVISION} {_DELIVERED}
    WHERE s.change > :cursor AND (d.revision IS NULL OR d.revision <> s.revision) AND {OF_FEEDS}"""

_WANTED = f"SELECT {_COLUMNS} {_PENDING} ORDER BY s.arrival"

_LOST = f"""SELECT {_COLUMNS} FROM delivered d CROSS JOIN signals s ON s.arrival = d.arrival {_REVISION}
    WHERE d.target = :target AND d.last > :stamp"""  # noqa: S608

_EVERYTHING = f"""SELECT {_COLUMNS} FROM signals s {_REVISION} {_DELIVERED} WHERE {OF_FEEDS}
    ORDER BY s.arrival"""  # noqa: S608

_RECENT = f"""FROM signals s INDEXED BY signals_status {_REVISION}
    WHERE s.status IN ({", ".join(f"'{status}'" for status in Status)})
    AND s.seen_feed IN (SELECT id FROM feeds) AND s.timestamp >= :since AND {OF_FEEDS}"""  # noqa: S608

_EACH = f"SELECT {model.RECORD}, 1 {_RECENT}"

_ALIKE = f"""SELECT {model.RECORD}, alike.number FROM (
    SELECT count(*) AS number, min(s.arrival) AS arrival {_RECENT} GROUP BY s.feed_table, json_extract(r.content,
        '$.exchange', '$.currency', '$.coin', '$.direction', '$.type', '$.risk_level', '$.leverage')
    ) alike JOIN signals s ON s.arrival = alike.arrival {_REVISION}"""  # noqa: S608

_REMEMBERED = """SELECT id, sequence, version, CASE WHEN selection = ? THEN cursor ELSE 0 END,
    last_write, last_heartbeat, shape, stamp, word, writer, zone, title, rest, selection
    FROM targets WHERE name = ?"""

_STANDINGS = """SELECT name, selection, last_heartbeat,
    CASE WHEN cursor < (SELECT coalesce(max(change), 0) FROM signals) THEN 1 ELSE 0 END FROM targets"""

_SELECT = """INSERT INTO targets (name, selection) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET selection = excluded.selection, cursor = 0
    WHERE targets.selection <> excluded.selection"""

_DELIVER = """INSERT INTO delivered (target, arrival, revision, added, last)
    SELECT ?, arrival, ?, ?, ? FROM signals WHERE id = ? AND feed_table = ?
    ON CONFLICT (target, arrival) DO UPDATE SET revision = excluded.revision, last = excluded.last"""

_WRITTEN = """UPDATE targets SET sequence = :sequence, version = :version, cursor = :cursor,
    last_write = CASE WHEN :wrote_rows = 1 THEN :at ELSE last_write END,
    last_heartbeat = CASE WHEN :wrote = 1 THEN :at ELSE last_heartbeat END,
    shape = coalesce(:shape, shape), stamp = :stamp, word = :word, writer = coalesce(:writer, writer),
    zone = coalesce(:zone, zone), title = coalesce(:title, title), rest = :rest
    WHERE id = :target"""

_SEEN = "INSERT INTO stamps (target, number, word) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

# A sheet restored from before that many writes is looked at whole, as one that was never seen.
_STAMPS_KEPT = 2000
_FORGET = f"DELETE FROM stamps WHERE target = ? AND number <= ? - {_STAMPS_KEPT}"  # noqa: S608

_REMEMBER = """INSERT INTO memories (target, content) VALUES (?, ?)
    ON CONFLICT (target) DO UPDATE SET content = excluded.content"""

_STAMPS = """SELECT number, word FROM stamps WHERE target = :target
    AND (word = '' OR number IN (SELECT CAST(value AS BIGINT) FROM json_each(:numbers)))"""

_KNOWN_AS = """SELECT t.name FROM stamps s JOIN targets t ON t.id = s.target
    WHERE s.word <> '' AND s.word IN (SELECT value FROM json_each(?)) ORDER BY s.number DESC"""


_NOT_AT_THE_END = """SELECT id, CASE WHEN title = '' THEN name ELSE title END, cursor, selection FROM targets
    WHERE cursor < (SELECT coalesce(max(change), 0) FROM signals)"""


def _feeds_in(selection: str) -> Collection[str] | None:
    """The feeds that a target's selection begins with, None for all (and where it cannot be told)."""
    found = re.match(r"\((\(.*?\)|None), ", selection)
    try:
        feeds: Collection[str] | None = ast.literal_eval(found[1]) if found else None
    except (ValueError, SyntaxError):
        return None
    return feeds


def names_of(feeds: Collection[str] | None) -> str | None:
    """The parameter `:feeds`: None for all."""
    return None if feeds is None else json.dumps(sorted(feeds))


class Deliveries:
    """What each target was given: the part of a Journal that targets are brought up to date with."""

    _database: Database
    _readonly: bool
    _latest: dict[int, Record]
    """What this run's polls recorded, by arrival: it need not be read again."""

    def target(self, name: str, selection: str) -> model.TargetState:
        """The target of that name, made known if need be.

        `selection` is the canonical text of its feeds and where: a changed one puts the cursor to 0,
        so that everything not yet delivered is offered again.
        """
        rows = self._database.execute(_REMEMBERED, (selection, name))
        if not self._readonly and (not rows or rows[0][-1] != selection):
            with self._database.transaction():
                self._database.change(_SELECT, (name, selection))
            rows = self._database.execute(_REMEMBERED, (selection, name))
        return _target_from(name, rows[0]) if rows else model.TargetState(id=0, name=name)

    def standings(self) -> dict[str, tuple[str, datetime | None, bool]]:
        """All targets by name: their selection, last sign of life, and whether there were changes since."""
        return {
            name: (selection, model.maybe_time(last), bool(behind))
            for name, selection, last, behind in self._database.execute(_STANDINGS)
        }

    def known_as(self, lineage: Lineage, ending: str) -> str | None:
        """The name, of those with that ending, under which a target of this lineage is known, wherever it lies now."""
        words = json.dumps([write.word for write in lineage])
        names = (name for (name,) in self._database.execute(_KNOWN_AS, (words,)))
        return next((name for name in names if name.endswith(ending)), None)

    def hold(self, target: model.TargetState) -> bool:
        """Become the only writer of a target; False while another machine writes it. `release` must follow."""
        return self._database.hold(target.id)

    def release(self, target: model.TargetState) -> None:
        """Let others write the target again."""
        self._database.release(target.id)

    def newest_change(self) -> int:
        """The cursor of a target that has been offered everything."""
        [[change]] = self._database.execute("SELECT coalesce(max(change), 0) FROM signals")
        return int(change)

    def wanted(
        self, target: model.TargetState, feeds: Collection[str] | None, *, after_stamp: int | None = None
    ) -> list[model.Wanted]:
        """The rows to deliver, by arrival: changed since the target's cursor and not delivered as they are.

        `after_stamp` (the number up to which a rolled-back or forked target holds our rows) adds every row
        whose last delivery came after it. `feeds` are names, None for all.
        """
        values = {"target": target.id, "cursor": target.cursor, "feeds": names_of(feeds)}
        pending_rows = self._offered(_WANTED, values)
        if after_stamp is None:
            return pending_rows
        lost_rows = self._offered(_LOST, {"target": target.id, "stamp": after_stamp})
        rows = {one.arrival: one for one in (*pending_rows, *lost_rows)}
        return [rows[arrival] for arrival in sorted(rows)]

    def everything(self, target: model.TargetState, feeds: Collection[str] | None) -> list[model.Wanted]:
        """Every signal of the feeds, delivered or not, by arrival."""
        return self._offered(_EVERYTHING, {"target": target.id, "feeds": names_of(feeds)})

    def _offered(self, sql: str, values: Values) -> list[model.Wanted]:
        pages, found = Pages(), list[model.Wanted]()
        for row in self._database.iterate(sql, values):
            record, given = row[: model.RECORD_WIDTH], row[model.RECORD_WIDTH :]
            arrival, table, id_, *_, revision, _ = record
            latest = self._latest.get(arrival)
            at = pages.add(latest if latest and latest.revision == revision else record)
            delivered = None if given[0] is None else model.Delivered._make(given)
            found.append(model.Wanted(model.key_of(table, id_), arrival, revision, delivered, pages, at))
        return found

    def recent(
        self, feeds: Collection[str] | None, since: datetime, *, alike: bool
    ) -> Iterator[tuple[Record, int]]:
        """The signals of the feeds (names, None for all) with a time stamp from `since` on, each with a count.

        `alike`: one signal stands for all of the same exchange, pair, direction, type, risk and leverage.
        How long it takes depends on how many such signals there are, not on how many older ones.
        """
        values = {"feeds": names_of(feeds), "since": model.to_stamp(since)}
        for row in self._database.iterate(_ALIKE if alike else _EACH, values):
            yield model.record_from(row[: model.RECORD_WIDTH]), row[model.RECORD_WIDTH]

    def pending(self, target: model.TargetState, feeds: Collection[str] | None) -> int:
        """How many rows `wanted` has."""
        values = {"target": target.id, "cursor": target.cursor, "feeds": names_of(feeds)}
        [[count]] = self._database.execute(f"SELECT count(*) {_PENDING}", values)
        return int(count)

    def behind(self) -> list[model.Behind]:
        """The targets that lack something, whoever wrote them, the one that waits longest first."""
        found = []
        for target, name, cursor, selection in self._database.execute(_NOT_AT_THE_END):
            values = {"target": target, "cursor": cursor, "feeds": names_of(_feeds_in(selection))}
            [[pending, since]] = self._database.execute(f"SELECT count(*), min(r.at) {_PENDING}", values)
            if pending:
                found.append(model.Behind(name, pending, model.from_stamp(since)))
        return sorted(found, key=lambda one: one.since)

    def delivered(
        self,
        target: model.TargetState,
        *,
        sequence: int,
        version: str,
        rows: Iterable[tuple[SignalKey, int]],
        cursor: int,
        at: datetime,
        wrote: bool,
        shape: str | None = None,
        stamp: Write | None = None,
        zone: str | None = None,
        title: str | None = None,
        rest: str = "",
        memory: bytes = b"",
    ) -> None:
        """Note, in one transaction, that the target holds `rows` (key, revision) as of write `sequence`.

        `cursor`: everything up to that change was delivered or declined (`newest_change` as it was
        before `wanted`, if nothing was left over). `wrote`: whether the target was touched at all.
        `shape` names the columns of the template it was done with, None if that was not looked at. `stamp`
        is the target's last write, `zone` that of its times, `title` what people call it; None as above.
        `rest` is what a later run knows by that nothing is to be done, `memory` what the destination wants to know
        again once it `wrote`.
        """
        last = stamp or target.stamp
        given, left = False, iter(rows)
        with self._database.transaction():
            while some := list(islice(left, AT_ONCE)):
                given = True
                self._database.note_many(
                    _DELIVER,
                    [(target.id, revision, sequence, sequence, key.id, key.table) for key, revision in some],
                )
            self._database.note(
                _WRITTEN,
                {
                    "sequence": sequence,
                    "version": version,
                    "cursor": cursor,
                    "wrote": wrote,
                    "shape": shape,
                    "zone": zone,
                    "title": title,
                    "rest": rest,
                    "wrote_rows": wrote and given,
                    "at": model.to_stamp(at),
                    "target": target.id,
                    "stamp": last.number,
                    "word": last.word,
                    "writer": writer_of(last.word) if wrote and last.word else None,
                },
            )
            if wrote:
                self._database.note(_REMEMBER, (target.id, memory))
            if last.word:
                self._database.note(_SEEN, (target.id, *last))
                self._database.note(_FORGET, (target.id, last.number))

    def memory(self, target: model.TargetState) -> bytes:
        """What the destination wanted to be remembered of the target's last write."""
        rows = self._database.execute("SELECT content FROM memories WHERE target = ?", (target.id,))
        return bytes(rows[0][0]) if rows else b""

    def stamps(self, target: model.TargetState, lineage: Lineage) -> set[Write]:
        """The writes at which the target was seen, as far as they are in the lineage or have no word."""
        numbers = json.dumps([write.number for write in lineage])
        found = self._database.execute(_STAMPS, {"target": target.id, "numbers": numbers})
        return {write for row in found if not (write := Write(*row)).word or write in lineage}


def _target_from(name: str, row: Row) -> model.TargetState:
    target, sequence, version, cursor, last_write, last_heartbeat, shape, number, word, writer, *more = row
    return model.TargetState(
        id=target,
        name=name,
        sequence=sequence,
        version=version,
        cursor=cursor,
        last_write=model.maybe_time(last_write),
        last_heartbeat=model.maybe_time(last_heartbeat),
        shape=shape,
        stamp=Write(number, word),
        writer=writer,
        zone=more[0],
        title=more[1],
        rest=more[2],
    )
