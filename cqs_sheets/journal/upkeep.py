"""Proving that a journal is whole, and keeping it small."""

from __future__ import annotations

from datetime import datetime

from cqs_sheets.journal.codec import to_stamp
from cqs_sheets.journal.database import Database
from cqs_sheets.journal.model import Pruned

# Each query yields what is wrong, as text.
_CHECKS = (
    """SELECT 'signal ' || s.id || ': its current revision ' || s.revision || ' is missing' FROM signals s
        WHERE NOT EXISTS (
            SELECT 1 FROM revisions r WHERE r.arrival = s.arrival AND r.revision = s.revision)""",
    """SELECT 'signal ' || s.id || ': a revision before ' || max(r.revision) || ' is missing'
        FROM revisions r JOIN signals s USING (arrival) GROUP BY r.arrival
        HAVING max(r.revision) - min(r.revision) + 1 <> count(*)""",
    """SELECT 'signal ' || s.id || ': revision ' || r.revision || ' is newer than the current one'
        FROM revisions r JOIN signals s USING (arrival) WHERE r.revision > s.revision""",
    """SELECT 'signal ' || s.id || ': no feed ever showed it' FROM signals s
        WHERE NOT EXISTS (SELECT 1 FROM members m WHERE m.arrival = s.arrival)""",
    """SELECT 'target ' || t.name || ': signal ' || s.id || ' was delivered at revision ' || d.revision
            || ', which never was'
        FROM delivered d JOIN signals s USING (arrival) JOIN targets t ON t.id = d.target
        WHERE d.revision > s.revision""",
    """SELECT 'feed ' || f.name || ': covered stretches overlap' FROM coverage c JOIN feeds f ON f.id = c.feed
        WHERE EXISTS (SELECT 1 FROM coverage o
            WHERE o.feed = c.feed AND o.end_at > c.end_at AND o.start_at <= c.end_at)""",
)


def verify(database: Database) -> list[str]:
    """What is wrong with the journal, one line each; nothing for a whole one."""
    found = [line for (line,) in database.execute("PRAGMA integrity_check") if line != "ok"]
    if found:
        return found
    found += [
        f"{table}: row {row} points at a row of {parent} that is not there"
        for table, row, parent, _ in database.execute("PRAGMA foreign_key_check")
    ]
    return found + [line for check in _CHECKS for (line,) in database.execute(check)]


def prune(database: Database, before: datetime) -> Pruned:
    """Drop raw answers, polls, rejects and superseded revisions of before that time, and shrink the file."""
    moment = {"before": to_stamp(before)}
    with database.transaction():
        pruned = Pruned(
            answers=database.change("DELETE FROM answers WHERE at < :before AND poll IS NOT NULL", moment),
            polls=database.change(
                "DELETE FROM polls WHERE at < :before "
                "AND NOT EXISTS (SELECT 1 FROM answers a WHERE a.poll = polls.id)",
                moment,
            ),
            revisions=database.change(
                "DELETE FROM revisions WHERE at < :before "
                "AND revision < (SELECT s.revision FROM signals s WHERE s.arrival = revisions.arrival)",
                moment,
            ),
            rejects=database.change("DELETE FROM rejects WHERE at < :before", moment),
        )
    database.script("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")
    return pruned
