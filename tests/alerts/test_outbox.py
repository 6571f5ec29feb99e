"""What is told, when, and that nothing of it is lost or surely told twice."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cqs_sheets import deadline
from cqs_sheets.config import AlertSettings, Settings, load
from cqs_sheets.core.alerts import AlertPolicy, Kind, Message, Sent
from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.outcomes.keeping import Kept
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.errors import UsageError
from cqs_sheets.journal import Journal, Poll, Trouble
from cqs_sheets.run import alerts
from cqs_sheets.run.alerts import Dispatcher, alerting
from cqs_sheets.run.poll import imported
from tests.cli.command import HANGS
from tests.journal.samples import NOON, at, minutes, poll, signal

ALL = frozenset(kind.value for kind in Kind) - {"test"}


class Killed(BaseException):
    """The process ends here."""


@dataclass
class World:
    """A journal, a clock, and a service that notes what came; `faults` are what becomes of the next tries."""

    path: Path
    policy: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOON
    came: list[Message] = field(default_factory=list)
    tries: list[datetime] = field(default_factory=list)
    faults: list[Sent | Killed] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def clock(self) -> datetime:
        return self.now

    @property
    def settings(self) -> Settings:
        usual: dict[str, Any] = {"on": ALL, "where": {}, "digest": timedelta(0), "quiet": None, "limit": 10}
        one = AlertSettings(name="phone", policy=AlertPolicy(**usual | self.policy), address=lambda: None)
        found = load(config=None, environ={"CQS_HOME": str(self.path.parent)}, cwd=self.path.parent)
        return Settings(
            api=found.api, feeds=found.feeds, targets=found.targets, zone=ZoneInfo("UTC"), home=found.home,
            alerts=(one,),
        )  # fmt: skip

    def record(self, *polls: Poll) -> None:
        with Journal.open(self.path, clock=self.clock) as journal:
            journal.register_alerts(self.settings.alert_owner, ["phone"], self.now)
            for one in polls:
                self.now = max(self.now, one.at)
                journal.record_poll(one)

    def send(self, message: Message) -> Sent:
        self.tries.append(self.now)
        fault = self.faults.pop(0) if self.faults else Sent()
        if isinstance(fault, Killed):
            raise fault
        if not fault.reason or fault.unsure:
            self.came.append(message)
        return fault

    def dispatch(self, later: float = 0) -> None:
        """A pass of a process that has just been started."""
        self.now += minutes(later)
        Dispatcher(self.settings, self.path, clock=self.clock, warn=self.warnings.append).send_due()

    @property
    def titles(self) -> list[str]:
        return [message.title for message in self.came]

    @property
    def kinds(self) -> list[str]:
        return [event["kind"] for message in self.came for event in message.events]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path / "journal.sqlite3")
    made.record()
    monkeypatch.setattr(alerts, "sender", lambda *_: made.send)
    return made


def test_what_a_signal_goes_through_is_told_once_each(world: World) -> None:
    first = signal(1, opened=1)
    world.record(poll(2, first), poll(3, first))
    world.dispatch()
    world.record(poll(4, signal(1, opened=1, stop_loss=Decimal(93500))), poll(5))
    world.dispatch()
    world.dispatch()
    assert world.titles == ["New: LONG BTC/USDT", "Changed: LONG BTC/USDT", "Closed: LONG BTC/USDT"]
    new, changed, _ = (message.text for message in world.came)
    for part in ("zone 94250.5 - 94400", "stop 93100 (1.30 %)", "targets 95500", "R:R 0.96", "risk 3"):
        assert part in new
    assert "stop 93100 → 93500" in changed


def test_ageing_and_coming_back_are_not_told(world: World) -> None:
    one = signal(1, opened=1)
    world.record(poll(2, one), poll(21, signal(2, opened=3)), poll(22.5, signal(2, opened=3)))
    world.dispatch()
    assert "closed" not in world.kinds
    assert world.kinds.count("new") == 2


def test_alerts_begin_when_they_are_configured(world: World) -> None:
    world.record(poll(1, signal(1, opened=-10), signal(2, opened=0.5)))
    world.dispatch()
    assert [event["signal"]["id"] for event in world.came[0].events] == ["2"]


def test_an_import_and_another_journal_are_no_news(world: World, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite3"
    with Journal.open(other, clock=world.clock) as journal:
        journal.record_poll(poll(2, signal(5, opened=1)))
    found = {"id": "9", "timestamp": "2026-05-24 12:01:00", "coin": "ETH", "buy_start": "1", "target1": "3"}
    words = {"exchange": "binance", "currency": "USDT", "direction": "LONG", "type": "SHORT TERM", "ask": "1"}
    body = json.dumps({"error": 0, "count": 1, "signals": [found | words]}).encode()
    with Journal.open(world.path, clock=world.clock) as journal:
        assert journal.take_in(other).new == 1
        result, _ = imported(journal, body, feed="all", table=FeedTable.MAIN, at=at(2), zone=ZoneInfo("UTC"))
    assert result.new == 1
    world.dispatch()
    assert world.came == []


def test_a_gap_is_told_with_its_bounds(world: World) -> None:
    world.record(poll(1), poll(61))
    world.dispatch()
    assert world.titles == ["Signals may have been missed"]
    assert "from 2026-05-24 12:01 to 2026-05-24 12:41 (UTC), 40 min" in world.came[0].text


def test_trouble_is_told_once_it_lasts_and_once_it_ends(world: World) -> None:
    trouble = {"signals.xlsx": Trouble(message="It is open in Excel.", hint="Close it.", final=False)}
    for minute in range(8):
        with Journal.open(world.path, clock=world.clock) as journal:
            journal.note_troubles(at(minute), trouble, {"the signals API"})
    for minute in (9, 10):
        with Journal.open(world.path, clock=world.clock) as journal:
            journal.note_troubles(at(minute), {}, {"the signals API", "signals.xlsx"})
    world.dispatch()
    assert world.titles == ["Failing: signals.xlsx", "Works again: signals.xlsx"]
    assert "9 min" in world.came[1].text


def test_short_trouble_is_not_told_but_what_cannot_mend_itself_is_at_once(world: World) -> None:
    with Journal.open(world.path, clock=world.clock) as journal:
        journal.note_troubles(at(0), {"a": Trouble(message="x", hint="", final=False)}, ())
        journal.note_troubles(at(1), {"b": Trouble(message="no", hint="", final=True)}, {"a"})
    world.dispatch()
    assert world.titles == ["Failing: b"]


def test_what_price_reached_is_told_once_and_never_what_the_first_sitting_finds(world: World) -> None:
    world.record(poll(2, signal(1, opened=1), signal(2, opened=1)))
    with Journal.open(world.path, clock=world.clock) as journal:
        first, second = (record.arrival for record in journal.records())
        hit: dict[str, CellValue] = {"outcome": "open", "target1_at": at(3)}
        stopped: dict[str, CellValue] = {
            "outcome": "loss",
            "stop_at": at(9),
            "exit_price": Decimal("93100.0"),
            "r_net": Decimal("-1.05"),
        }
        old: dict[str, CellValue] = {"outcome": "win", "target3_at": at(-600)}
        for minute, arrival, shown in (
            (4, second, hit), (6, first, hit), (8, first, hit), (10, first, {**hit, **stopped}), (11, second, old),
        ):  # fmt: skip
            kept = Kept(clock=1, state=None, shown=shown)
            journal.keep_outcomes(Rules(), {arrival: kept}, at=at(minute))
    world.dispatch()
    assert world.titles[2:] == ["Target 1 hit: LONG BTC/USDT", "Stop hit: LONG BTC/USDT"]
    assert "at 95500" in world.came[2].text
    assert "at 93100\n-1.05 R" in world.came[3].text


def test_only_what_is_wanted_is_told(world: World) -> None:
    world.policy = {"on": frozenset({"new"}), "where": {"direction": ("SHORT",)}}
    world.record(
        poll(2, signal(1, opened=1), signal(2, opened=1, direction="SHORT", stop_loss=None)), poll(50)
    )
    world.dispatch()
    assert world.titles == ["New: SHORT BTC/USDT"]


def test_quiet_hours_are_kept_and_told_of_afterwards(world: World) -> None:
    world.policy = {"quiet": (time(11), time(13)), "on": frozenset({"new"})}
    world.record(poll(2, signal(1, opened=1)), poll(4, signal(2, opened=3)))
    world.dispatch()
    assert world.tries == []
    world.dispatch(later=60)
    assert world.titles == ["2 alerts: 2 new"]


def test_more_than_the_limit_comes_as_one_and_no_minute_has_more(world: World) -> None:
    world.policy = {"limit": 3, "on": frozenset({"new"})}
    world.record(poll(2, *(signal(number, opened=1) for number in range(1, 4))))
    world.dispatch()
    world.record(poll(2.5, *(signal(number, opened=2) for number in range(4, 9))))
    world.dispatch()
    assert len(world.came) == 3
    world.dispatch(later=1)
    assert world.titles[3:] == ["5 alerts: 5 new"]


def test_digests_keep_their_distance(world: World) -> None:
    world.policy = {"digest": minutes(10), "on": frozenset({"new"})}
    for minute in range(2, 18):
        world.record(poll(minute, signal(minute, opened=minute - 1)))
        world.dispatch()
    assert [len(message.events) for message in world.came] == [1, 10]


def test_a_service_that_is_away_is_asked_less_and_less_and_then_gets_a_digest(world: World) -> None:
    world.policy = {"on": frozenset({"new"})}
    world.faults = [Sent(reason="it cannot be reached")] * 7
    for minute in range(2, 5):
        world.record(poll(minute, signal(minute, opened=minute - 1)))
        world.dispatch()
    for _ in range(60):
        world.dispatch(later=1)
    assert len(world.tries) == 8
    assert world.titles == ["3 alerts: 3 new"]
    assert "Perhaps a repeat" not in world.came[0].text
    assert all("cannot be reached" in warning for warning in world.warnings)


def test_what_is_days_old_is_told_by_its_number_only(world: World) -> None:
    world.policy = {"on": frozenset({"new"})}
    world.record(poll(2, signal(1, opened=1), signal(2, opened=1)))
    world.record(poll(3000, signal(3, opened=2999)))
    world.dispatch()
    assert [event["signal"]["id"] for event in world.came[0].events] == ["3"]
    assert "2 earlier alerts could not be sent in time." in world.came[0].text


def test_a_try_that_was_killed_is_repeated_and_says_so(world: World) -> None:
    world.record(poll(2, signal(1, opened=1), signal(2, opened=1)))
    world.faults = [Sent(), Killed()]
    with pytest.raises(Killed):
        world.dispatch()
    world.dispatch()
    assert [event["signal"]["id"] for message in world.came for event in message.events] == ["1", "2"]
    assert "Perhaps a repeat" in world.came[1].text
    assert "Perhaps a repeat" not in world.came[0].text


def test_a_killed_poll_leaves_no_news_and_a_recorded_one_all_of_it(world: World) -> None:
    with Journal.open(world.path, clock=world.clock) as journal:
        journal.record_poll(poll(2, signal(1, opened=1)))
    world.dispatch()  # another process, started after the first one was killed
    assert world.titles == ["New: LONG BTC/USDT"]


def test_an_alert_that_is_gone_from_the_config_is_forgotten(world: World) -> None:
    world.record(poll(2, signal(1, opened=1)))
    with Journal.open(world.path, clock=world.clock) as journal:
        journal.register_alerts(world.settings.alert_owner, (), world.now)
        assert journal.alerts(world.settings.alert_owner) == []
        journal.record_poll(poll(3, signal(2, opened=2)))
        assert journal.verify() == []
    world.record()
    world.dispatch()
    assert world.came == []


def test_two_processes_do_not_send_at_the_same_time(world: World) -> None:
    world.record(poll(2, signal(1, opened=1)))
    with Journal.open_outbox(world.path, clock=world.clock):
        world.dispatch()
    assert world.tries == []


def test_a_message_is_sent_while_another_process_writes_the_journal(world: World) -> None:
    world.record(poll(2, signal(1, opened=1)))
    with Journal.open(world.path, clock=world.clock):
        world.dispatch()
    assert len(world.came) == 1


def test_an_address_that_cannot_be_had_is_told_and_looked_up_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise UsageError("The variable is not set.", hint="Set it.")

    world.record(poll(2, signal(1, opened=1)))
    with monkeypatch.context() as patch:
        patch.setattr(alerts, "sender", fail)
        world.dispatch()
    assert "The variable is not set." in world.warnings[0]
    world.dispatch(later=1)
    assert len(world.came) == 1


def test_a_service_that_hangs_holds_nothing_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, release = Event(), Event()

    def hang(message: Message) -> Sent:
        hanging.set()
        release.wait()
        return world.send(message)

    world.record(poll(2, signal(1, opened=1)))
    monkeypatch.setattr(alerts, "sender", lambda *_: hang)
    monkeypatch.setattr(alerts, "_LAST_WORDS", 0.0)
    with alerting(world.settings, world.path, clock=world.clock, warn=world.warnings.append) as news:
        news()
        assert hanging.wait(60)
        world.record(poll(3, signal(2, opened=2)))  # the next sync, while the first alert hangs
    release.set()


def test_a_service_that_hangs_does_not_hold_a_run_that_is_told_to_stop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, ended = Event(), Event()

    def hang(_: Message) -> Sent:
        deadline.hurry()  # as a signal does
        release.wait()
        return Sent()

    def run() -> None:
        with alerting(world.settings, world.path, clock=world.clock, warn=world.warnings.append):
            pass
        ended.set()

    world.record(poll(2, signal(1, opened=1)))
    monkeypatch.setattr(alerts, "sender", lambda *_: hang)
    monkeypatch.setattr(alerts, "_LAST_WORDS", 3600.0)
    monkeypatch.setattr(alerts, "GRACE", 0.1)
    try:
        Thread(target=run, daemon=True).start()
        assert ended.wait(60)
    finally:
        release.set()
        deadline.at_leisure()


def test_a_disk_that_fails_is_told_once_and_ends_no_sending(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.record(poll(2, signal(1, opened=1)))
    send_due, failed = Dispatcher.send_due, [Event(), Event()]

    def fails_twice(self: Dispatcher) -> None:
        for event in failed:
            if not event.is_set():
                event.set()
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(world.path))
        send_due(self)

    monkeypatch.setattr(Dispatcher, "send_due", fails_twice)
    with alerting(world.settings, world.path, clock=world.clock, warn=world.warnings.append) as nudge:
        for event in failed:
            nudge()
            assert event.wait(HANGS)
    assert world.titles == ["New: LONG BTC/USDT"]
    [warning] = world.warnings
    assert warning.startswith("Alerts: The file ")


def test_a_dry_run_and_no_alerts_send_nothing(world: World) -> None:
    world.record(poll(2, signal(1, opened=1)))
    with alerting(
        world.settings, world.path, clock=world.clock, warn=world.warnings.append, dry_run=True
    ) as news:
        news()
    assert world.tries == []
