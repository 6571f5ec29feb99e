"""One published signal: what the wire shows of it at any instant, and its truth for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from random import Random
from typing import Literal

from cqs_sheets.sandbox.prices import between, pick

Fields = dict[str, str | None]


class Table(StrEnum):
    """The two tables of the service; each has an id sequence of its own."""

    MAIN = "main"
    SCALPING = "scalping"


class Pool(StrEnum):
    """The service that published a signal; a key sees some of them."""

    FREE = "FREE"
    FREEMIUM = "FREEMIUM"
    VIP = "VIP"


class Horizon(StrEnum):
    """The valid values of `type`, in the guide's order."""

    SHORT = "SHORT TERM"
    SHORT_MID = "SHORT/MID TERM"
    SCALPING = "SCALPING"
    MID = "MID TERM"
    LONG = "LONG TERM"


@dataclass(frozen=True, slots=True, eq=False)
class Birth:
    """A signal before its prices are worked out: enough to know whether it is open.

    `published` and `closed` are microseconds since 1970 UTC; `published` is a whole second.
    """

    table: Table
    pool: Pool
    number: int
    horizon: Horizon
    has_stop: bool
    published: int
    closed: int
    life: Life


@dataclass(frozen=True, slots=True)
class Edit:
    """Field values that the provider changed, at microseconds since 1970 UTC."""

    at: int
    changes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Signal:
    """A published signal; times are microseconds since 1970 UTC.

    `published_fields` are the wire's fields, in the guide's order, without leverage.
    """

    table: Table
    pool: Pool
    published: int
    closed: int
    outcome: EndedBy
    published_fields: Fields
    leverage: str | None
    edits: tuple[Edit, ...]

    def fields_at(self, instant: int) -> Fields:
        """Return the fields as they stood at `instant`, without leverage."""
        fields = dict(self.published_fields)
        for edit in self.edits:
            if edit.at <= instant:
                fields.update(edit.changes)
        return fields


EndedBy = Literal["target", "stop", "expired"]
Level = Literal["stop", "target"]

_STEPS = 12
_STRIDE = 0.62
_CORRECTED = 0.3
_TRAILED = 0.5
_TRAIL_FROM = 0.5
_CORRECTION_SECONDS = (40.0, 900.0)
_STOP_CORRECTIONS = (-0.6, -0.8, -1.2)
_TARGET_CORRECTIONS = (0.8, 1.15, 1.3)


@dataclass(frozen=True, slots=True)
class Move:
    """The provider puts the stop or the last target elsewhere, `after` seconds of life."""

    after: float
    what: Level
    level: float


@dataclass(frozen=True, slots=True)
class Life:
    """How long a signal stayed open, why it was closed, and its edits in order."""

    seconds: float
    outcome: EndedBy
    moves: tuple[Move, ...]


def live(rng: Random, longest: float, *, has_stop: bool) -> Life:
    """Draw a life that ends at a target, at a stop (if it has one) or after `longest` seconds."""
    correction = _correction(rng, longest, has_stop=has_stop)
    trails = has_stop and rng.random() < _TRAILED
    path = _path(rng, longest)
    if correction is not None:
        path = _with_knot(path, correction.after)
    stop = -1.0 if has_stop else float("-inf")
    target = 1.0
    moves: list[Move] = []
    for (start, here), (end, there) in pairwise(path):
        if correction is not None and start == correction.after:
            if stop < here < target and _leaves_room(correction, here, stop):
                moves.append(correction)
                stop, target = _moved(correction, stop, target)
        elif trails and stop < 0 and here >= _TRAIL_FROM:
            moves.append(Move(start, "stop", 0.0))
            stop = 0.0
        if there >= target:
            return Life(_crossing(start, here, end, there, target), "target", tuple(moves))
        if there <= stop:
            return Life(_crossing(start, here, end, there, stop), "stop", tuple(moves))
    return Life(longest, "expired", tuple(moves))


def _correction(rng: Random, longest: float, *, has_stop: bool) -> Move | None:
    if rng.random() >= _CORRECTED:
        return None
    after = between(rng, *_CORRECTION_SECONDS)
    if after >= longest:
        return None
    if has_stop and rng.random() < 0.5:  # noqa: PLR2004 - either of the two
        return Move(after, "stop", pick(rng, _STOP_CORRECTIONS))
    return Move(after, "target", pick(rng, _TARGET_CORRECTIONS))


def _path(rng: Random, longest: float) -> list[tuple[float, float]]:
    draw = rng.random
    step = longest / _STEPS
    level = 0.0
    path = [(0.0, 0.0)]
    for index in range(1, _STEPS + 1):
        level += (draw() * 2 - 1) * _STRIDE
        path.append((index * step, level))
    return path


def _with_knot(path: list[tuple[float, float]], at: float) -> list[tuple[float, float]]:
    step = path[1][0]
    before = min(int(at / step), _STEPS - 1)
    start, here = path[before]
    there = path[before + 1][1]
    if at <= start:
        return path
    return [*path[: before + 1], (at, here + (there - here) * (at - start) / step), *path[before + 1 :]]


def _leaves_room(move: Move, here: float, stop: float) -> bool:
    """Whether the price stands inside the moved levels; providers do not undo a trailed stop."""
    if move.what == "stop":
        return move.level < here and stop < 0
    return move.level > here


def _moved(move: Move, stop: float, target: float) -> tuple[float, float]:
    return (move.level, target) if move.what == "stop" else (stop, move.level)


def _crossing(start: float, here: float, end: float, there: float, level: float) -> float:
    return start + (end - start) * (level - here) / (there - here)
