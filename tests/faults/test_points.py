"""A sync is killed, or a call to the system fails, at each of its points: the next run makes good for it.

The points are found by tracing the system calls of a real run. The ordinary tests try a sample of them;
`pytest -m soak tests/faults` tries all.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from tests.faults import ptrace
from tests.faults.calls import UNSEEN, Kind, Point, is_ours
from tests.faults.judging import Disturbance, Undisturbed, violations
from tests.faults.scenes import Scene, scene
from tests.faults.traced import Tracer, tracing

pytestmark = pytest.mark.skipif(not ptrace.AVAILABLE, reason="traces system calls of Linux on x86-64")

ERRORS = (
    "ENOSPC", "EIO", "EACCES", "EROFS", "ENOTCONN", "ESTALE", "EINTR", "EDQUOT", "ETIMEDOUT",
)  # fmt: skip
ONCE = ("EINTR",)  # what asks to be tried again would be tried for ever
_IN_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it; a disk would only be slower
_WAL = "journal.sqlite3-wal"
_EACH_TIME = [(kind, when) for kind in ("workbook", "sheet") for when in ("first", "next")]


@pytest.fixture(scope="module")
def tracer() -> Iterator[Tracer]:
    with tracing() as running:
        yield running


@contextmanager
def placed(tracer: Tracer, kind: str, when: str, *, small: bool = False) -> Iterator[Scene]:
    first, kinds = when == "first", {"google": kind == "sheet", "tells": kind == "telling"}
    with (
        tempfile.TemporaryDirectory(dir=_IN_MEMORY if _IN_MEMORY.is_dir() else None) as folder,
        scene(Path(folder), tracer, first=first, small=small, **kinds) as made,
    ):
        yield made


@pytest.fixture(scope="module", params=_EACH_TIME, ids="-".join)
def place(request: pytest.FixtureRequest, tracer: Tracer) -> Iterator[Scene]:
    with placed(tracer, *request.param) as made:
        yield made


@pytest.fixture(scope="module")
def truth(place: Scene) -> Undisturbed:
    return Undisturbed.of(place)


def kills(points: Iterable[Point]) -> Iterator[Disturbance]:
    for at, point in enumerate(points):
        if point.kind in UNSEEN:  # nothing is another after it than before
            continue
        yield Disturbance("kill before", at)
        yield Disturbance("kill after", at)


def failures(points: Iterable[Point]) -> Iterator[Disturbance]:
    """One call that fails, or all from there on; and a write that moves half of its bytes."""
    for at, _ in enumerate(points):
        for error in ERRORS:
            yield Disturbance("fail", at, error)
            if error not in ONCE:
                yield Disturbance("fail", at, error, lasting=True)
        yield Disturbance("shorten", at)


def drawn(points: Iterable[Point], dice: random.Random) -> list[Disturbance]:
    """Of each way to fail, at each kind of call about each file, one: however many writes a file takes."""
    alike: defaultdict[tuple[str, ...], list[Disturbance]] = defaultdict(list)
    met = list(points)
    for one in (*failures(met), *kills(met)):
        point = met[one.at]
        what = point.call, _stable(Path(point.path).name)
        alike[*what, one.deed, one.error, str(one.lasting)].append(one)
    return [dice.choice(ones) for ones in alike.values()]


def tried(place: Scene, truth: Undisturbed, disturbances: Iterable[Disturbance]) -> list[str]:
    return [problem for disturbance in disturbances for problem in violations(place, truth, disturbance)]


def shape(points: Iterable[Point]) -> list[tuple[str, str]]:
    """The calls by kind and file, repeated ones once: how many pages the journal fills depends on the hour.

    What leaves nothing is left out: a fresh process looks for modules as it imports them.
    """
    named = ((point.kind, _stable(Path(point.path).name)) for point in points if point.kind not in UNSEEN)
    return [call for call, _ in groupby(named)]


def _stable(name: str) -> str:
    return re.sub(r"-[0-9a-f]{20}|cqs-[a-z0-9_]{2}[.]|socket.*", "", name) if is_ours(name) else ""


def test_points_of_every_kind_are_found(place: Scene, truth: Undisturbed) -> None:
    kinds: set[Kind] = {"write", "sync", "make", "remove", "adjust", "connect", "send", "receive", *UNSEEN}
    found = {point.kind for point in truth.points}
    assert found - {"replace"} == kinds  # a workbook that was not there replaces nothing
    assert "replace" not in found or place.sheets is None


def too_early(points: Iterable[Point]) -> Iterator[str]:
    """Steps that rest on what a power cut would still undo: it was written or renamed, but not flushed."""
    unflushed: set[str] = set()
    for point in points:
        path = Path(point.path)
        kept = path.name == _WAL or path.name.startswith(".signals.xlsx")
        rewritten = {point.path} if point.kind == "write" else set()
        if point.kind in ("send", "replace") or (point.kind == "write" and (kept or path.name == "said.out")):
            yield from (f"{point} before the flush of {one}" for one in sorted(unflushed - rewritten))
        if point.kind == "write" and kept:
            unflushed.add(point.path)
        elif point.kind == "replace":
            unflushed.add(str(path.parent))
        elif point.kind == "sync":
            unflushed.discard(point.path)


def test_whatever_a_step_rests_on_was_flushed_to_the_disk_before(truth: Undisturbed) -> None:
    assert list(too_early(truth.points)) == []


def test_an_undisturbed_run_ends_the_same_each_time(place: Scene, truth: Undisturbed) -> None:
    again = Undisturbed.of(place)
    assert (again.after, again.journal) == (truth.after, truth.journal)
    assert shape(again.points) == shape(truth.points)


def test_the_run_that_is_traced_makes_the_calls_of_the_real_command(place: Scene, truth: Undisturbed) -> None:
    place.restore()
    assert shape(place.sync(fresh=True).points) == shape(truth.points)


def test_a_sync_killed_at_some_point_is_made_good_by_the_next(place: Scene, truth: Undisturbed) -> None:
    every = list(kills(truth.points))
    assert tried(place, truth, every[7::613]) == []  # before and after in turn


def test_a_call_that_fails_at_some_point_is_told_and_nothing_is_lost(
    place: Scene, truth: Undisturbed
) -> None:
    every = list(failures(truth.points))
    assert tried(place, truth, every[7::9001]) == []


@pytest.mark.soak
def test_a_sync_killed_at_every_point_is_made_good_by_the_next(place: Scene, truth: Undisturbed) -> None:
    assert tried(place, truth, kills(truth.points)) == []


@pytest.mark.soak
def test_a_call_that_fails_at_every_point_is_told_and_nothing_is_lost(
    place: Scene, truth: Undisturbed
) -> None:
    assert tried(place, truth, failures(truth.points)) == []


@pytest.mark.soak
@pytest.mark.parametrize(
    "kind_and_time", [*_EACH_TIME, ("telling", "first"), ("telling", "next")], ids="-".join
)
def test_each_kind_of_call_about_each_kind_of_file_fails_in_each_way(
    tracer: Tracer, kind_and_time: tuple[str, str]
) -> None:
    """CQS_SOAK_SEED draws others, CQS_SOAK_MOST fewer."""
    dice = random.Random(os.environ.get("CQS_SOAK_SEED", "1"))  # noqa: S311 - a draw, no secret
    with placed(tracer, *kind_and_time, small=True) as place:
        truth = Undisturbed.of(place)
        every = drawn(truth.points, dice)
        dice.shuffle(every)
        assert tried(place, truth, every[: int(os.environ.get("CQS_SOAK_MOST", len(every)))]) == []
