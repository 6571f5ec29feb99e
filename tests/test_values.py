"""Our dataclasses behave as the library's."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import KW_ONLY, FrozenInstanceError
from typing import Any

import pytest

from cqs_sheets.core.signals.query import Query
from cqs_sheets.core.signals.signal import Record, Status
from cqs_sheets.values import dataclass, field, replace
from tests.make import NOON, signal


def kinds(decorated: Any) -> tuple[Any, Any]:
    """The same class, by ours and by the library."""

    class Thing:
        """With all that a field can have."""

        first: int
        second: str = "b"
        _: KW_ONLY
        third: list[int] = field(default_factory=list)
        fourth: tuple[int, ...] = field(default=(), repr=False, compare=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "second", self.second.upper())

    other = type("Thing", Thing.__bases__, dict(Thing.__dict__))
    return decorated(dataclass)(Thing), decorated(dataclasses.dataclass)(other)


@pytest.mark.parametrize(
    "options", [{}, {"frozen": True}, {"frozen": True, "slots": True}, {"slots": True, "kw_only": True}]
)
def test_it_is_made_compared_and_shown_as_the_librarys(options: dict[str, bool]) -> None:
    ours, theirs = kinds(lambda decorator: decorator(**options))
    given: dict[str, Any] = {"first": 1, "second": "x", "third": [3], "fourth": (4,)}
    assert inspect.signature(ours).parameters.keys() == inspect.signature(theirs).parameters.keys()
    assert repr(ours(**given)).rpartition(".")[2] == repr(theirs(**given)).rpartition(".")[2]
    assert ours(**given) == ours(**given | {"fourth": ()}) != ours(**given | {"first": 2})
    assert ours(first=1) == replace(ours(first=2, second="b"), first=1)
    assert ours(first=1).third is not ours(first=1).third
    assert ours.__match_args__ == theirs.__match_args__
    for wrong in ({}, {"first": 1, "fifth": 2}):
        for kind in (ours, theirs):
            with pytest.raises(TypeError):
                kind(**wrong)


def test_what_is_frozen_stays_and_travels() -> None:
    record = Record(
        signal=signal("1"), status=Status.OPEN, first_seen=NOON, last_seen=None, arrival=1, revision=1
    )
    with pytest.raises(FrozenInstanceError):
        record.arrival = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        del record.arrival
    assert pickle.loads(pickle.dumps(record)) == copy.deepcopy(record) == record  # noqa: S301 - our own
    query = Query(interval=5)
    assert hash(copy.copy(query)) == hash(query)
