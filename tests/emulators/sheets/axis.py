"""What an insert, a delete or a move does to places along one axis (rows or columns)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Span = tuple[int, int | None]


class Change(Protocol):
    """`point` says where an index went (None: deleted), `span` where a half-open range went."""

    def point(self, index: int) -> int | None: ...

    def span(self, start: int, end: int | None) -> Span | None: ...


@dataclass(frozen=True, slots=True)
class Insert:
    """`count` new places before `at`; a range grows only when they fall inside it."""

    at: int
    count: int

    def point(self, index: int) -> int | None:
        return index + self.count if index >= self.at else index

    def span(self, start: int, end: int | None) -> Span | None:
        moved_end = end if end is None or end <= self.at else end + self.count
        return (start + self.count if start >= self.at else start), moved_end


@dataclass(frozen=True, slots=True)
class Delete:
    """The places start..end-1 go."""

    start: int
    end: int

    def point(self, index: int) -> int | None:
        if index < self.start:
            return index
        return None if index < self.end else index - (self.end - self.start)

    def span(self, start: int, end: int | None) -> Span | None:
        if end is not None and start >= self.start and end <= self.end and start < end:
            return None
        return self._clip(start), None if end is None else self._clip(end)

    def _clip(self, edge: int) -> int:
        return edge - max(0, min(edge, self.end) - self.start)


@dataclass(frozen=True, slots=True)
class Move:
    """The places start..end-1 go before `before`, an index as it was before the move."""

    start: int
    end: int
    before: int

    def point(self, index: int) -> int | None:
        if self.start <= index < self.end:
            return index - self.start + self._landing
        rest = Delete(self.start, self.end).point(index)
        return None if rest is None else Insert(self._landing, self.end - self.start).point(rest)

    def span(self, start: int, end: int | None) -> Span | None:
        if end is not None and self.start <= start and end <= self.end:
            shift = self._landing - self.start
            return start + shift, end + shift
        rest = Delete(self.start, self.end).span(start, end)
        return None if rest is None else Insert(self._landing, self.end - self.start).span(*rest)

    @property
    def _landing(self) -> int:
        return self.before if self.before <= self.start else self.before - (self.end - self.start)


@dataclass(frozen=True, slots=True)
class Reorder:
    """A sort: the old index of each place that moved, and where its content stands now."""

    places: dict[int, int]

    def point(self, index: int) -> int | None:
        return self.places.get(index, index)

    def span(self, start: int, end: int | None) -> Span | None:
        return start, end


def rekey(table: dict[int, Item], change: Change) -> dict[int, Item]:
    """The same entries under the indices they have after the change."""
    moved = ((change.point(index), item) for index, item in table.items())
    return {index: item for index, item in moved if index is not None}
