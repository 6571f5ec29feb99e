"""The tables, and the way to them from every older version.

Times are microseconds since 1970 (UTC). A signal's `arrival` is its row id, so rows lie in order of
first sight. `change` is stamped anew whenever a revision or a feed is added to a signal.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    (
        """CREATE TABLE rule_sets (
            id INTEGER PRIMARY KEY,
            hash TEXT NOT NULL UNIQUE,
            content TEXT NOT NULL,
            judged_at INTEGER
        ) STRICT""",
        # clock and until are minutes since 1970; state is core.outcomes.keeping's
        """CREATE TABLE outcomes (
            arrival INTEGER NOT NULL REFERENCES signals,
            rules INTEGER NOT NULL REFERENCES rule_sets,
            clock INTEGER,
            until INTEGER,
            done INTEGER NOT NULL,
            state TEXT,
            shown TEXT NOT NULL,
            PRIMARY KEY (rules, arrival)
        ) STRICT, WITHOUT ROWID""",
    ),
    (
        "ALTER TABLE targets ADD COLUMN zone TEXT NOT NULL DEFAULT ''",  # of the times in its rows
        "ALTER TABLE targets ADD COLUMN title TEXT NOT NULL DEFAULT ''",  # what people call it
    ),
    (
        "ALTER TABLE targets ADD COLUMN rest TEXT NOT NULL DEFAULT ''",  # by what it is known to lack nothing
        """CREATE TABLE memories (
            target INTEGER NOT NULL REFERENCES targets,
            content BLOB NOT NULL,
            PRIMARY KEY (target)
        ) STRICT, WITHOUT ROWID""",  # what a destination remembers of the version that it wrote last
    ),
    (
        """CREATE TABLE alerts (
            id INTEGER PRIMARY KEY,
            config TEXT NOT NULL,
            name TEXT NOT NULL,
            since INTEGER NOT NULL,
            failures INTEGER NOT NULL DEFAULT 0,
            reason TEXT NOT NULL DEFAULT '',
            tried INTEGER,
            UNIQUE (config, name)
        ) STRICT""",
        """CREATE TABLE outbox (
            id INTEGER PRIMARY KEY,
            alert INTEGER NOT NULL REFERENCES alerts,
            at INTEGER NOT NULL,
            kind TEXT NOT NULL,
            arrival INTEGER REFERENCES signals,
            revision INTEGER,
            detail TEXT NOT NULL DEFAULT '',
            state TEXT NOT NULL DEFAULT 'waiting',
            tries INTEGER NOT NULL DEFAULT 0,
            batch INTEGER,
            sent INTEGER
        ) STRICT""",
        "CREATE INDEX outbox_state ON outbox (state, alert, id)",
        """CREATE TABLE troubles (
            what TEXT PRIMARY KEY,
            since INTEGER NOT NULL,
            told INTEGER NOT NULL
        ) STRICT""",  # what has been failing, and whether an alert said so
    ),
)
