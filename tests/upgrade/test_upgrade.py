"""What an earlier version wrote is synced by this one, with its journal and without: nothing is doubled, moved,
deleted or overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.google_sheets import RunningSheets, start
from tests.upgrade.books import Book, cell, differences, ids, of_spreadsheet, of_workbook
from tests.upgrade.news import FOURTH, NEWS_3, THIRD
from tests.upgrade.runs import WRITTEN, sync, unpack

MAIN = ["5001", "5002", "5003", "5004", "5005", "5006", "5007"]
DELETED = [id_ for id_ in MAIN if id_ != "5004"]  # by the user; only the journal knows it was ever there
NOT_KNOWN_AS_DELETED = [*DELETED[:-2], "5004", *DELETED[-2:]]
SCALPS = ["5003", "11", "12", "13", "14"]
BOTH = {"Signals": MAIN, "Scalping": SCALPS}
NEWEST_FIRST = [
    *("scalping:14", "5007", "scalping:13", "scalping:12"),
    *("5004", "scalping:11", "scalping:5003"),
]
IDS: dict[str, dict[str, dict[str, list[str]]]] = {
    "templates": {
        "raw.xlsx": BOTH,
        "signals.xlsx": BOTH,
        "futures.xlsx": {"Futures": ["5002", "5004", "5006"]},
        "scalping.xlsx": {"Scalps": NEWEST_FIRST},
        "journal.xlsx": BOTH,
        "dashboard.xlsx": BOTH,
    },
    "adopted": {
        "by_title.xlsx": {"Signals": ["901", "902", *MAIN], "Scalping": SCALPS},
        "renamed.xlsx": {"Meine Signale": MAIN, "Scalping": SCALPS},
    },
    "google": {
        "signals-written-by-an-earlier-version": {"Meine Signale": DELETED, "Scalping": SCALPS},
        "journal-written-by-an-earlier-version": BOTH,
        "by_gid-written-by-an-earlier-version": {"My trades": ["901", *MAIN], "Scalping": SCALPS},
    },
}
"""What each target holds after the upgrade: the ids in each tab that has signals, from top to bottom."""

STATUS, STOP = ("Status", "status", "last_seen"), ("Stop", "stop_loss")
FROM_THE_STOP = ("Stop %", "R:R", "R:R 1", "R:R 2", "R:R 3", "Cornix text")
MAY_CHANGE = {
    (before + id_, header)
    for id_, headers in {"5003": STATUS, "5004": (*STOP, *FROM_THE_STOP), "12": (*STOP, *FROM_THE_STOP)}.items()
    for before in ("", "scalping:")
    for header in headers
}  # fmt: skip


@dataclass(frozen=True)
class Upgrade:
    """The targets of one folder before and after its first sync by this version, and that sync's report."""

    folder: Path
    sheets: RunningSheets
    before: dict[str, Book]
    after: dict[str, Book]
    report: dict[str, Any]

    def target(self, name: str) -> dict[str, Any]:
        (found,) = [each for each in self.report["targets"] if name in each["target"]]
        return dict(found)


Upgraded = Callable[[str, bool], Upgrade]


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    with ExitStack() as stack:

        @cache
        def upgrade(name: str, journal: bool) -> Upgrade:
            folder, sheets = tmp_path_factory.mktemp(name), stack.enter_context(start())
            unpack(WRITTEN / name, folder, sheets, journal=journal)
            before = {target: look(target, folder, sheets) for target in IDS[name]}
            report = sync(folder, NEWS_3, THIRD, sheets=sheets)
            after = {target: look(target, folder, sheets) for target in IDS[name]}
            return Upgrade(folder, sheets, before, after, report)

        yield upgrade


def look(target: str, folder: Path, sheets: RunningSheets) -> Book:
    return of_workbook(folder / target) if target.endswith(".xlsx") else of_spreadsheet(sheets, target)


each_target = pytest.mark.parametrize(
    ("name", "target"), [(name, target) for name, targets in IDS.items() for target in targets]
)
with_and_without = pytest.mark.parametrize("journal", [True, False], ids=["its journal", "a fresh machine"])


@each_target
@with_and_without
def test_every_signal_is_there_once_where_it_belongs(
    upgraded: Upgraded, name: str, target: str, *, journal: bool
) -> None:
    done = upgraded(name, journal)
    assert done.report["exit_code"] == 0, done.report["errors"]
    after = done.after[target]
    expected = {
        title: NOT_KNOWN_AS_DELETED if listed is DELETED and not journal else listed
        for title, listed in IDS[name][target].items()
    }
    assert {title: ids(grid) for title, grid in after.items() if ids(grid)} == expected
    assert list(after) == list(done.before[target])  # no tab made, dropped or moved


@each_target
@with_and_without
def test_no_cell_is_another_but_what_the_news_are_about(
    upgraded: Upgraded, name: str, target: str, *, journal: bool
) -> None:
    done = upgraded(name, journal)
    assert differences(done.before[target], done.after[target], MAY_CHANGE) == []


@each_target
@with_and_without
def test_the_news_are_written(upgraded: Upgraded, name: str, target: str, *, journal: bool) -> None:
    done = upgraded(name, journal)
    for grid in done.after[target].values():
        there = {id_.rpartition(":")[2]: id_ for id_ in ids(grid)}
        for id_ in {"5004", "12"} & there.keys():
            assert cell(grid, there[id_], STOP) == 93.5
        if journal and "5003" in there:
            assert cell(grid, there["5003"], ("Status", "status")) == "closed"
    before, after = (
        [id_ for grid in book[target].values() for id_ in ids(grid)] for book in (done.before, done.after)
    )
    assert done.target(target)["added"] == len(after) - len(before)


@pytest.mark.parametrize("name", IDS)
@with_and_without
def test_then_there_is_nothing_left_to_write(upgraded: Upgraded, name: str, *, journal: bool) -> None:
    done = upgraded(name, journal)
    report = sync(done.folder, NEWS_3, FOURTH, sheets=done.sheets)
    assert {(each["added"], each["updated"], each["closed"]) for each in report["targets"]} == {(0, 0, 0)}
    assert {target: look(target, done.folder, done.sheets) for target in IDS[name]} == done.after
