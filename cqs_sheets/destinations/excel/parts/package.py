"""A workbook's archive: `Package` to read it, `Draft` to write it anew with some parts replaced.

Every member a draft does not replace is copied as the compressed bytes it has, at its place, with
its dates, flags and comments.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from cqs_sheets.destinations.excel.parts import archive, sealing, segments
from cqs_sheets.destinations.excel.parts.archive import Member, codec, damaged, deflated
from cqs_sheets.destinations.excel.parts.rowstream import Stretch
from cqs_sheets.destinations.excel.parts.segments import Layout, Resealed
from cqs_sheets.errors import DataRefused
from cqs_sheets.patterns import regex
from cqs_sheets.values import replace

_BROKEN: tuple[type[Exception], ...] = (zlib.error, codec.error)

CHUNK = 1 << 16
"""How many bytes of a part are in memory at a time."""

_MOST_RESEALED = 48 << 20  # bytes: they are held in memory from a look to the write

Content = bytes | Callable[[], Iterable[Stretch]]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_EPOCH = (0, 0x21)  # 1980-01-01, the date of parts that have none
_CONTENT_TYPES = "[Content_Types].xml"
_WORKBOOK_TYPE = regex(rb"(?:sheet|template|addin)\.(?:macroEnabled\.)?main\+xml")


class Package:
    """An open workbook archive; close it before the file is replaced (Windows)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.members, self.comment, self.directory = archive.read_directory(file)
        self._by_name = {member.name.lower(): member for member in self.members}
        self.layouts: Mapping[str, Layout] = {}
        """How parts lie there, by name, as far as that is known."""
        self._resealed: dict[str, Resealed] = {}

    @classmethod
    def open(cls, source: Path | bytes | BinaryIO) -> Self:
        """The archive of a path, its bytes or an open binary file.

        Raises DataRefused if it is not a sound, unencrypted workbook; OSError as open() does.
        """
        file = source.open("rb", CHUNK) if isinstance(source, Path) else source
        file = io.BytesIO(file) if isinstance(file, bytes) else file
        try:
            _check_magic(file)
            package = cls(file)
            package._check_workbook()
        except BaseException:
            file.close()
            raise
        return package

    def _check_workbook(self) -> None:
        types = self.read(_CONTENT_TYPES).replace(b"\0", b"") if _CONTENT_TYPES in self else b""
        if _WORKBOOK_TYPE.search(types):
            return
        binary = any(name.lower().endswith("workbook.bin") for name in self.names)
        detail = "it is an Excel binary workbook (.xlsb)" if binary else "the archive holds no Excel workbook"
        raise DataRefused(
            f"Not a usable workbook: {detail}.",
            meaning="The file was left as it was.",
            hint="Save it as .xlsx or .xlsm in Excel, or name another target.",
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all members, in the archive's order."""
        return tuple(member.name for member in self.members)

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._by_name

    def member(self, name: str) -> Member:
        """The directory record of a part (case does not matter, as in OPC); DataRefused if there is none."""
        try:
            return self._by_name[name.lower()]
        except KeyError:
            raise damaged(f"the part {name!r} is missing") from None

    def read(self, name: str) -> bytes:
        """A whole part, inflated."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """A part, inflated piece by piece; DataRefused if its bytes are not what the directory says."""
        member = self.member(name)
        total, crc = 0, 0
        for chunk in self._inflate(member):
            total += len(chunk)
            crc = codec.crc32(chunk, crc)
            if total > member.size:
                break
            yield chunk
        if total != member.size or crc != member.crc:
            raise damaged(f"the part {member.name!r} is damaged")

    def take(self, resealed: Resealed | None) -> None:
        """Have `stretches` give what an earlier pass made of a part, if that was one over this very archive."""
        if resealed and resealed.directory == self.directory:
            self._resealed[resealed.member.name] = resealed

    def stretches(self, name: str) -> Iterator[Stretch]:
        """A part as its layout has it, rows still sealed; inflated piece by piece if that is not known."""
        if name in self._resealed:
            yield from self._resealed[name].stretches()
        elif name in self.layouts:
            yield from segments.stretches(self, self.member(name), self.layouts[name])
        else:
            yield from self.chunks(name)

    def _inflate(self, member: Member) -> Iterator[bytes]:
        if member.method == archive.STORED:
            yield from self.raw(member.data, member.data + member.packed)
            return
        if member.method != archive.DEFLATED:
            raise damaged(f"the part {member.name!r} is packed in an unusual way (method {member.method})")
        inflater = codec.decompressobj(wbits=-15)
        try:
            for packed in self.raw(member.data, member.data + member.packed, CHUNK):
                chunk = inflater.decompress(packed, CHUNK)
                while chunk:
                    yield chunk
                    chunk = inflater.decompress(inflater.unconsumed_tail, CHUNK)
        except _BROKEN as error:
            raise damaged(f"the part {member.name!r} is damaged") from error

    def raw(self, start: int, end: int, most: int = 16 * CHUNK) -> Iterator[bytes]:
        """The archive's own bytes from `start` to `end`, at most so many at a time."""
        while start < end:
            self._file.seek(start)
            chunk = self._file.read(min(most, end - start))
            if not chunk:
                raise damaged("the end of the file is missing")
            yield chunk
            start += len(chunk)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Draft:
    """A package with changes not yet written; reads see the changes."""

    def __init__(self, package: Package) -> None:
        self.package = package
        self._puts: dict[str, tuple[str, Content]] = {}
        self._removed: set[str] = set()
        self._keys: dict[str, tuple[str, Sequence[int]]] = {}
        self.layouts: dict[str, Layout] = {}
        self.directory = 0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parts, the package's in its order, then added ones."""
        kept = [name for name in self.package.names if name.lower() not in self._removed]
        return (*kept, *(name for key, (name, _) in self._puts.items() if key not in self.package))

    @property
    def changed(self) -> bool:
        """Whether anything was put or removed."""
        return bool(self._puts or self._removed)

    def __contains__(self, name: str) -> bool:
        key = name.lower()
        return key in self._puts or (key in self.package and key not in self._removed)

    def read(self, name: str) -> bytes:
        """A whole part as it would be written."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """A part as it would be written, piece by piece."""
        yield from _inflated(self.content(name)())

    def content(self, name: str) -> Callable[[], Iterable[Stretch]]:
        """A part as it stands now, to be read once it has been replaced (by a version made from it)."""
        key = name.lower()
        if key in self._removed:
            raise damaged(f"the part {name!r} is missing")
        content = self._puts[key][1] if key in self._puts else lambda: self.package.stretches(name)
        return lambda: _pieces(content)

    def put(self, name: str, content: Content) -> None:
        """Replace or add a part; a callable is asked for the part's pieces each time it is needed."""
        self._removed.discard(name.lower())
        self._puts[name.lower()] = (name, content)

    def remove(self, name: str) -> None:
        """Leave a part out."""
        self._puts.pop(name.lower(), None)
        self._removed.add(name.lower())

    def seal(self, name: str, letters: str, known: Sequence[int]) -> None:
        """Have the rows of a sheet, with keys in that column, written so that later writes need not inflate all.

        `known` has the keys of its rows as they stand, from row 1 on; 0 where it does not tell.
        """
        self._keys[name] = letters, known

    def resealed(
        self, name: str, content: Iterable[Stretch], letters: str, known: Sequence[int]
    ) -> Resealed | None:
        """Seal a sheet's part as its `content`, the whole of it as it stands now, passes by.

        None, and nothing read, where that is not worth it. Keys stand in that column; `known` is as for `seal`, and
        may grow while the content passes.
        """
        is_sealed = name.lower() not in self._puts and name in self.package.layouts
        if is_sealed or name not in self.package or not archive.crc32_combine:
            return None
        member = self.package.member(name)
        if member.packed > _MOST_RESEALED:
            return None
        return sealing.resealed(member, self.package.directory, content, letters, known)

    def write(self, file: BinaryIO) -> None:
        """Write the whole archive to an empty, seekable file; `layouts` and `directory` are those of it, then."""
        written = [self._write_member(file, member) for member in self.package.members if self._keeps(member)]
        added = [(name, content) for key, (name, content) in self._puts.items() if key not in self.package]
        written += [self._deflate(file, _new_member(name), content) for name, content in added]
        start = file.tell()
        records = b"".join(map(archive.central_record, written))
        self.directory = archive.codec.crc32(records)
        file.write(records)
        file.write(archive.end_records(len(written), file.tell() - start, start, self.package.comment))

    def _keeps(self, member: Member) -> bool:
        return member.name.lower() not in self._removed

    def _write_member(self, file: BinaryIO, member: Member) -> Member:
        if member.name.lower() in self._puts:
            return self._deflate(file, member, self._puts[member.name.lower()][1])
        if member.name in self.package.layouts:
            self.layouts[member.name] = self.package.layouts[member.name]
        offset = file.tell()
        file.writelines(self.package.raw(member.offset, member.end))
        return replace(member, offset=offset)

    def _deflate(self, file: BinaryIO, member: Member, content: Content) -> Member:
        size = len(content) if isinstance(content, bytes) else member.size
        wide = size > archive.LIMIT32 * 3 // 4
        member = replace(
            member, flags=member.flags & archive.UTF8, method=archive.DEFLATED, offset=file.tell()
        )
        file.write(archive.local_header(member, wide=wide))
        start = file.tell()
        keys = self._keys.get(member.name)
        if keys and archive.crc32_combine:
            size, crc, self.layouts[member.name] = sealing.write(file, _pieces(content), *keys, about=size)
        else:
            size, crc = _deflated(file, content)
        end = file.tell()
        if size >= archive.LIMIT32 and not wide:
            raise damaged(f"the part {member.name!r} grew past 4 GiB")
        member = replace(member, crc=crc, packed=end - start, size=size)
        file.seek(member.offset)
        file.write(archive.local_header(member, wide=wide))
        file.seek(end)
        return member


def _inflated(content: Iterable[Stretch]) -> Iterator[bytes]:
    return (each if isinstance(each, bytes) else each.text for each in content)


def _pieces(content: Content) -> Iterable[Stretch]:
    return (content,) if isinstance(content, bytes) else content()


def _deflated(file: BinaryIO, content: Content) -> tuple[int, int]:
    """The size and check sum of what was deflated."""
    size, crc = 0, 0

    def seen() -> Iterator[bytes]:
        nonlocal size, crc
        for chunk in _inflated(_pieces(content)):
            size += len(chunk)
            crc = codec.crc32(chunk, crc)
            yield chunk

    file.writelines(deflated(seen()))
    return size, crc


def _new_member(name: str) -> Member:
    flags = 0 if name.isascii() else archive.UTF8
    raw_name = name.encode()
    return Member(
        name=name,
        raw_name=raw_name,
        versions=(20, 20),
        flags=flags,
        method=archive.DEFLATED,
        stamp=_EPOCH,
        crc=0,
        packed=0,
        size=0,
        offset=0,
    )


def _check_magic(file: BinaryIO) -> None:
    file.seek(0)
    magic = file.read(8)
    if magic != _OLE:
        return
    if "EncryptedPackage".encode("utf-16-le") in file.read():
        raise DataRefused(
            "The workbook is encrypted: it takes a password to open it.",
            meaning="It cannot be read or written; the file was left as it was.",
            hint="Remove the password in Excel (File > Info > Protect Workbook), or name another target.",
        )
    raise DataRefused(
        "The file is not a modern workbook (it may be an old .xls).",
        meaning="The file was left as it was.",
        hint="Save it as .xlsx in Excel, or name another target.",
    )
