"""The archive: untouched members are copied as they are; broken and dangerous ones are refused."""

from __future__ import annotations

import io
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.destinations.excel.parts.archive import (
    Member,
    central_record,
    end_records,
    local_header,
    read_directory,
)
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.rowstream import Stretch
from cqs_sheets.errors import DataRefused
from tests.destinations.excel.books import signals_book

TYPES = b'<Types><Override PartName="/xl/workbook.xml" ContentType="application/vnd.ms-excel.sheet.main+xml"/></Types>'


@pytest.fixture
def book(tmp_path: Path) -> bytes:
    return signals_book(tmp_path / "book.xlsx").read_bytes()


def written(draft: Draft) -> bytes:
    file = io.BytesIO()
    draft.write(file)
    return file.getvalue()


class Pipe(io.RawIOBase):
    """A file that cannot seek, so that zipfile writes data descriptors behind the members."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.content += data
        return len(data)


def archive(members: dict[str, bytes], *, seekable: bool = True, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file: io.BytesIO | Pipe = io.BytesIO() if seekable else Pipe()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", method) as made:
        made.comment = b"a comment"
        for name, content in {"[Content_Types].xml": TYPES, **members}.items():
            member = zipfile.ZipInfo(name, (2001, 2, 3, 4, 5, 6))
            member.comment, member.extra, member.external_attr = b"note", b"\x99\x99\x02\x00ab", 0o600 << 16
            made.writestr(member, content, method)
    return file.getvalue() if isinstance(file, io.BytesIO) else bytes(file.content)


@pytest.mark.parametrize("seekable", [True, False])
@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_an_unchanged_draft_is_the_same_to_the_byte(seekable: bool, method: int) -> None:
    data = archive(
        {"xl/a.xml": b"<a/>" * 5000, "xl/b.bin": bytes(range(256))}, seekable=seekable, method=method
    )
    with Package.open(data) as package:
        assert written(Draft(package)) == data


def test_a_replaced_part_keeps_its_place_and_date_and_added_ones_come_last() -> None:
    data = archive(
        {"xl/a.xml": b"<a/>" * 5000, "xl/b.bin": bytes(range(256)), "xl/c.xml": b"<c/>"}, seekable=False
    )
    with Package.open(data) as package:
        draft = Draft(package)
        draft.put("xl/new.xml", b"<new/>")
        draft.put("xl/a.xml", lambda: iter([b"<a>", b"x" * 100_000, b"</a>"]))
        draft.remove("xl/c.xml")
        assert draft.names == ("[Content_Types].xml", "xl/a.xml", "xl/b.bin", "xl/new.xml")
        result = written(draft)
    with zipfile.ZipFile(io.BytesIO(result)) as after:
        assert after.testzip() is None
        assert after.namelist() == ["[Content_Types].xml", "xl/a.xml", "xl/b.bin", "xl/new.xml"]
        assert after.read("xl/a.xml") == b"<a>" + b"x" * 100_000 + b"</a>"
        info = after.getinfo("xl/a.xml")
        assert (info.date_time, info.comment, info.external_attr) == (
            (2001, 2, 3, 4, 5, 6),
            b"note",
            0o600 << 16,
        )
        assert after.comment == b"a comment"


def test_a_version_made_from_the_one_before_reads_it(book: bytes) -> None:
    with Package.open(book) as package:
        draft = Draft(package)
        for mark in (b"1", b"2"):
            draft.put("xl/styles.xml", partial(with_mark, draft.content("xl/styles.xml"), mark))
        assert draft.read("XL/Styles.xml") == package.read("xl/styles.xml") + b"12"


def with_mark(before: Callable[[], Iterable[Stretch]], mark: bytes) -> Iterable[Stretch]:
    return (*before(), mark)


def test_a_zip64_archive_is_copied_and_edited() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("[Content_Types].xml", TYPES)
        with made.open("xl/a.xml", "w", force_zip64=True) as member:
            member.write(b"<a/>")
    with Package.open(file.getvalue()) as package:
        assert package.read("xl/a.xml") == b"<a/>"
        draft = Draft(package)
        draft.put("[Content_Types].xml", TYPES + b" ")
        result = written(draft)
    with zipfile.ZipFile(io.BytesIO(result)) as after:
        assert after.read("xl/a.xml") == b"<a/>"


def overlapping(data: bytes) -> bytes:
    """The last member's record points at the first one's data (its name made to agree)."""
    data = archive({"xl/aa.xml": b"a" * 100, "xl/bb.xml": b"b" * 100})
    first, second = data.index(b"PK\3\4", 10), data.rindex(b"PK\1\2")
    return data[: second + 42] + struct.pack("<L", first) + data[second + 46 :]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the hole in the file may take room")
def test_a_part_beyond_four_gigabytes_is_read_by_others_and_by_us(tmp_path: Path) -> None:
    far, data, name = 5 << 30, b"<a/>", b"xl/a.xml"
    member = Member(
        name=name.decode(), raw_name=name, versions=(20, 20), flags=0, method=0, stamp=(0, 33),
        crc=zlib.crc32(data), packed=len(data), size=len(data), offset=far,
    )  # fmt: skip
    header, record = local_header(member, wide=False), central_record(member)
    with (tmp_path / "book.xlsx").open("w+b") as file:
        file.seek(far)
        file.write(header + data + record)
        file.write(end_records(1, len(record), far + len(header) + len(data), b"a comment"))
        with zipfile.ZipFile(file) as others:
            assert (others.read(name.decode()), others.comment) == (data, b"a comment")
        [found], comment, _ = read_directory(file)
    assert (found.offset, found.data, found.end) == (far, far + len(header), far + len(header) + len(data))
    assert (found.name, comment, found.extra) == (name.decode(), b"a comment", b"")


def wide(data: bytes, *, record: bytes = b"PK\6\6", locator: bytes = b"PK\6\7") -> bytes:
    """The same archive, with the end that those beyond 4 GiB have."""
    at = data.rindex(b"PK\5\6")
    count, size, start = struct.unpack_from("<HLL", data, at + 10)
    end64 = struct.pack("<4sQ2H2L4Q", record, 44, 45, 45, 0, 0, count, count, size, start)
    end64 += struct.pack("<4sLQL", locator, 0, at, 1)
    return data[:at] + end64 + data[at : at + 10] + b"\xff" * 10 + data[at + 20 :]


def with_field(data: bytes, at: int, field: bytes, *, record: bytes = b"PK\1\2") -> bytes:
    """With a field of the directory's last record, or of another one, changed."""
    place = data.rindex(record) + at
    return data[:place] + field + data[place + len(field) :]


def test_the_end_of_a_large_archive_is_read_in_a_small_one(book: bytes) -> None:
    with Package.open(wide(book)) as package:
        assert package.read("xl/workbook.xml")


BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "empty"),
    "text": (lambda _: b"id,coin\n1,BTC\n", "half a file"),
    "half": (lambda data: data[: len(data) // 2], "half a file"),
    "flipped": (lambda data: data[:40] + bytes([data[40] ^ 255]) + data[41:], "Not a usable workbook"),
    "old": (lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old .xls"),
    "locked": (
        lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "takes a password",
    ),
    "no workbook": (lambda _: zipped({"a.txt": b"x"}), "no Excel workbook"),
    "binary": (lambda _: zipped({"xl/workbook.bin": b"x"}), "xlsb"),
    "parent": (lambda _: archive({"../evil.xml": b"x"}), "forbidden path"),
    "absolute": (lambda _: archive({"/etc/passwd": b"x"}), "forbidden path"),
    "twice": (lambda _: archive({"xl/a.xml": b"x", "XL/A.xml": b"y"}), "twice"),
    "overlapping": (overlapping, "two names|overlap"),
    "wide end lost": (lambda data: wide(data, locator=b"PK\0\0"), "64-bit directory is missing"),
    "wide end broken": (lambda data: wide(data, record=b"PK\0\0"), "64-bit directory is missing"),
    "size of its directory": (
        lambda data: with_field(data, 12, b"\xfe\xff\xff\xff", record=b"PK\5\6"),
        "cut off",
    ),
    "more records": (lambda data: with_field(data, 10, b"\xff\0", record=b"PK\5\6"), "directory is cut off"),
    "fewer records": (lambda data: with_field(data, 10, b"\1\0", record=b"PK\5\6"), "more than it says"),
    "encrypted": (lambda data: with_field(data, 8, b"\1"), "encrypted"),
    "elsewhere": (lambda data: with_field(data, 42, b"\1\0\0\0"), "is missing"),
    "bomb": (lambda _: archive({"xl/a.xml": b"\0" * (70 << 20)}), "zip bomb"),
}


def zipped(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in members.items():
            made.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_sound_workbook_is_refused(book: bytes, kind: str) -> None:
    spoil, reason = BROKEN[kind]
    with pytest.raises(DataRefused, match=reason) as refusal:
        Package.open(spoil(book))
    assert refusal.value.meaning
    assert refusal.value.hint


def test_a_part_that_is_not_what_its_directory_says_is_refused(book: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(book)) as opened:
        info = opened.getinfo("xl/styles.xml")
    at = info.header_offset + 30 + len(info.filename) + 20
    with (
        Package.open(book[:at] + bytes(8) + book[at + 8 :]) as package,
        pytest.raises(DataRefused, match=r"styles\.xml"),
    ):
        package.read("xl/styles.xml")


def test_a_part_that_unpacks_to_more_than_its_directory_says_is_not_unpacked_further() -> None:
    data = archive({"xl/a.xml": bytes(4 << 20)})
    at, said = data.rindex(b"PK\1\2") + 24, 300_000
    unpacked: list[bytes] = []
    with (
        Package.open(data[:at] + struct.pack("<L", said) + data[at + 4 :]) as package,
        pytest.raises(DataRefused, match=r"a\.xml"),
    ):
        unpacked.extend(package.chunks("xl/a.xml"))
    assert sum(map(len, unpacked)) <= said


def test_a_part_with_a_byte_that_flipped_is_refused() -> None:
    data = archive({"xl/a.xml": b"<v>1000</v>"}, method=zipfile.ZIP_STORED)
    with (
        Package.open(data.replace(b"1000", b"9000")) as package,
        pytest.raises(DataRefused, match=r"a\.xml"),
    ):
        package.read("xl/a.xml")
