"""Machines that know nothing of each other write copies of one target: nothing is lost, whichever copy wins."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.destinations.google.user import GoogleUser
from tests.destinations.users import ExcelUser, MemoryUser, User
from tests.e2e.machines import Story

TWO, THREE = "01drs", "012drs"


@pytest.fixture(params=["excel", "google"])
def user(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[User]:
    made = ExcelUser(tmp_path) if request.param == "excel" else GoogleUser(tmp_path)
    yield made
    if isinstance(made, GoogleUser):
        made.close()


def play(user: User, machines: int, steps: str, *, together: bool = False) -> None:
    try:
        Story(user, machines, together).play(steps)
    except AssertionError as error:
        raise AssertionError(f"{machines} machines, {steps!r}, together={together}: {error}") from error


@pytest.mark.parametrize(
    "steps",
    [
        "00r1",  # both go on from the first version, and the second's copy wins
        "00r1s0",
        "001r0r1",
        "01r0r1d0",
        "0d1r0s1",
    ],
)
def test_a_conflict_copy_that_wins_loses_nothing(user: User, steps: str) -> None:
    play(user, 2, steps)


def test_three_machines_and_three_copies_lose_nothing(user: User) -> None:
    play(user, 3, "0r1s2tr0")


@pytest.mark.parametrize(("machines", "alphabet", "length"), [(2, TWO, 3), (3, "012dr", 2)])
@pytest.mark.parametrize("together", [False, True])
def test_in_no_order_of_a_few_steps_is_anything_lost(
    machines: int, alphabet: str, length: int, *, together: bool, tmp_path: Path
) -> None:
    every = [*product(alphabet, repeat=length)]
    for steps in every[together::2]:  # each in one of both ways; soak has them in both
        play(MemoryUser(tmp_path), machines, "0" + "".join(steps), together=together)


@pytest.mark.soak
@pytest.mark.parametrize(("machines", "alphabet", "length"), [(2, TWO + "t", 6), (3, THREE + "t", 5)])
@pytest.mark.parametrize("together", [False, True])
def test_in_no_order_of_more_steps_is_anything_lost(
    machines: int, alphabet: str, length: int, *, together: bool, tmp_path: Path
) -> None:
    for steps in product(alphabet, repeat=length):
        play(MemoryUser(tmp_path), machines, "0" + "".join(steps), together=together)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200))
def test_long_stories_lose_nothing(seed: int, user: User) -> None:
    dice = random.Random(seed)  # noqa: S311
    play(user, 3, "0" + "".join(dice.choices("012drst", k=15)), together=bool(seed % 2))
