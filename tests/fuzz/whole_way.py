"""A body all the way: client, parser, journal, plan, workbook; three syncs, and what must be true after each."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import openpyxl
from openpyxl.utils.escape import unescape

from cqs_sheets import config
from cqs_sheets.api import ApiClient
from cqs_sheets.api.client import utc_now
from cqs_sheets.api.transport import Reply
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.core.report import Report
from cqs_sheets.journal import Journal
from cqs_sheets.run import Session, opened_run
from cqs_sheets.run.sync import run_once
from tests.api.fakes import envelope
from tests.fuzz.bodies import GOOD, PRICES, body
from tests.fuzz.workbooks import MEMORY_DISK

_KEY = "0123456789abcdef"
_LATER = {name: values[0] for name, values in GOOD.items()} | {"id": "31", "buy_start": PRICES[0]}
_NO_TIME_TO_WAIT = 0.0


class _Saying:
    """A transport that is answered by one body, whatever it asks."""

    def __init__(self, said: bytes) -> None:
        self.requests = 0
        self._said = said

    def send(self, *_: object, within: float) -> Reply:
        del within
        self.requests += 1
        return Reply(200, {}, self._said)

    def close(self) -> None:
        """Nothing was opened."""


def check_whole_way(random: Random) -> str:
    """Sync it, sync it again, and a good answer after it; AssertionError or an exception is a finding."""
    said = body(random)
    with _session() as session:
        first = _synced(session, said)
        assert first.exit_code in (0, 65, 69), first
        known = _check(session)
        again = _synced(session, said)
        assert again.exit_code == first.exit_code
        assert not any(target.added or target.updated for target in again.targets), (
            "a second look changes things"
        )
        last = _synced(session, envelope(_LATER))
        assert last.exit_code == 0, last
        assert _check(session) == known | {("main", "31")}
    return "signals" if known else "nothing" if first.exit_code == 0 else "refused"


@contextmanager
def _session() -> Iterator[Session]:
    with tempfile.TemporaryDirectory(dir=MEMORY_DISK if MEMORY_DISK.is_dir() else None) as folder:
        environ = {"CQS_API_KEY": _KEY, "CQS_HOME": folder, "CQS_API_URL": "http://127.0.0.1:9"}
        to = config.Overrides(to=(f"{folder}/book.xlsx",), template="raw")
        settings = config.load(config=None, environ=environ, cwd=Path(folder), overrides=to, search=False)
        yield Session(settings=settings, environment=config.Environment.read(environ), sleep=lambda _: None)


def _synced(session: Session, said: bytes) -> Report:
    settings = session.settings.api
    api = ApiClient(url=settings.url, key=settings.key, retry_for=_NO_TIME_TO_WAIT)
    api._transport = _Saying(said)  # type: ignore[assignment]
    with opened_run(session, choices=Choices(), dry_run=False, api=api) as run:
        return run_once(run).report


def _check(session: Session) -> set[tuple[str, str]]:
    """The journal is whole, the workbook has each of its signals once, and text as text; which they are."""
    place = session.settings.home / "journal.sqlite3"
    with Journal.open_readonly(place, clock=utc_now) as journal:
        assert not (damage := journal.verify()), damage
        assert journal.undigested() == []
    with closing(sqlite3.connect(place)) as database:
        known = set(database.execute("SELECT feed_table, id FROM signals"))
    shown = list(_shown(session.settings.home / "book.xlsx"))
    assert len(shown) == len(set(shown)), "a signal stands twice"
    assert set(shown) == known, f"journal and workbook differ: {set(shown) ^ known}"
    return known


def _shown(path: Path) -> Iterator[tuple[str, str]]:
    if not path.exists():
        return
    book = openpyxl.load_workbook(path)
    for tab, table in (("Signals", "main"), ("Scalping", "scalping")):
        for row in book[tab].iter_rows(min_row=2) if tab in book.sheetnames else ():
            assert all(cell.data_type != "f" for cell in row), "text became a formula"
            if row[0].value is not None:  # a table without signals has one empty row
                yield table, unescape(str(row[0].value))
