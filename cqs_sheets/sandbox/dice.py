"""Reproducible chance: every draw comes from a generator seeded by what it is for."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def seeded(*parts: object) -> Random:
    """Return a generator that depends on `parts` alone.

    Draw from it with `random()` only, the one method whose sequence Python promises to keep.
    """
    return Random("/".join(map(str, parts)))  # noqa: S311 - a game market, not cryptography


def pick(rng: Random, choices: Sequence[T]) -> T:
    """Return one of `choices`, each as likely as the others."""
    return choices[int(rng.random() * len(choices))]


def between(rng: Random, low: float, high: float) -> float:
    """Return a number in [low, high), evenly spread."""
    return low + (high - low) * rng.random()
