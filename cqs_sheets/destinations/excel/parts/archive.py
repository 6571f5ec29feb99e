"""A zip archive's records, and deflating: as one stream, or in blocks that do not refer to each other."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

from cqs_sheets.errors import DataRefused
from cqs_sheets.values import dataclass, replace

codec: Any
try:  # several times faster; any zlib writes the same format
    from isal import isal_zlib

    codec, LEVEL = isal_zlib, 1  # of its levels the quickest, and still within 6 % of zlib's level 6
except ImportError:  # pragma: no cover - isal is a dependency, some platforms have no wheel
    codec, LEVEL = zlib, 5

crc32_combine: Any = getattr(codec, "crc32_combine", None)
"""The check sum of two stretches from theirs and the size of the second; None without isal: then no rows are sealed."""

FINAL = b"\x03\x00"
"""An empty last block, which ends a stream."""


def deflated(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The raw deflate stream of pieces."""
    deflater = codec.compressobj(LEVEL, zlib.DEFLATED, -15)
    for piece in pieces:
        yield deflater.compress(piece)
    yield deflater.flush()


def deflated_block(block: bytes) -> bytes:
    """A stretch of a raw deflate stream that refers to nothing before it."""
    deflater = codec.compressobj(LEVEL, zlib.DEFLATED, -15)
    done: bytes = deflater.compress(block) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return done


def inflated_block(packed: bytes) -> bytes:
    """What `deflated_block` was given."""
    done: bytes = codec.decompressobj(wbits=-15).decompress(packed)
    return done


STORED, DEFLATED = 0, 8
ENCRYPTED, DESCRIPTOR, UTF8 = 0x0001, 0x0008, 0x0800
LIMIT32, LIMIT16 = 0xFFFFFFFF, 0xFFFF

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_MAX_MEMBERS = 100_000
_BOMB_SIZE, _BOMB_RATIO, _BOMB_TOTAL = 64 << 20, 300, 16 << 30

_DAMAGED_HINT = (
    "Restore it from a backup (.bak.xlsx beside it), or open and save it in Excel, then run again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One record of the central directory; `offset` is that of its local header, `end` is past its data."""

    name: str
    raw_name: bytes
    versions: tuple[int, int]
    flags: int
    method: int
    stamp: tuple[int, int]
    crc: int
    packed: int
    size: int
    offset: int
    data: int = 0
    end: int = 0
    attributes: tuple[int, int] = (0, 0)
    extra: bytes = b""
    comment: bytes = b""


def damaged(detail: str) -> DataRefused:
    """The refusal of an archive that is broken or dangerous."""
    return DataRefused(
        f"Not a usable workbook: {detail}.", meaning="The file was left as it was.", hint=_DAMAGED_HINT
    )


def read_directory(file: BinaryIO) -> tuple[list[Member], bytes, int]:
    """All members in the order of their data, the archive's comment, and the check sum of the directory itself.

    DataRefused if it is not sound.
    """
    end, count, size, start, comment = _find_end(file)
    shift = end - size - start  # bytes in front of the archive
    if shift < 0 or count > _MAX_MEMBERS:
        raise damaged("its directory is cut off or absurdly large")
    file.seek(start + shift)
    directory = file.read(size)
    members = _parse_directory(directory, count, shift)
    return _locate(file, members, start + shift), comment, codec.crc32(directory)


def _find_end(file: BinaryIO) -> tuple[int, int, int, int, bytes]:
    total = file.seek(0, 2)
    if not total:
        raise damaged("it is empty (0 bytes)")
    tail_start = max(0, total - _MAX_COMMENT - _END.size)
    file.seek(tail_start)
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise damaged("the end of the file is missing (half a file), or it never was one")
    _, _, _, _, count, size, start, comment_size = _END.unpack_from(tail, at)
    comment = tail[at + _END.size : at + _END.size + comment_size]
    end = tail_start + at
    if LIMIT32 in (size, start) or count == LIMIT16:
        end, count, size, start = _find_end64(file, end)
    return end, count, size, start, comment


def _find_end64(file: BinaryIO, end: int) -> tuple[int, int, int, int]:
    file.seek(max(0, end - _LOCATOR64.size))
    locator = file.read(_LOCATOR64.size)
    if not locator.startswith(b"PK\6\7"):
        raise damaged("its 64-bit directory is missing")
    position = _LOCATOR64.unpack(locator)[2]
    file.seek(position)
    record = file.read(_END64.size)
    if len(record) < _END64.size or not record.startswith(b"PK\6\6"):
        raise damaged("its 64-bit directory is missing")
    *_, count, size, start = _END64.unpack(record)
    return position, count, size, start


def _parse_directory(directory: bytes, count: int, shift: int) -> list[Member]:
    members, position = [], 0
    for _ in range(count):
        if directory[position : position + 4] != b"PK\1\2" or len(directory) - position < _CENTRAL.size:
            raise damaged("its directory is cut off")
        member, position = _parse_record(directory, position, shift)
        members.append(member)
    if position < len(directory):  # what is not counted would be left out of the new archive
        raise damaged("its directory holds more than it says")
    total = sum(member.size for member in members)
    if total > _BOMB_TOTAL or any(m.size > max(_BOMB_SIZE, _BOMB_RATIO * m.packed) for m in members):
        raise damaged("it unpacks to far more than a workbook holds (a zip bomb)")
    return members


def _parse_record(directory: bytes, position: int, shift: int) -> tuple[Member, int]:
    _, made, needed, flags, method, time, date, *rest = _CENTRAL.unpack_from(directory, position)
    crc, packed, size, names, extras, comments, _, attribute, attributes, offset = rest
    at = position + _CENTRAL.size
    raw_name, at = directory[at : at + names], at + names
    extra, at = directory[at : at + extras], at + extras
    comment, at = directory[at : at + comments], at + comments
    size, packed, offset = _widen(extra, size, packed, offset)
    member = Member(
        name=raw_name.decode("utf-8" if flags & UTF8 else "cp437", "replace").replace("\\", "/"),
        raw_name=raw_name,
        versions=(made, needed),
        flags=flags,
        method=method,
        stamp=(time, date),
        crc=crc,
        packed=packed,
        size=size,
        offset=offset + shift,
        attributes=(attribute, attributes),
        extra=without_zip64(extra),
        comment=comment,
    )
    return member, at


def _widen(extra: bytes, *fields: int) -> list[int]:
    wide = next((data for tag, data in _extra_fields(extra) if tag == 1), b"")
    widened = []
    for value in fields:
        if value == LIMIT32 and len(wide) >= 8:  # noqa: PLR2004 - the bytes of one wide field
            value, wide = struct.unpack("<Q", wide[:8])[0], wide[8:]  # noqa: PLW2901
        widened.append(value)
    return widened


def _extra_fields(extra: bytes) -> Iterable[tuple[int, bytes]]:
    position = 0
    while position + 4 <= len(extra):
        tag, length = struct.unpack_from("<HH", extra, position)
        yield tag, extra[position + 4 : position + 4 + length]
        position += 4 + length


def without_zip64(extra: bytes) -> bytes:
    """Extra fields without the wide sizes, which are made anew where they are needed."""
    if not any(tag == 1 for tag, _ in _extra_fields(extra)):
        return extra
    kept = ((tag, data) for tag, data in _extra_fields(extra) if tag != 1)
    return b"".join(struct.pack("<HH", tag, len(data)) + data for tag, data in kept)


def _locate(file: BinaryIO, members: list[Member], directory: int) -> list[Member]:
    located, previous = [], 0
    seen: set[str] = set()
    for member in sorted(members, key=lambda each: each.offset):
        _check_name(member, seen)
        member = _with_data(file, member)  # noqa: PLW2901
        if member.offset < previous or member.end > directory:
            raise damaged("parts of it overlap or are cut off")
        previous = member.end
        located.append(member)
    return located


def _check_name(member: Member, seen: set[str]) -> None:
    parts = member.name.split("/")
    if ".." in parts or member.name.startswith("/") or ":" in parts[0] or "\0" in member.name:
        raise damaged(f"it holds a part with a forbidden path ({member.name!r})")
    if member.name.lower() in seen:
        raise damaged(f"it holds {member.name!r} twice")
    if member.flags & ENCRYPTED:
        raise damaged("its parts are encrypted")
    seen.add(member.name.lower())


def _with_data(file: BinaryIO, member: Member) -> Member:
    file.seek(member.offset)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
        raise damaged(f"the part {member.name!r} is missing")
    *_, names, extras = _LOCAL.unpack(header)
    if file.read(names) != member.raw_name:
        raise damaged(f"the part {member.name!r} goes by two names")
    data = member.offset + _LOCAL.size + names + extras
    end = data + member.packed
    if member.flags & DESCRIPTOR:
        file.seek(end)
        end += _descriptor_size(file.read(24), member)
    return replace(member, data=data, end=end)


def _descriptor_size(found: bytes, member: Member) -> int:
    for signature in (b"PK\7\x08", b""):
        for layout in ("<LLL", "<LQQ"):
            try:
                expected = signature + struct.pack(layout, member.crc, member.packed, member.size)
            except struct.error:  # too large for the narrow layout
                continue
            if found.startswith(expected):
                return len(expected)
    return 0


def local_header(member: Member, *, wide: bool) -> bytes:
    """The header in front of a member's data; `wide` leaves room for sizes past 4 GiB."""
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.packed) if wide else b""
    sizes = (LIMIT32, LIMIT32) if wide else (member.packed, member.size)
    needed = max(member.versions[1], 45 if wide else 20)
    fields = (needed, member.flags, member.method, *member.stamp, member.crc, *sizes)
    return _LOCAL.pack(b"PK\3\4", *fields, len(member.raw_name), len(extra)) + member.raw_name + extra


def central_record(member: Member) -> bytes:
    """A member's record in the central directory."""
    wide = [value for value in (member.size, member.packed, member.offset) if value >= LIMIT32]
    extra = member.extra
    if wide:
        extra = struct.pack(f"<HH{len(wide)}Q", 1, 8 * len(wide), *wide) + extra
    made, needed = member.versions
    fields = _CENTRAL.pack(
        b"PK\1\2",
        *(made, max(needed, 45) if wide else needed, member.flags, member.method, *member.stamp, member.crc),
        *(min(member.packed, LIMIT32), min(member.size, LIMIT32)),
        *(len(member.raw_name), len(extra), len(member.comment), 0),
        *(*member.attributes, min(member.offset, LIMIT32)),
    )
    return fields + member.raw_name + extra + member.comment


def end_records(count: int, size: int, start: int, comment: bytes) -> bytes:
    """The records that close an archive whose directory of `size` bytes stands at `start`."""
    records = b""
    if count >= LIMIT16 or size >= LIMIT32 or start >= LIMIT32:
        records = _END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
        records += _LOCATOR64.pack(b"PK\6\7", 0, start + size, 1)
    narrow = (min(count, LIMIT16), min(size, LIMIT32), min(start, LIMIT32))
    return records + _END.pack(b"PK\5\6", 0, 0, narrow[0], *narrow, len(comment)) + comment
