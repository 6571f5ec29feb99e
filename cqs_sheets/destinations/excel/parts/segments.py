"""Rows that were deflated by themselves, some hundred at a time, and what is remembered of each.

A later write copies those it does not touch as they stand in the archive, without inflating them. What is
remembered holds for one version of a file and is never trusted: of every byte that is copied the check sum
must be the one that was remembered.
"""

from __future__ import annotations

import json
import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from cqs_sheets.destinations.excel.parts.archive import Member, codec, crc32_combine
from cqs_sheets.errors import ROWS_WAIT, TargetChanged

SETTLED, PLAIN, CALM, OPEN = 3, 2, 1, 0
"""What formulas a segment has: each with its result, which no other row's change makes a lie (what they say is in the
layout's `shapes`); none; such that nothing is stored with; anything else."""

_FORMAT = 3


Shapes = frozenset[bytes]
"""What formulas say in any row (rowformulas.py)."""

NOTHING: Shapes = frozenset()


class Segment(NamedTuple):
    """A stretch of whole rows: its bytes in the archive and inflated, the check sums of both, its rows.

    `keys` are those of its rows, one each, all of them whole numbers from `least` to `most`; empty where they are not.
    """

    packed: int
    size: int
    packed_crc: int
    crc: int
    last: int
    kind: int
    least: int = 0
    most: int = 0
    keys: Sequence[int] = ()


class Archive(Protocol):
    """A file that segments stand in."""

    def raw(self, start: int, end: int) -> Iterator[bytes | memoryview]:
        """Its bytes from `start` to `end`."""
        ...


class Sealed:
    """A segment where it stands in an archive; in a stream of content it stands for its text."""

    __slots__ = ("archive", "segment", "shapes", "start")

    def __init__(self, archive: Archive, segment: Segment, start: int, shapes: Shapes) -> None:
        self.archive = archive
        self.segment = segment
        self.start = start
        self.shapes = shapes if segment.kind == SETTLED else NOTHING

    @property
    def size(self) -> int:
        """How many bytes its text has."""
        return self.segment.size

    @property
    def text(self) -> bytes:
        """Its rows, inflated."""
        inflater = codec.decompressobj(wbits=-15)
        try:
            text: bytes = inflater.decompress(self.raw(), self.segment.size + 1)
        except codec.error:
            raise forgotten() from None
        if len(text) != self.segment.size or codec.crc32(text) != self.segment.crc:
            raise forgotten()
        return text

    def raw(self) -> bytes:
        """Its bytes in the archive; TargetChanged if they are not those that were remembered."""
        found = b"".join(self.archive.raw(self.start, self.start + self.segment.packed))
        if codec.crc32(found) != self.segment.packed_crc:
            raise forgotten()
        return found


def raw_of(stretches: Sequence[Sealed]) -> bytes:
    """The bytes of all in the archive, read at once where they follow each other; TargetChanged as for one."""
    first, last = stretches[0], stretches[-1]
    end, at = last.start + last.segment.packed, 0
    if end - first.start != sum([each.segment.packed for each in stretches]):
        return b"".join(each.raw() for each in stretches)
    found = b"".join(first.archive.raw(first.start, end))
    whole = memoryview(found)
    for each in stretches:
        if codec.crc32(whole[at : at + each.segment.packed]) != each.segment.packed_crc:
            raise forgotten()
        at += each.segment.packed
    return found


def forgotten() -> TargetChanged:
    """What is remembered of a file is not true of it: the file is looked at as a whole, then."""
    return TargetChanged(
        "The workbook is not the one that was written last.", meaning=ROWS_WAIT, hint="Run again."
    )


class Layout(NamedTuple):
    """How a part was written: `lead` bytes in front of the segments, deflated and not.

    `shapes` has those of all formulas in segments that are SETTLED.
    """

    lead: int
    segments: Sequence[Segment]
    shapes: Shapes = NOTHING


_COLUMNS = "IIIIIBQQ"  # of a segment's fields, but the keys, as `array` has them


def _are_wide(keys: Sequence[int]) -> bool:
    if isinstance(keys, array) and keys.typecode == "I":
        return False
    return max(keys, default=0) >> 32 > 0


def to_bytes(version: str, directory: int, layouts: Mapping[str, Layout]) -> bytes:
    """What to remember of the `version` of a file whose directory has that check sum."""
    parts, arrays = [], []
    for name, layout in layouts.items():
        counts = [len(each.keys) for each in layout.segments]
        kind = "Q" if any(_are_wide(each.keys) for each in layout.segments) else "I"
        shapes = sorted(each.decode("latin-1") for each in layout.shapes)
        parts.append([name, layout.lead, len(counts), kind, shapes])
        *columns, _ = zip(*layout.segments, strict=True) if counts else [()] * len(Segment._fields)
        arrays += [array(code, column) for code, column in zip(_COLUMNS, columns, strict=True)]
        keys = array(kind)
        for each in layout.segments:
            alike = isinstance(each.keys, array) and each.keys.typecode == kind
            keys.extend(each.keys if alike else iter(each.keys))
        arrays += [array("I", counts), keys]
    head = json.dumps([_FORMAT, sys.byteorder, version, directory, parts])
    return b"\n".join((head.encode(), b"".join(map(array.tobytes, arrays))))


class Memory:
    """What `to_bytes` made."""

    def __init__(self, kept: bytes) -> None:
        head, _, rest = kept.partition(b"\n")
        try:
            *self._known, parts = json.loads(head)
            self._layouts = dict(_layouts(parts, memoryview(rest)))
        except (ValueError, IndexError, TypeError):
            self._known, self._layouts = [], {}

    def of(self, version: str | None, directory: int) -> Mapping[str, Layout]:
        """The layouts of parts, if this is the version and the directory that they were remembered of."""
        return self._layouts if self._known == [_FORMAT, sys.byteorder, version, directory] else {}


def _layouts(
    parts: Iterable[tuple[str, int, int, str, list[str]]], rest: memoryview
) -> Iterator[tuple[str, Layout]]:
    def taken(code: str, count: int) -> array[int]:
        nonlocal rest
        found = array(code)
        found.frombytes(rest[: count * found.itemsize])
        rest = rest[count * found.itemsize :]
        if len(found) != count:
            raise ValueError(count)
        return found

    for name, lead, count, kind, shapes in parts:
        columns = [taken(code, count) for code in _COLUMNS]
        counts = taken("I", count)
        keys = taken(kind, sum(counts))
        segments, at = [], 0
        for values, size in zip(zip(*columns, strict=True), counts, strict=True):
            segments.append(Segment._make((*values, keys[at : at + size])))
            at += size
        yield name, Layout(lead, segments, frozenset(each.encode("latin-1") for each in shapes))


def stretches(package: Archive, member: Member, layout: Layout) -> Iterator[bytes | Sealed]:
    """A part by its layout: what stands in front and behind inflated, its segments sealed."""
    start = member.data + layout.lead
    end = start + sum(each.packed for each in layout.segments)
    if end > member.data + member.packed or member.size < sum(each.size for each in layout.segments):
        raise forgotten()
    lead = _inflated(package, member.data, start)
    tail = _inflated(package, end, member.data + member.packed)
    crc = codec.crc32(lead)
    for each in layout.segments:
        crc = crc32_combine(crc, each.crc, each.size)
    if crc32_combine(crc, codec.crc32(tail), len(tail)) != member.crc:
        raise forgotten()
    yield lead
    for each in layout.segments:
        yield Sealed(package, each, start, layout.shapes)
        start += each.packed
    yield tail


class Resealed(NamedTuple):
    """A part of the archive with that directory, as a pass that read it has sealed it, in memory.

    A write that follows need not inflate the part again, nor deflate it.
    """

    directory: int
    member: Member
    layout: Layout
    packed: bytes

    def raw(self, start: int, end: int) -> Iterator[memoryview]:
        """See Archive."""
        yield memoryview(self.packed)[start:end]

    def stretches(self) -> Iterator[bytes | Sealed]:
        """Its content, rows sealed."""
        return stretches(self, self.member, self.layout)


def _inflated(package: Archive, start: int, end: int) -> bytes:
    try:
        found: bytes = codec.decompressobj(wbits=-15).decompress(b"".join(package.raw(start, end)))
    except codec.error:
        raise forgotten() from None
    return found
