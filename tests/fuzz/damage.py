"""Damage to a workbook: to the words of its XML, to the set of its parts, and to the bytes of its archive."""

from __future__ import annotations

import re
import struct
from random import Random

from tests.fuzz.books import Parts, zipped

NUMBERS = [
    "0", "-1", "1", "2", "4", "99", "16385", "1048576", "1048577", "4294967296", "9" * 30, "9" * 5_000, "1.5",
    "1e9", "NaN", "", " ", "abc", "\u00b2", "\u0663", "0x1", "1_0", "+1", "true", "&#49;", "&bad;",
    "&#xD800;", "&#x110000;",
]  # fmt: skip
PLACES = [
    "A1", "a1", "B3", "A0", "ZZZ9999999", "XFE1", "A1048577", "A1:B2:C3", "B2:A1", "A:A", "1:1", "$A$1",
    "A1 B2", "R1C1", "#REF!", "Signals!$A$1", "'Signals'!$C$1", "Signals!#REF!", "'Mine'!A1",
    "Signals!$A$1:$A$9", "[1]Signals!$A$1", "", "1A", "\u00c41",
]  # fmt: skip
TEXTS = [
    "", " ", "ID", "Coin", "=1+1", "x" * 40_000, "\u5e01", "_x0000_", "_xFFFF_", "&#0;",
    '&lt;row r="1"&gt;', "Signals", "cqs.sequence", "worksheet", "inlineStr", "s", "shared", "array",
    "External", "../../../../etc/passwd", "/xl/workbook.xml", "file:///etc/passwd", "http://[::1", "preserve",
    "]]&gt;",
]  # fmt: skip
FRAGMENTS = [
    b"<!-- x -->", b"<!--", b"-->", b"<![CDATA[<row r='1'>]]>", b"<![CDATA[", b"]]>", b"<?x y?>", b"<?",
    b'<!DOCTYPE a [<!ENTITY b "c">]>', b"<row/>", b'<row r="2"><c r="A2"><v>1</v></c></row>', b"<c/>",
    b'<c r="A2" t="s"><v>99</v></c>', b"<c><f>1</f></c>", b"</row>", b"</sheetData>", b"<sheetData/>",
    b"<sheetData>", b"</worksheet>", b"<v>", b"<f t='shared' si='0'/>", b'<f t="array" ref="A1:B2">1</f>',
    b"<definedName name='cqs.sequence'>99999999999999999999</definedName>",
    b"<definedName name='cqs.signals.id'>Signals!$B$2</definedName>", b"<definedNames/>",
    b"<sheet name='X' sheetId='9' r:id='rId1'/>", b"<tablePart r:id='rId1'/>", b"<x:row r='3'/>", b"<", b">",
    b"&", b'"', b"\0", b"\xff", b"<mergeCell ref='A1:XFD1048576'/>", b"<is><t>x</t></is>", b"<t/>",
    b"<si><t>x</t></si>", b" " * 300_000,
]  # fmt: skip
_ATTRIBUTE = re.compile(rb"""\s([\w:.]+)=(["'])(.*?)\2""", re.DOTALL)
_ELEMENT = re.compile(rb"<[A-Za-z][^<>]*>")
_TEXT = re.compile(rb">([^<>]+)<")
_MEMBER_NAMES = [
    "../evil.xml",
    "/abs.xml",
    "C:\\x.xml",
    "xl\\workbook.xml",
    "XL/WORKBOOK.XML",
    "\u00fc.xml",
    "x" * 3_000,
    "/",
    "a/",
]


def damaged_workbook(random: Random, parts: Parts) -> bytes:
    """The workbook with one to four things wrong."""
    changed = dict(parts)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        if random.random() < 0.1:
            _change_set(random, changed)
        else:
            name = _some_part(random, changed)
            changed[name] = damaged_xml(random, changed[name])
    content = zipped(changed)
    return _damaged_archive(random, content) if random.random() < 0.15 else content


def _some_part(random: Random, parts: Parts) -> str:
    """Mostly one of those that the sync reads."""
    busy = [
        name
        for name in parts
        if re.search(r"sheet1\.xml$|workbook\.xml|styles|sharedS|table1|rels$|Content", name)
    ]
    return random.choice(busy or list(parts) if random.random() < 0.9 else list(parts))


def damaged_xml(random: Random, part: bytes) -> bytes:
    """One change to the words of an XML part."""
    match random.randrange(12):
        case 0 | 1 | 2 | 3 | 4:
            new = _value(random) if random.random() < 0.8 else None
            return _in_place_of(random, part, _ATTRIBUTE, 3 if new is not None else 0, new or b"")
        case 5 | 6:
            return _in_place_of(random, part, _TEXT, 1, _value(random))
        case 7:
            return _in_place_of(random, part, _ELEMENT, 0, b"")
        case 8:
            return _repeated(random, part)
        case 9 | 10:
            at = random.randrange(len(part) + 1)
            at = part.rfind(b"<", 0, at) if random.random() < 0.8 else at
            return part[: max(at, 0)] + random.choice(FRAGMENTS) + part[max(at, 0) :]
        case _:
            return _respelled(random, part)


def _value(random: Random) -> bytes:
    return random.choice(random.choice([NUMBERS, PLACES, TEXTS])).encode()


def _in_place_of(random: Random, part: bytes, what: re.Pattern[bytes], group: int, new: bytes) -> bytes:
    matches = list(what.finditer(part))
    if not matches:
        return part
    match = random.choice(matches)
    return part[: match.start(group)] + new + part[match.end(group) :]


def _repeated(random: Random, part: bytes) -> bytes:
    """A stretch between two tags, once more or somewhere else."""
    starts = [match.start() for match in _ELEMENT.finditer(part)]
    if len(starts) < 3:
        return part
    first, last = sorted(random.sample(starts, 2))
    to = random.choice(starts)
    return part[:to] + part[first : min(last, first + 20_000)] + part[to:]


def _respelled(random: Random, part: bytes) -> bytes:
    match random.randrange(6):
        case 0:
            return part.decode("utf-8", "replace").encode(
                random.choice(["utf-16", "utf-16-le", "utf-32", "cp1252"]), "replace"
            )
        case 1:
            return part[: random.randrange(len(part) + 1)]
        case 2:
            return part.replace(
                b"UTF-8",
                random.choice([b"utf-7", b"idna", b"rot13", b"zlib", b"base64", b"latin-1", b"x"]),
                1,
            )
        case 3:
            return (
                part.replace(b' r="', b" r='", 1)
                if random.random() < 0.5
                else re.sub(rb' r="[A-Z0-9]+"', b"", part)
            )
        case 4:
            return b"\xef\xbb\xbf" + part
        case _:
            return b""


def _change_set(random: Random, parts: Parts) -> None:
    """A part lost, renamed, emptied, swapped with another or blown up."""
    name = random.choice(list(parts))
    match random.randrange(5):
        case 0:
            del parts[name]
        case 1:
            parts[random.choice(_MEMBER_NAMES)] = parts.pop(name)
        case 2:
            other = random.choice(list(parts))
            parts[name], parts[other] = parts[other], parts[name]
        case 3:
            parts[name] += b" " * random.choice([1, 1_000, 3 << 20])
        case _:
            parts[name.upper()] = parts[name]


def _damaged_archive(random: Random, content: bytes) -> bytes:
    at = random.randrange(len(content))
    match random.randrange(6):
        case 0:
            return content[:at]
        case 1:
            return content[:at] + bytes([random.randrange(256)]) + content[at + 1 :]
        case 2:
            return random.choice([b"", b"PK", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"#!/bin/sh\n"]) + content
        case 3:
            return content + bytes(random.randrange(256) for _ in range(random.randrange(40)))
        case _:
            return _with_wrong_field(random, content)


def _with_wrong_field(random: Random, content: bytes) -> bytes:
    """A number of a record of the archive's directory replaced."""
    mark = random.choice([b"PK\1\2", b"PK\1\2", b"PK\3\4", b"PK\5\6"])
    records = [match.start() for match in re.finditer(re.escape(mark), content)]
    at = random.choice(records) + 4 + 2 * random.randrange(21)
    width = random.choice(["<H", "<L"])
    number = random.choice([0, 1, 8, 9, 99, 0x7FFF, 0xFFFF, 0xFFFFFFFF, 1 << 26, random.randrange(1 << 16)])
    packed = struct.pack(width, number & (0xFFFF if width == "<H" else 0xFFFFFFFF))
    return content[:at] + packed + content[at + len(packed) :]
