"""Which writes a target descends from: a later version, a rolled-back one and a fork are told apart by it.

Every write leaves a number and a random word in the target, behind those of the writes before it. Two
machines that go on from the same workbook leave the same number, but never the same word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

_RECENT = 24
_MOST = 48
_WRITER = 4  # characters of a word that are the same in all writes of one journal to one target
_WRITE = regex(r"([0-9]{1,15}):(\w{0,40})", re.ASCII)


class Write(NamedTuple):
    """A write to a target. Version 0.1.0 left no word, in workbooks."""

    number: int
    word: str = ""


Lineage = tuple[Write, ...]
"""The last writes that a target descends from, oldest first."""

NEVER = Write(0)


def word_of(writer: str, random: str) -> str:
    """A new word of the writer that earlier words of a journal named ("" for none), from random text."""
    return (writer or random)[:_WRITER] + random[_WRITER:]


SANDBOX = "sand"
"""Begins the words of a sandbox's writes, as if it were one writer; all others are hexadecimal."""


def of_sandbox(lineage: Lineage) -> bool:
    """Whether a target holds invented signals."""
    return any(writer_of(write.word) == SANDBOX for write in lineage)


def writer_of(word: str) -> str:
    """What all words of one journal for one target begin with."""
    return word[:_WRITER]


def followed_by(lineage: Lineage, write: Write) -> Lineage:
    """The lineage after one more write: the latest, and the last of each writer, so that none forgets another."""
    whole = (*lineage, write)
    last = {writer_of(each.word): each for each in whole}
    kept = [
        each
        for at, each in enumerate(whole, start=_RECENT - len(whole))
        if at >= 0 or last[writer_of(each.word)] is each
    ]
    return tuple(kept[-_MOST:])


def lineage_text(lineage: Lineage) -> str:
    """As it is left in a target."""
    return " ".join(f"{write.number}:{write.word}" for write in lineage)


def lineage_from(text: str) -> Lineage:
    """The lineage of a text that was found in a target; what makes no sense in it is left out."""
    return tuple(
        Write(int(match[1]), match[2]) for each in text.split(" ") if (match := _WRITE.fullmatch(each))
    )


def top(lineage: Lineage) -> Write:
    """The last write, NEVER if there was none."""
    return lineage[-1] if lineage else NEVER


def held_up_to(lineage: Lineage, last: Write, ours: Collection[Write], sequence: int) -> int:
    """The number up to which a target holds what our journal gave it: `sequence` for all of it.

    `last` is the write at which the journal last saw the target, `sequence` the highest number it knows,
    `ours` the writes that it saw, as far as they are in the lineage or have no word.
    """
    newest = top(lineage).number
    if last in lineage or (not last.word and newest >= last.number):
        return sequence
    return max((write.number if write.word else min(write.number, newest) for write in ours), default=0)


def written_by_others(lineage: Lineage, last: Write, ours: Collection[Write]) -> bool:
    """Whether the last write is one that our journal has not seen."""
    newest = top(lineage)
    wordless = max((write.number for write in ours if not write.word), default=0)
    return newest not in (*ours, last) and newest.number > wordless


Made = Mapping[str, frozenset[str]]
"""What was ever made in a target: template tab -> ids of its columns, or names of its settings."""


class Spot(NamedTuple):
    """A header cell: the id of its sheet, its row and column."""

    sheet: str
    row: int
    column: int


class Where(NamedTuple):
    """Rows to look for: those with one of `texts` in a column, and nothing in the column `blank` if that is there."""

    column: str
    texts: Collection[str]
    blank: str = ""


class Choices(NamedTuple):
    """What the user decided: `restore` rows they deleted, go past the limit with `force`."""

    restore: bool = False
    force: bool = False


class MarkedTab(NamedTuple):
    """Our marks of one tab (or of a volume of it): column id -> header cell, None once that was deleted.

    `lost` says what else the marks lack to be of use; "" if nothing. `copied`: they came with a copy of
    the sheet that they were made for.
    """

    columns: Mapping[str, Spot | None]
    lost: str = ""
    copied: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetFacts:
    """A sheet; `rows` holds the texts of its first rows (row -> column -> text), if they were asked for."""

    id: str
    title: str
    rows: Mapping[int, Mapping[int, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A target's sheets and our marks in them.

    `marks`: the name that marks carry (see TableTab.mark) -> volumes in their order -> the sheets that claim
    to be that volume: more than one where sheets were copied. `made` is the record of what we ever made
    there (None: there is none), `lineage` the writes it descends from. `seen` is the destination's own, for
    the reads and the write that follow.
    """

    exists: bool
    sequence: int | None = None
    lineage: Lineage = ()
    version: str = ""
    sheets: tuple[SheetFacts, ...] = ()
    marks: Mapping[str, Sequence[Sequence[MarkedTab]]] = field(default_factory=dict)
    made: Made | None = None
    seen: object = field(default=None, compare=False, repr=False)
