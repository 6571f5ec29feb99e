"""An id that comes back as another signal has a row of its own in every kind of target, and the first one stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.api import ApiClient
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.coverage import Window
from cqs_sheets.core.signals.query import Feed
from cqs_sheets.journal import Journal, Poll
from cqs_sheets.run.poll import FeedPoller
from tests.api.fakes import NOW, Canned, envelope, serving
from tests.destinations.google.user import GoogleUser
from tests.destinations.users import USERS, User
from tests.e2e.machines import START, Machine, Story
from tests.make import signal


@pytest.fixture(params=USERS)
def user(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[User]:
    made = USERS[request.param](tmp_path)
    yield made
    if isinstance(made, GoogleUser):
        made.close()


def told(machine: Machine, minute: int, *signals: Any) -> None:
    now = START + timedelta(minutes=minute)
    window = Window(now - timedelta(minutes=20), now)
    machine.journal.record_poll(Poll(feed="all", selection="", at=now, window=window, signals=signals))


def test_both_rows_stay_and_each_goes_its_own_way(user: User) -> None:
    machine = Story(user, 1, together=False).all[0]
    later = signal("5", timestamp=START + timedelta(minutes=29), coin="ETH")
    told(machine, 0, signal("5", timestamp=START - timedelta(minutes=2)))
    machine.sync(user)
    told(machine, 10)
    machine.sync(user)
    user.type_memo("5", "a win")
    told(machine, 30, later)
    machine.sync(user)
    told(machine, 31, later)
    machine.sync(user)
    first, second = user.rows()
    assert (first["id"], first["coin"], first["status"], first["memo"]) == (
        Decimal(5),
        "BTC",
        "closed",
        "a win",
    )
    assert (second["id"], second["coin"], second["status"]) == ("5#2", "ETH", "open")
    told(machine, 40)
    machine.sync(user)
    assert [row["status"] for row in user.rows()] == ["closed", "closed"]
    user.delete_row("5#2")
    told(machine, 41, signal("5", timestamp=START + timedelta(minutes=29), coin="ETH", ask=Decimal(1)))
    assert machine.sync(user).plan
    assert [str(row["id"]) for row in user.rows()] == ["5"]


def test_a_machine_that_saw_only_the_later_one_leaves_the_first_ones_row(user: User) -> None:
    """A lost journal, a fresh runner: the target alone says that the id was another signal's."""
    first, second = Story(user, 2, together=False).all
    day = 24 * 60
    told(first, 0, signal("5", timestamp=START - timedelta(minutes=2)))
    first.sync(user)
    told(first, 10)
    first.sync(user)
    later = signal("5", timestamp=START + timedelta(minutes=day - 1), coin="ETH")
    told(second, day, later)
    assert any("id 5 is that of a signal that had ended" in each for each in second.sync(user).warnings)
    told(second, day + 10)
    assert second.sync(user).warnings == []
    told(first, day, later)
    told(first, day + 10)
    first.sync(user)
    third = Story(user, 1, together=False).all[0]
    told(third, 2 * day, signal("5", timestamp=START + timedelta(minutes=2 * day - 1), coin="XRP"))
    third.sync(user)
    assert [(str(row["id"]), row["coin"], row["status"]) for row in user.rows()] == [
        ("5", "BTC", "closed"), ("5#2", "ETH", "closed"), ("5#3", "XRP", "open"),
    ]  # fmt: skip


def test_a_warning_says_so_once(tmp_path: Path) -> None:
    def sent(coin: str, minute: int) -> dict[str, str]:
        time = (NOW + timedelta(minutes=minute)).strftime("%Y-%m-%d %H:%M:%S")
        return {
            "id": "5", "timestamp": time, "exchange": "binance", "currency": "USDT", "coin": coin,
            "direction": "LONG", "ask": "1", "buy_start": "1", "buy_end": "1", "target1": "2",
        }  # fmt: skip

    told = []
    with (
        serving() as server,
        ApiClient(url=server.url, key=Secret("FREE"), clock=lambda: NOW, retry_for=0) as api,
        Journal.open(tmp_path / "journal.sqlite3", clock=lambda: NOW) as journal,
    ):
        poller = FeedPoller(api, journal, free=True, server_zone=UTC, interval=20)
        answers = {0: [sent("BTC", -2)], 10: [], 30: [sent("ETH", 29)], 31: [sent("ETH", 29)]}
        for minute, signals in answers.items():
            date = format_datetime(NOW + timedelta(minutes=minute), usegmt=True)
            body = envelope(*signals)
            server.answers(*[Canned(body=envelope() if at else body, date=date) for at in range(2)])
            told.append([text for text in poller.poll(Feed("all"), NOW).warnings if "Id 5" in text])
    assert told == [
        [], [],
        ["Id 5 had ended and came back as another signal (ETH/USDT LONG, binance): it has a row of its own, 5#2."],
        [],
    ]  # fmt: skip
