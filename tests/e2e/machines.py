"""Several machines, each with a journal of its own, that write one target whose user goes back to earlier versions.

Copies that a folder is synced with are such versions, too: taking the other machine's copy is going back to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

from cqs_sheets.config import TargetSettings
from cqs_sheets.config.settings import place_at
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.journal import Journal, Poll
from cqs_sheets.journal.database import Database, migrate
from cqs_sheets.run.deliver import Deliverer
from cqs_sheets.run.looking import Target
from cqs_sheets.run.rest import Delivery
from tests.destinations.users import User
from tests.make import TEMPLATE, signal

START = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)


class Machine:
    """A journal, and syncs of it."""

    def __init__(self, words: Iterator[int], clock: Callable[[], datetime]) -> None:
        database = Database(":memory:", name="journal")
        migrate(database)
        self.journal = Journal(database, clock)
        self.deliverer = Deliverer(
            journal=self.journal, choices=Choices(), dry_run=False, clock=clock,
            random=lambda: f"{next(words) * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFF:012x}",
        )  # fmt: skip
        self.clock = clock
        self.caught: set[str] = set()
        self.given: dict[str, int] = {}
        """The version in which this machine wrote a row first."""

    def see(self, id_: str) -> None:
        now = self.clock()
        self.caught.add(id_)
        self.journal.record_poll(
            Poll(feed="all", selection="", at=now, window=None, signals=[signal(id_, timestamp=now)])
        )

    def sync(self, user: User) -> Delivery:
        settings = TargetSettings(place=place_at("book.xlsx", Path("/nowhere")), heartbeat=0)
        target = Target(
            settings=settings, template=TEMPLATE, destination=user.destination, zone=ZoneInfo("UTC")
        )
        delivery = self.deliverer.deliver(target, {}, make_empty=True)
        if delivery.error:
            raise delivery.error
        return delivery


@dataclass
class Version:
    """What a version of the target holds, which rows its user deleted on the way to it, and that way."""

    number: int
    rows: frozenset[str]
    gone: frozenset[str]
    way: frozenset[int]
    restore: Callable[[], None]


@dataclass
class Story:
    """One target and its machines; every step is checked."""

    user: User
    machines: int
    together: bool
    versions: list[Version] = field(default_factory=list)
    _minutes: int = 0

    def __post_init__(self) -> None:
        words = count(1)
        self._ids = count(1)
        self.all = [Machine(words, self.now) for _ in range(self.machines)]

    def now(self) -> datetime:
        return START + timedelta(minutes=self._minutes)

    def play(self, steps: str) -> None:
        """`0`..`2`: a signal comes, and that machine syncs; `d`: the newest row is deleted; `r`, `s`, `t`: back."""
        for step in steps:
            self._minutes += 1
            if step.isdigit():
                self.sync(int(step), str(next(self._ids)))
            elif step == "d":
                self.delete()
            else:
                self.go_back("rst".index(step) + 1)
        for number in (*range(self.machines), *range(self.machines)):
            self._minutes += 1
            self.sync(number, None)

    def sync(self, number: int, id_: str | None) -> None:
        """A machine sees a signal and writes; nothing is lost, doubled, or brought back against the user."""
        machine = self.all[number]
        for each in self.all if self.together else [machine]:
            if id_ is not None:
                each.see(id_)
        before = self.versions[-1] if self.versions else None
        rows, gone, way = (before.rows, before.gone, before.way) if before else (frozenset(),) * 3
        delivery = machine.sync(self.user)
        now = [str(row["id"]) for row in self.user.rows()]
        assert len(now) == len(set(now)), "doubled"
        assert rows <= set(now), "a row that was there is gone"
        assert machine.caught <= {*now, *gone}, f"lost: {machine.caught - {*now, *gone}}"
        back = {key for key in gone & set(now) if machine.given.get(key) in way}
        assert not back, f"deleted by the user, and back: {back}"
        plan = delivery.plan
        assert (plan.left_deleted if plan else 0) <= len(gone), "counted as deleted"
        if plan and not plan.empty:
            self._keep(frozenset(now), gone - set(now), way)
            for add in plan.adds:
                machine.given.setdefault(add.key, self.versions[-1].number)

    def delete(self) -> None:
        if self.versions and len(self.versions[-1].rows) > 1:
            last = self.versions[-1]
            key = max(last.rows, key=int)
            self.user.delete_row(key)
            self._keep(last.rows - {key}, last.gone | {key}, last.way)

    def go_back(self, by: int) -> None:
        if len(self.versions) > by:
            version = self.versions[-1 - by]
            version.restore()
            self.versions.append(version)

    def _keep(self, rows: frozenset[str], gone: frozenset[str], way: frozenset[int]) -> None:
        number = len(self.versions)
        self.versions.append(Version(number, rows, gone, way | {number}, self.user.remember()))
