"""Several processes, and processes killed at any moment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cqs_sheets.errors import TargetBusy
from cqs_sheets.journal import Journal
from tests.journal.conftest import Clock
from tests.journal.samples import at, poll, signal

ROOT = Path(__file__).parents[2]

PROLOGUE = """
import sys
from pathlib import Path
from cqs_sheets.journal import Journal
from tests.journal.samples import at, poll, signal
path, name = Path(sys.argv[1]), sys.argv[2]
"""

KEEP_AND_HANG = """
with Journal.open(path, clock=lambda: at(0)) as journal:
    print(journal.keep_answer("swing", {"interval": "20"}, at(0), b"the answer"), flush=True)
    sys.stdin.read()
"""

POLL_FOR_EVER = """
with Journal.open(path, clock=lambda: at(0)) as journal:
    start = len(journal.polls(10**6))
    for number in range(start, 10**6):
        answer = journal.keep_answer("swing", {}, at(number), b"body")
        journal.record_poll(poll(number, signal(number, opened=number - 2), answers=[answer]))
        journal.delivered(journal.target("a.xlsx", "raw"), sequence=number + 1, version="", cursor=number,
            rows=[(signal(number).key, 1)], at=at(number), wrote=True)
        print(number, flush=True)
"""

FIVE_TURNS = """
for turn in range(5):
    with Journal.open(path, clock=lambda: at(0), wait=60) as journal:
        journal.record_poll(poll(0, signal(f"{name}-{turn}"), signal("shared")))
"""


@contextmanager
def process(script: str, path: Path, name: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that is killed (SIGKILL) at the end, if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", PROLOGUE + script, str(path), name],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def line_of(started: subprocess.Popen[str]) -> str:
    assert started.stdout is not None
    return started.stdout.readline().strip()


def test_an_answer_survives_a_kill_before_it_was_digested(path: Path, clock: Clock) -> None:
    with process(KEEP_AND_HANG, path) as killed:
        kept = int(line_of(killed))
    with Journal.open(path, clock=clock, wait=0) as journal:
        [answer] = journal.undigested()
        assert (answer.id, answer.body) == (kept, b"the answer")
        journal.record_poll(poll(0, signal(1), answers=[kept]))
        assert journal.undigested() == []


def test_all_that_was_recorded_survives_kill_after_kill(path: Path, clock: Clock) -> None:
    recorded: list[int] = []
    for lines in (1, 3, 9, 2, 14):
        with process(POLL_FOR_EVER, path) as killed:
            recorded += [int(line_of(killed)) for _ in range(lines)]
        with Journal.open(path, clock=clock, wait=0) as journal:
            assert journal.verify() == []
            polls = len(journal.polls(10**6))
            assert polls > recorded[-1]
            assert [one.signal.key.id for one in journal.records()] == [
                str(number) for number in range(polls)
            ]
            assert len(journal.undigested()) <= 5
            held = journal.target("a.xlsx", "raw").sequence
            assert held - 1 >= recorded[-1]
            rows = journal.everything(journal.target("a.xlsx", "raw"), None)
            assert sum(row.delivered is not None for row in rows) >= len(recorded)
    assert recorded == sorted(set(recorded))


def test_a_process_in_possession_is_named(path: Path, clock: Clock) -> None:
    with process(KEEP_AND_HANG, path) as holder:
        line_of(holder)
        with (
            pytest.raises(TargetBusy, match=f"process {holder.pid} since 2026-05-24 12:00:00"),
            Journal.open(path, clock=clock, wait=0),
        ):
            pass
        with Journal.open_readonly(path, clock=clock) as reader:
            assert len(reader.undigested()) == 1


def test_a_killed_process_no_longer_holds_the_journal(path: Path, clock: Clock) -> None:
    with process(KEEP_AND_HANG, path) as killed:
        line_of(killed)
    with Journal.open(path, clock=clock, wait=0) as journal:
        assert journal.verify() == []


def test_processes_that_write_in_turns_lose_and_double_nothing(path: Path, clock: Clock) -> None:
    with (
        process(FIVE_TURNS, path, "a") as first,
        process(FIVE_TURNS, path, "b") as second,
        process(FIVE_TURNS, path, "c") as third,
    ):
        assert [one.wait() for one in (first, second, third)] == [0, 0, 0]
    with Journal.open(path, clock=clock) as journal:
        expected = {f"{name}-{turn}" for name in "abc" for turn in range(5)} | {"shared"}
        assert sorted(one.signal.key.id for one in journal.records()) == sorted(expected)
        assert len({one.arrival for one in journal.records()}) == len(expected)
        assert journal.verify() == []


def test_a_reader_opens_what_a_killed_writer_left(path: Path, clock: Clock) -> None:
    with process(KEEP_AND_HANG, path) as killed:
        line_of(killed)
    with Journal.open_readonly(path, clock=clock) as reader:
        assert [one.at for one in reader.undigested()] == [at(0)]
    with Journal.open(path, clock=clock, rehearsal=True) as journal:
        assert journal.record_poll(poll(0, signal(1))).new == 1
