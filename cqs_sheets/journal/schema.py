"""The tables, and the way to them from every older version.

Times are microseconds since 1970 (UTC). A signal's `arrival` is its row id, so rows lie in order of
first sight. `change` is stamped anew whenever a revision or a feed is added to a signal.
"""

from __future__ import annotations

from collections.abc import Sequence

from cqs_sheets.errors import DataRefused
from cqs_sheets.journal.database import Database

APPLICATION_ID = 0x43515353  # "CQSS"

Migration = Sequence[str]

MIGRATIONS: tuple[Migration, ...] = (
    (
        """CREATE TABLE feeds (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL,
            selection TEXT NOT NULL,
            UNIQUE (name, selection)
        ) STRICT""",
        """CREATE TABLE polls (
            id INTEGER PRIMARY KEY,
            feed INTEGER NOT NULL REFERENCES feeds,
            at INTEGER NOT NULL,
            window_start INTEGER,
            window_end INTEGER,
            outcome TEXT NOT NULL,
            sure INTEGER NOT NULL,
            new INTEGER NOT NULL DEFAULT 0,
            changed INTEGER NOT NULL DEFAULT 0,
            closed INTEGER NOT NULL DEFAULT 0,
            aged INTEGER NOT NULL DEFAULT 0,
            rejected INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        "CREATE INDEX polls_good ON polls (feed, at) WHERE sure",
        """CREATE TABLE answers (
            id INTEGER PRIMARY KEY,
            poll INTEGER REFERENCES polls,
            feed TEXT NOT NULL,
            at INTEGER NOT NULL,
            request TEXT NOT NULL,
            body BLOB NOT NULL
        ) STRICT""",
        "CREATE INDEX answers_poll ON answers (poll)",
        """CREATE TABLE coverage (
            feed INTEGER NOT NULL REFERENCES feeds,
            end_at INTEGER NOT NULL,
            start_at INTEGER NOT NULL,
            PRIMARY KEY (feed, end_at)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE rejects (
            id INTEGER PRIMARY KEY,
            feed INTEGER NOT NULL REFERENCES feeds,
            at INTEGER NOT NULL,
            signal_id TEXT,
            reason TEXT NOT NULL,
            raw TEXT NOT NULL
        ) STRICT""",
        """CREATE TABLE signals (
            arrival INTEGER PRIMARY KEY,
            feed_table TEXT NOT NULL,
            id TEXT NOT NULL,
            timestamp INTEGER NOT NULL,
            status TEXT NOT NULL,
            first_seen INTEGER NOT NULL,
            last_seen INTEGER,
            revision INTEGER NOT NULL,
            change INTEGER NOT NULL,
            seen_at INTEGER NOT NULL,
            seen_feed INTEGER NOT NULL REFERENCES feeds,
            UNIQUE (id, feed_table)
        ) STRICT""",
        "CREATE UNIQUE INDEX signals_change ON signals (change)",
        "CREATE INDEX signals_status ON signals (status, seen_feed, timestamp)",
        """CREATE TABLE revisions (
            arrival INTEGER NOT NULL REFERENCES signals,
            revision INTEGER NOT NULL,
            at INTEGER NOT NULL,
            status TEXT NOT NULL,
            last_seen INTEGER,
            content TEXT NOT NULL,
            UNIQUE (arrival, revision)
        ) STRICT""",
        """CREATE TABLE members (
            arrival INTEGER NOT NULL REFERENCES signals,
            feed INTEGER NOT NULL REFERENCES feeds,
            PRIMARY KEY (arrival, feed)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE targets (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            selection TEXT NOT NULL,
            sequence INTEGER NOT NULL DEFAULT 0,
            version TEXT NOT NULL DEFAULT '',
            cursor INTEGER NOT NULL DEFAULT 0,
            last_write INTEGER,
            last_heartbeat INTEGER
        ) STRICT""",
        """CREATE TABLE delivered (
            target INTEGER NOT NULL REFERENCES targets,
            arrival INTEGER NOT NULL REFERENCES signals,
            revision INTEGER NOT NULL,
            added INTEGER NOT NULL,
            last INTEGER NOT NULL,
            PRIMARY KEY (target, arrival)
        ) STRICT, WITHOUT ROWID""",
    ),
    ("ALTER TABLE targets ADD COLUMN shape TEXT NOT NULL DEFAULT ''",),
    ("CREATE INDEX polls_at ON polls (at)",),  # a journal that was taken in brings older ones later
    (
        "ALTER TABLE targets ADD COLUMN stamp INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE targets ADD COLUMN word TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE targets ADD COLUMN writer TEXT NOT NULL DEFAULT ''",
        "UPDATE targets SET stamp = sequence",
        """CREATE TABLE stamps (
            target INTEGER NOT NULL REFERENCES targets,
            number INTEGER NOT NULL,
            word TEXT NOT NULL,
            PRIMARY KEY (target, number, word)
        ) STRICT, WITHOUT ROWID""",  # the writes at which a target held all that it had been given
        "INSERT INTO stamps SELECT id, sequence, '' FROM targets WHERE sequence > 0",
    ),
)


def version_of(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> int:
    """The schema version of an opened file, 0 for an empty one.

    Raises DataRefused if it is another program's database, or a newer version's.
    """
    [[application]] = database.execute("PRAGMA application_id")
    [[version]] = database.execute("PRAGMA user_version")
    if application == 0 and not database.execute("SELECT 1 FROM sqlite_schema LIMIT 1"):
        return 0
    if application != APPLICATION_ID:
        raise DataRefused(
            f"{database.name} is a database of another program, not a journal of cqs-sheets.",
            meaning="Nothing was read or written.",
            hint="Point CQS_HOME at another folder, or move that file away.",
        )
    if version > len(migrations):
        raise DataRefused(
            f"{database.name} was written by a newer cqs-sheets (journal version {version}, "
            f"this one knows {len(migrations)}).",
            meaning="Nothing was read or written.",
            hint="Upgrade with: pip install --upgrade cqs-sheets",
        )
    return int(version)


def migrate(database: Database, migrations: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring the file to the newest version in one transaction, all or nothing."""
    version = version_of(database, migrations)
    if version == len(migrations):
        return
    with database.transaction():
        for migration in migrations[version:]:
            for statement in migration:
                database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        database.execute(f"PRAGMA user_version = {len(migrations)}")
