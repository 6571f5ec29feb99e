"""One run that is disturbed at one point, the run after it, and what is wrong then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.faults.calls import Point
from tests.faults.scenes import Cells, Scene, WorkbookKept, cells_of
from tests.faults.tracer import Deed, Outcome

_KILLED = -9
_NETWORK = ("connect", "send", "receive")
_NO_SIGNALS = ("Settings", "Guide")
_REFUSED = ("EACCES", "EROFS")


@dataclass(frozen=True, slots=True)
class Disturbance:
    """A deed at point number `at`; see tracer.Order."""

    deed: Deed
    at: int
    error: str = ""
    lasting: bool = False

    def __str__(self) -> str:
        words = f"{self.error}{' from there on' if self.lasting else ''}" if self.error else self.deed
        return f"{words} at {self.at}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undisturbed:
    """A scene before and after a run that nothing disturbs, and the points of that run."""

    before: Cells | None
    after: Cells | None
    journal: list[list[Any]]
    points: list[Point]

    @classmethod
    def of(cls, scene: Scene) -> Undisturbed:
        scene.restore()
        before = scene.target.cells()
        outcome = scene.sync()
        assert outcome.exit_code == 0, scene.said
        assert scene.left_over == set()
        return cls(
            before=before, after=scene.target.cells(), journal=scene.journal(), points=outcome.points
        )  # fmt: skip


def violations(scene: Scene, truth: Undisturbed, disturbance: Disturbance) -> list[str]:
    """What a run with this disturbance and the next one without leave wrong."""
    at, calls = disturbance.at, []
    if not disturbance.lasting:
        calls = [truth.points[at].call]
        at = sum(point.call in calls for point in truth.points[:at])
    scene.restore()
    outcome = scene.sync(
        deed=disturbance.deed, at=at, calls=calls, error=disturbance.error, lasting=disturbance.lasting
    )
    if not outcome.struck:
        return []
    point = outcome.points[at]
    found = [*_of_the_disturbed(scene, truth, disturbance, outcome, point)]
    if not scene.untouched:
        found += _of_the_next(scene, truth)
    return [f"{disturbance}, {point}: {problem}" for problem in found]


def _of_the_disturbed(
    scene: Scene, truth: Undisturbed, disturbance: Disturbance, outcome: Outcome, point: Point
) -> Iterator[str]:
    cells = scene.target.cells()
    if not _is_between(cells, truth):
        yield "the target is neither as it was nor as it should be"
    if disturbance.deed.startswith("kill"):
        if outcome.exit_code != _KILLED:
            yield f"not killed: {outcome.exit_code}"
        return
    expected = _expected_codes(disturbance, point)
    said = scene.said
    if outcome.exit_code not in expected:
        yield f"exit code {outcome.exit_code}, not one of {expected}: {said}"
    elif outcome.exit_code and "error: " not in said:
        yield f"exit code {outcome.exit_code} without a word: {said}"
    if not outcome.exit_code and cells != truth.after:
        yield f"says that all is well, and the target lacks something: {said}"
    if "Traceback" in said or "A bug" in said or scene.crash_files:
        yield f"taken for a bug: {said} {scene.crash_files}"


def _expected_codes(disturbance: Disturbance, point: Point) -> set[int]:
    """0 where the product can do without. Why an open file cannot be written SQLite does not tell."""
    more = {69} if point.kind in _NETWORK else set[int]()
    if point.kind == "lock" and disturbance.lasting:
        more = {2}  # where no file can be locked, that is what is told
    if disturbance.error not in _REFUSED:
        return {0, 75} | more
    if disturbance.lasting:
        return {0, 2, 75, 77} | more  # the config, a template or the key file may be among what is refused
    if point.kind in _NETWORK:
        return {0, 69, 75}
    if point.path.endswith((".toml", "cqs-key")):
        return {0, 2, 77}
    return {0, 75, 77} if "journal.sqlite3" in point.path or point.path.endswith(".lock") else {0, 77}


def _of_the_next(scene: Scene, truth: Undisturbed) -> Iterator[str]:
    again = scene.sync(deed="run")
    if again.exit_code:
        yield f"the next run ends with {again.exit_code}: {scene.said}"
    if scene.target.cells() != truth.after:
        yield "the target is not as after an undisturbed run"
    if scene.left_over:
        yield f"left over: {scene.left_over}"
    if scene.journal() != truth.journal:
        yield "the journal is not as after an undisturbed run"
    backup = scene.target.backup if isinstance(scene.target, WorkbookKept) else None
    if backup and backup.exists() and not _is_between(cells_of(backup), truth):
        yield "the backup is neither the old nor the new workbook"


def _is_between(cells: Cells | None, truth: Undisturbed) -> bool:
    """Whether a target is the old one or the new one, or the old one with some of the new rows.

    The latter is right where one answer of the API was caught and the next one was not.
    """
    if cells in (truth.before, truth.after):
        return True
    rows = _rows(truth.before) | _rows(truth.after)
    return cells is not None and _rows(cells) <= rows


def _rows(cells: Cells | None) -> set[tuple[object, ...]]:
    """Every row that is about a signal, with its tab and place."""
    by_place: dict[tuple[str, int], list[object]] = {}
    for tab, held in (cells or {}).items():
        for (row, column), value in sorted(held.items()):
            by_place.setdefault((tab, row), []).append((column, value))
    return {(tab, row, *values) for (tab, row), values in by_place.items() if tab not in _NO_SIGNALS}
