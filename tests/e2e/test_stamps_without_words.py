"""What version 0.1.0 wrote, a number alone, is taken up: rows stay, deleted ones stay deleted, lost ones come back."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cqs_sheets.journal.database import Database, migrate, version_of
from cqs_sheets.journal.schema import MIGRATIONS
from tests.destinations.google.user import GoogleUser
from tests.destinations.users import ExcelUser
from tests.e2e.machines import Machine, Story

_WITHOUT_WORDS = MIGRATIONS[:3]


def test_a_journal_without_words_is_taken_up() -> None:
    database = Database(":memory:", name="journal")
    migrate(database, _WITHOUT_WORDS)
    database.insert("INSERT INTO targets (name, selection, sequence) VALUES (?, ?, ?)", ("a.xlsx", "", 7))
    database.insert("INSERT INTO targets (name, selection) VALUES (?, ?)", ("new.xlsx", ""))
    migrate(database)
    assert version_of(database) == len(MIGRATIONS)
    assert database.execute("SELECT sequence, stamp, word, writer FROM targets ORDER BY id") == [
        (7, 7, "", ""),
        (0, 0, "", ""),
    ]
    assert database.execute("SELECT number, word FROM stamps") == [(7, "")]


def _excel(user: ExcelUser) -> None:
    with zipfile.ZipFile(user.path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    xml = parts["xl/workbook.xml"]
    parts["xl/workbook.xml"] = re.sub(rb'<definedName name="cqs\.writes\..*?</definedName>', b"", xml)
    assert parts["xl/workbook.xml"] != xml
    with zipfile.ZipFile(user.path, "w") as book:
        for name, content in parts.items():
            book.writestr(name, content)


def _google(user: GoogleUser) -> None:
    entries = user.sheets.book(user.book).metadata
    for at, entry in enumerate(entries):
        if entry.key == "cqs.sequence":
            sequence, *_, nonce = entry.value.split("/")
            entries[at] = replace(entry, value=f"{sequence}/0/{nonce}")


class Before:
    """A target and a journal as version 0.1.0 left them after each of two writes."""

    def __init__(self, user: ExcelUser | GoogleUser, without_words: Callable[[], None]) -> None:
        self.user = user
        self.story = Story(user, 1, together=False)
        self.machine: Machine = self.story.all[0]
        self.versions = []
        for id_ in ("1", "2"):
            self.machine.see(id_)
            self.machine.sync(user)
            without_words()
            self.versions.append(user.remember())
        database = self.machine.journal._database
        database.change("DELETE FROM stamps")
        database.change("INSERT INTO stamps SELECT id, sequence, '' FROM targets")
        database.change("UPDATE targets SET stamp = sequence, word = '', writer = ''")

    def sync(self, id_: str = "3") -> list[str]:
        self.machine.see(id_)
        self.machine.sync(self.user)
        return sorted(str(row["id"]) for row in self.user.rows())


@pytest.fixture(params=["excel", "google"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Before]:
    if request.param == "excel":
        excel = ExcelUser(tmp_path)
        yield Before(excel, lambda: _excel(excel))
    else:
        google = GoogleUser(tmp_path)
        yield Before(google, lambda: _google(google))
        google.close()


def test_its_rows_stay_and_nothing_is_doubled(before: Before) -> None:
    assert before.sync() == ["1", "2", "3"]


def test_a_row_that_was_deleted_stays_deleted(before: Before) -> None:
    before.user.delete_row("1")
    assert before.sync() == ["2", "3"]


def test_what_going_back_to_its_first_write_lost_comes_back(before: Before) -> None:
    before.versions[0]()
    assert before.sync() == ["1", "2", "3"]


def test_going_back_to_its_last_write_brings_back_what_came_later_alone(before: Before) -> None:
    before.user.delete_row("1")
    deleted = before.user.remember()
    before.sync("3")
    deleted()
    assert before.sync("4") == ["2", "3", "4"]
