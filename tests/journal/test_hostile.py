"""Journals that others wrote, damaged or planted: each is refused in words, and nothing hangs."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cqs_sheets.errors import DataRefused
from cqs_sheets.journal import Journal, is_journal, model
from tests.journal.conftest import Clock
from tests.journal.samples import NOON, poll, signal

ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"

PLANTED = {
    "view": f"CREATE VIEW more AS {ENDLESS} SELECT x FROM n",  # noqa: S608 - a constant
    "trigger": "CREATE TRIGGER t AFTER INSERT ON polls BEGIN DELETE FROM signals; END",
    "table that is an endless view": "DROP TABLE coverage;"  # noqa: S608 - a constant
    f"CREATE VIEW coverage AS {ENDLESS} SELECT 1 AS feed, x AS start_at, x AS end_at FROM n",
    "another column": "ALTER TABLE feeds ADD COLUMN colour TEXT",
    "missing index": "DROP INDEX polls_at",
}
ABSURD = {
    "a time past all calendars": "UPDATE signals SET seen_at = 9223372036854775807",
    "a time before all": "UPDATE coverage SET start_at = -9223372036854775808",
    "a time stamp of the year 9000": "UPDATE signals SET timestamp = 221876755200000000",
    "a poll of the year 3000": "UPDATE polls SET at = 32503680000000000",
    "an arrival at the end": "UPDATE signals SET arrival = 9223372036854775807 WHERE id = '1'",
    "a change at the end": "UPDATE signals SET change = 9223372036854775807 WHERE id = '1'",
    "no id": "UPDATE signals SET id = '' WHERE id = '1'",
    "an endless id": "UPDATE signals SET id = printf('%.*c', 1000000, 'x') WHERE id = '1'",
    "an id with a NUL": "UPDATE signals SET id = 'a' || char(0) || 'b' WHERE id = '1'",
    "a price that is none": """UPDATE revisions SET content = json_set(content, '$.ask', 'NaN')""",
    "a price past all bounds": """UPDATE revisions SET content = json_set(content, '$.ask', '1e999999')""",
    "a price that is a list": """UPDATE revisions SET content = json_set(content, '$.ask', json('[1]'))""",
    "a coin that is a number": """UPDATE revisions SET content = json_set(content, '$.coin', 7)""",
    "a time stamp that is text": """UPDATE revisions SET content = json_set(content, '$.timestamp', 'x')""",
    "content that is no JSON": "UPDATE revisions SET content = '{'",
    "a status nobody knows": "UPDATE signals SET status = 'lost'",
    "a feed that is not there": "UPDATE polls SET feed = 99",
    "text that is none": "UPDATE feeds SET name = CAST(x'ff' AS TEXT)",
}
SPOILT = {
    "schema 0": "PRAGMA user_version = 0",
    "schema -1": "PRAGMA user_version = -1",
    "no signals": "PRAGMA foreign_keys = OFF; DROP TABLE signals",
    "no targets": "PRAGMA foreign_keys = OFF; DROP TABLE targets",
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("theirs") / "journal.sqlite3"
    with Journal.open(path, clock=Clock()) as journal:
        journal.keep_answer("swing", {}, NOON, b"kept")
        journal.record_poll(poll(0, signal(1), signal(2)))
    return path.read_bytes()


@pytest.fixture
def filled(tmp_path: Path, whole: bytes) -> Path:
    path = tmp_path / "theirs.sqlite3"
    path.write_bytes(whole)
    return path


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    with Journal.open(tmp_path_factory.mktemp("ours") / "journal.sqlite3", clock=Clock()) as journal:
        journal.record_poll(poll(0, signal(3)))
        yield journal


def spoil(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript("PRAGMA foreign_keys = OFF;" + sql)
        database.commit()


def refused(use: Callable[[], object]) -> str:
    """What is said, which must be words and an exit code of its own; "" for no refusal."""
    try:
        use()
    except DataRefused as error:
        text = str(error)
        text.encode()
        return text
    return ""


@pytest.mark.parametrize("sql", [*(PLANTED | ABSURD | SPOILT).values()], ids=[*(PLANTED | ABSURD | SPOILT)])
def test_a_strange_journal_is_not_taken_in(ours: Journal, filled: Path, sql: str) -> None:
    spoil(filled, sql)
    with pytest.raises(DataRefused) as caught:
        ours.take_in(filled)
    assert all((caught.value.message, caught.value.meaning, caught.value.hint))
    assert [record.signal.key.id for record in ours.records()] == ["3"]


@pytest.mark.parametrize("sql", [*(PLANTED | ABSURD).values()], ids=[*(PLANTED | ABSURD)])
def test_verify_finds_what_would_stop_later_commands(filled: Path, clock: Clock, sql: str) -> None:
    spoil(filled, sql)

    def verify() -> None:
        with Journal.open_readonly(filled, clock=clock) as journal:
            found.extend(journal.verify())

    found: list[str] = []
    assert refused(verify) or found


@pytest.mark.parametrize("sql", [*(ABSURD | SPOILT).values()], ids=[*(ABSURD | SPOILT)])
def test_a_journal_of_ours_that_was_spoilt_is_used_or_refused(filled: Path, clock: Clock, sql: str) -> None:
    spoil(filled, sql)

    def use() -> None:
        with Journal.open(filled, clock=clock) as journal:
            target = journal.target("a.xlsx", "")
            journal.undigested()
            journal.record_poll(poll(1, signal(1), signal(4)))
            journal.everything(target, None)
            journal.coverage()
            journal.polls(9)

    said = refused(use)
    assert "verify" in said or "move it away" in said or not said


def test_an_answer_that_unpacks_to_anything_is_bounded(
    filled: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "_LARGEST_BODY", 1 << 20)
    with closing(sqlite3.connect(filled)) as database:
        database.execute("UPDATE answers SET body = ?", (zlib.compress(bytes(2 << 20)),))
        database.commit()
    with Journal.open(filled, clock=clock) as journal, pytest.raises(DataRefused, match="answer 1"):
        journal.undigested()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name are POSIX")
class TestPipesAndLinks:
    def test_a_pipe_is_no_journal_and_nobody_waits_for_it(self, tmp_path: Path, clock: Clock) -> None:
        path = tmp_path / "journal.sqlite3"
        os.mkfifo(path)
        assert not is_journal(path)
        with pytest.raises(DataRefused), Journal.open(path, clock=clock):
            pass
        with pytest.raises(DataRefused), Journal.open_readonly(path, clock=clock):
            pass

    def test_who_holds_it_is_not_written_through_a_link(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir()
        other = path.parent / "precious"
        other.write_text("mine")
        path.with_name("journal.sqlite3.owner").symlink_to(other)
        with Journal.open(path, clock=clock):
            pass
        assert other.read_text() == "mine"

    def test_a_pipe_in_place_of_who_holds_it_is_not_waited_for(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir()
        os.mkfifo(path.with_name("journal.sqlite3.owner"))
        with Journal.open(path, clock=clock):
            pass
