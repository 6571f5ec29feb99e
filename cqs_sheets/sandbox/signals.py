"""One published signal: what the wire shows of it at any instant, and its truth for tests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cqs_sheets.sandbox.lives import Life, Outcome

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
    outcome: Outcome
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
