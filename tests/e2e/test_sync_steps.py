"""Poll, journal, plan, apply, report: what each step leaves for the next."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Facts
from cqs_sheets.core.plan.plan import Snapshot
from cqs_sheets.core.signals.signal import FeedTable, Status
from cqs_sheets.errors import TargetBusy
from cqs_sheets.journal import Journal
from cqs_sheets.template_files import load_template
from tests.destinations.memory import MemoryDestination
from tests.e2e.runs import World, world


@pytest.fixture
def market(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, seed=3, speed=20) as made:
        yield made


def signals(market: World) -> dict[str, dict[str, CellValue]]:
    return {str(row["id"]): row for row in market.memory.tabs["Signals"]}


def test_the_first_sync_writes_every_open_signal_once(market: World) -> None:
    report = market.sync().report
    assert report.exit_code == 0
    assert len(signals(market)) == len(market.memory.tabs["Signals"]) == report.targets[0].added > 5
    assert report.api.new == report.api.signals >= report.targets[0].added
    assert report.coverage.covered_seconds == 1200
    assert report.coverage.gap_seconds == 0


def test_a_second_look_at_the_same_market_writes_nothing(market: World) -> None:
    market.sync()
    before = market.memory.sequence
    report = market.sync().report
    assert market.memory.sequence == before
    assert (report.targets[0].added, report.targets[0].updated) == (0, 0)
    assert report.targets[0].unchanged == report.api.signals


def test_signals_that_end_are_marked_and_never_deleted(market: World) -> None:
    market.sync()
    before = signals(market)
    market.clock.pass_(minutes=4)
    report = market.sync().report
    after = signals(market)
    assert before.keys() <= after.keys()
    ended = {id_ for id_ in before if after[id_]["status"] == "closed"}
    assert len(ended) == report.targets[0].closed > 0
    still = {s["id"] for s in _open(market)}
    assert not ended & still


def test_a_short_look_back_ends_nothing_that_the_api_still_shows(
    market: World,
) -> None:
    market.config_text = '[api]\ninterval = "auto"\n'
    for _ in range(3):
        market.sync()
        market.clock.pass_(seconds=5)
    report = market.sync().report
    api = {signal["id"] for signal in _open(market)}
    shown = {id_ for id_, row in signals(market).items() if row["status"] == "open"}
    assert api
    assert api <= shown
    with Journal.open_readonly(market.folder / "journal.sqlite3", clock=market.clock) as journal:
        opened = [record.signal.key for record in journal.records(status=Status.OPEN)]
    assert {key.id for key in opened if key.table is FeedTable.MAIN} == shown
    assert report.api.aged == 0


def test_signals_that_only_leave_the_window_are_aged_not_closed(market: World) -> None:
    market.sync()
    market.clock.pass_(hours=3)
    before = signals(market).keys()
    market.sync()
    assert {signals(market)[id_]["status"] for id_ in before} == {"aged"}
    assert {row["status"] for row in signals(market).values()} == {"open", "aged"}


def test_a_pause_longer_than_the_window_is_reported_as_a_gap(market: World) -> None:
    market.sync()
    market.clock.pass_(minutes=50)
    report = market.sync().report
    assert report.coverage.gap_seconds == 30 * 60
    assert len(report.coverage.gaps) == 1


def test_what_one_failing_target_lacks_waits_and_comes_later(market: World) -> None:
    class Locked(MemoryDestination):
        locked = True

        def apply(self, plan):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            if self.locked:
                raise TargetBusy("second.xlsx is open in Excel.")
            return super().apply(plan)

    second = Locked()
    market.targets["second.xlsx"] = second
    report = market.sync().report
    assert report.exit_code == 75
    assert report.outcome == "degraded"
    assert [target.pending > 0 for target in report.targets] == [False, True]
    second.locked = False
    report = market.sync().report
    assert report.exit_code == 0
    assert second.tabs["Signals"] == market.memory.tabs["Signals"]


def test_many_targets_written_side_by_side_hold_the_same(market: World) -> None:
    market.targets |= {f"{number}.xlsx": MemoryDestination() for number in range(20)}
    report = market.sync().report
    assert report.exit_code == 0
    assert [target.target for target in report.targets] == list(market.targets)
    for target in market.targets.values():
        assert isinstance(target, MemoryDestination)
        assert target.tabs["Signals"] == market.memory.tabs["Signals"]
    assert all(target.added == 0 for target in market.sync().report.targets)


def test_pending_rows_are_written_even_while_the_api_is_away(market: World) -> None:
    market.sync()
    late = MemoryDestination()
    market.targets["late.xlsx"] = late
    market.server.set_faults(["http-503"])
    report = market.sync().report
    assert report.exit_code == 69
    assert report.outcome == "degraded"
    assert late.tabs["Signals"] == market.memory.tabs["Signals"]


def test_an_api_that_never_answered_makes_no_empty_workbook(market: World) -> None:
    market.server.set_faults(["http-503"])
    assert market.sync().report.exit_code == 69
    assert not market.memory.stamp("").exists


def test_a_wrong_server_zone_shows_itself(market: World) -> None:
    market.config_text = '[api]\nserver_timezone = "Asia/Tokyo"\n'
    (warning,) = market.sync().report.warnings
    assert "+9 h" in warning or "-9 h" in warning


def test_an_answer_kept_by_a_killed_run_is_digested_by_the_next(market: World) -> None:
    body = (
        b'{"error":0,"message":"Success","count":1,"signals":[{"id":"42","timestamp":"2026-05-24 11:59:00",'
        b'"exchange":"binance","currency":"USDT","coin":"BTC","direction":"LONG","ask":"1"}]}'
    )
    with Journal.open(market.folder / "journal.sqlite3", clock=market.clock) as journal:
        journal.keep_answer("all", {"interval": "20"}, market.clock(), body)
    market.sync()
    assert "42" in signals(market)


def test_a_second_life_in_such_an_answer_is_told(market: World) -> None:
    sent = {"id": "42", "exchange": "binance", "currency": "USDT", "direction": "LONG", "ask": "1"}
    later = timedelta(hours=2)
    with Journal.open(market.folder / "journal.sqlite3", clock=market.clock) as journal:
        for coin, passed in (("BTC", timedelta()), ("ETH", later)):
            at = market.clock() + passed
            each = sent | {"coin": coin, "timestamp": f"{at:%Y-%m-%d %H:%M:%S}"}
            body = json.dumps({"error": 0, "message": "", "count": 1, "signals": [each]}).encode()
            journal.keep_answer("all", {"interval": "20"}, at, body)
    market.clock.pass_(hours=3)
    assert any("Id 42 had ended" in each for each in market.sync().report.warnings)
    assert {"42", "42#2"} <= set(signals(market))


def test_an_answer_that_a_bug_stumbles_over_is_kept_for_the_version_without_it(
    market: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as bug:
        bug.setattr("cqs_sheets.run.poll.parse.parse_signals", broken)
        assert market.sync().report.exit_code == 1
        market.clock.pass_(minutes=1)
        again = market.sync().report  # still asks for what is new
    assert (again.exit_code, again.api.requests) == (1, 1)
    with Journal.open(market.folder / "journal.sqlite3", clock=market.clock) as journal:
        kept = list(journal.undigested())
    assert len(kept) == 2
    shown = {str(signal["id"]) for each in kept for signal in json.loads(each.body)["signals"]}
    market.clock.pass_(hours=1)  # the API no longer speaks of them
    market.sync()
    assert shown
    assert shown <= signals(market).keys()


def test_a_dry_run_shows_the_plan_and_leaves_no_trace(market: World) -> None:
    result = market.sync(dry_run=True)
    assert result.plans["first.xlsx"].adds
    assert not market.memory.tabs
    assert not (market.folder / "journal.sqlite3").exists()
    assert market.sync().report.api.new == result.report.api.new


def test_rows_lost_by_a_roll_back_are_put_back_and_deleted_ones_are_not(market: World) -> None:
    market.sync()
    old_rows = [dict(row) for row in market.memory.tabs["Signals"]]
    old_lineage = market.memory.lineage
    market.clock.pass_(minutes=3)
    market.sync()
    newer = signals(market)
    deleted = str(old_rows[0]["id"])
    market.memory.tabs["Signals"] = old_rows[1:]  # an older version is restored, one of its rows deleted
    market.memory.lineage = old_lineage
    market.memory.touch()
    market.sync()
    assert signals(market).keys() == newer.keys() - {deleted}
    market.sync(restore=True)
    assert signals(market).keys() == newer.keys()


def test_a_rewrite_of_most_rows_is_refused_unless_forced(market: World) -> None:
    for _ in range(8):
        market.sync()
        market.clock.pass_(minutes=3)
    market.sync()
    for held in market.memory.tabs["Signals"]:
        held["stop"] = Decimal(1)
    before = deepcopy(signals(market))
    assert len(before) > 20
    report = market.sync(restore=True).report
    (refused,) = report.errors
    assert (report.exit_code, refused.kind) == (65, "large")
    assert signals(market) == before
    assert market.sync(restore=True, force=True).report.exit_code == 0
    assert signals(market).keys() == before.keys()
    assert signals(market) != before


def test_a_roll_back_between_the_look_and_the_read_loses_no_row(
    market: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    market.sync()
    old_rows, old_lineage = [dict(row) for row in market.memory.tabs["Signals"]], market.memory.lineage
    market.clock.pass_(minutes=3)
    market.sync()
    newer = signals(market)
    assert len(newer) > len(old_rows)
    read = market.memory.read

    def rolled_back_first(facts: Facts, bindings: Bindings, keys: Mapping[str, Collection[str]]) -> Snapshot:
        monkeypatch.setattr(market.memory, "read", read)
        market.memory.tabs["Signals"], market.memory.lineage = old_rows, old_lineage
        market.memory.touch()
        return read(facts, bindings, keys)

    monkeypatch.setattr(market.memory, "read", rolled_back_first)
    market.clock.pass_(minutes=3)
    market.sync()
    assert newer.keys() < signals(market).keys()


def test_a_fresh_journal_trusts_the_target(market: World) -> None:
    market.sync()
    rows = [dict(row) for row in market.memory.tabs["Signals"]]
    (market.folder / "journal.sqlite3").unlink()
    market.clock.pass_(seconds=1)
    report = market.sync().report
    assert report.targets[0].added == 0
    assert [row["id"] for row in market.memory.tabs["Signals"]] == [row["id"] for row in rows]
    assert [row["seen"] for row in market.memory.tabs["Signals"]] == [row["seen"] for row in rows]


def test_leverage_comes_with_a_second_question_and_stays(market: World) -> None:
    market.config_text = '[[feed]]\nname = "all"\nleverage = true\n'
    market.sync()
    known = {id_ for id_, row in signals(market).items() if row["lev"]}
    assert known
    market.config_text = '[[feed]]\nname = "all"\nleverage = false\n'
    market.clock.pass_(seconds=30)
    market.sync()
    assert known <= {id_ for id_, row in signals(market).items() if row["lev"]}


def test_the_question_for_leverage_brings_no_signal_the_feed_does_not_want(market: World) -> None:
    market.template = load_template("raw")
    market.config_text = '[[feed]]\nname = "slow"\ntype = ["MID TERM", "LONG TERM"]\n'
    market.sync()
    asked_wider = [sent for sent in market.server.requests if "type" not in sent.params]
    assert asked_wider, "no futures signal without leverage: the market must have one for this test"
    assert {row["type"] for row in market.memory.tabs["Signals"]} <= {"MID TERM", "LONG TERM"}


def _open(market: World) -> list[dict[str, str]]:
    import requests  # noqa: PLC0415

    found: list[dict[str, str]] = requests.get(
        f"{market.server.url}/getSignal/", params={"api_key": "FREE", "interval": "20"}, timeout=5
    ).json()["signals"]
    return found
