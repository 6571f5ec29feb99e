"""Forward migrations."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import Journal
from cqs_sheets.journal.database import Database, migrate, version_of
from cqs_sheets.journal.schema import MIGRATIONS
from tests.journal.conftest import Clock
from tests.journal.samples import poll, signal


@pytest.fixture
def database() -> Iterator[Database]:
    opened = Database(":memory:", name="journal")
    yield opened
    opened.close()


def columns(database: Database, table: str) -> list[str]:
    return [name for (name,) in database.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def test_an_empty_file_is_brought_to_the_newest_version(database: Database) -> None:
    assert version_of(database) == 0
    migrate(database)
    assert version_of(database) == len(MIGRATIONS)


def test_an_older_journal_gets_only_the_newer_migrations(database: Database) -> None:
    migrate(database)
    database.insert("INSERT INTO feeds (name, selection) VALUES (?, ?)", ("swing", "all"))
    newer = (*MIGRATIONS, ["ALTER TABLE feeds ADD COLUMN colour TEXT"], ["UPDATE feeds SET colour = 'red'"])
    migrate(database, newer)
    assert version_of(database, newer) == len(MIGRATIONS) + 2
    assert database.execute("SELECT name, colour FROM feeds") == [("swing", "red")]


def test_a_migration_that_fails_leaves_the_version_before_it(database: Database) -> None:
    migrate(database)
    broken = (*MIGRATIONS, ["ALTER TABLE feeds ADD COLUMN colour TEXT", "ALTER TABLE nowhere ADD COLUMN x"])
    with pytest.raises(DataRefused, match="nowhere"):
        migrate(database, broken)
    assert version_of(database, broken) == len(MIGRATIONS)
    assert "colour" not in columns(database, "feeds")


def test_every_table_is_strict(database: Database) -> None:
    migrate(database)
    loose = (
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict AND name NOT LIKE 'sqlite%'"
    )
    assert database.execute(loose) == []


def test_a_journal_of_an_older_version_is_read_without_changing_it(path: Path, clock: Clock) -> None:
    """An older version is played by a file that was made but not filled: version 0 with a page in it."""
    path.parent.mkdir()
    empty = sqlite3.connect(path)
    empty.execute("PRAGMA journal_mode = WAL")
    empty.close()
    before = path.read_bytes()
    assert before
    with Journal.open_readonly(path, clock=clock) as journal:
        assert list(journal.records()) == []
    assert path.read_bytes() == before
    with Journal.open(path, clock=clock) as journal:
        assert journal.record_poll(poll(0, signal(1))).new == 1
