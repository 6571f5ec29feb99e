"""What a stranger's workbook says where a number or an address should stand."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from functools import cache
from xml.parsers import expat

from cqs_sheets.errors import DataRefused
from cqs_sheets.patterns import regex

_WHOLE = regex(r"-?[0-9]{1,10}")
_MOST_SHOWN = 40


class Malformed(DataRefused, ValueError):
    """A value that cannot be read: whoever can do without it catches the ValueError, else the workbook is refused."""

    def __init__(self, kind: str, found: str | None) -> None:
        shown = "nothing" if found is None else repr(found[:_MOST_SHOWN])
        super().__init__(
            f"The workbook cannot be edited safely: {shown} stands where {kind} should.",
            meaning="The file was left as it was.",
            hint="Open it in Excel and save it again, or name another target.",
        )


def whole(found: str | None) -> int:
    """The whole number that an attribute holds; Malformed if it is none, or beyond any that a workbook has."""
    text = found.strip() if found is not None else ""
    if not _WHOLE.fullmatch(text):
        raise Malformed("a number", found)
    return int(text)


def sound_row(row: bytes) -> bytes:
    """The element of a row as given; Malformed if it is not one well-formed element."""
    try:
        expat.ParserCreate().Parse(check_tags(row), True)
    except expat.ExpatError:
        raise Malformed("a row", row.decode("utf-8", "replace")) from None
    return row


def sound_part(part: bytes) -> bytes:
    """A part in UTF-8 as given; DataRefused if it is not well-formed.

    For what has no bound of its own: a search for the end of each tag, where none ends, takes the square of its length.
    """
    try:
        expat.ParserCreate("utf-8").Parse(check_tags(part), True)
    except expat.ExpatError as error:
        raise _refuse(f"one of its parts is not well-formed ({error})") from None
    return part


# These bring a part of any program into one spelling, so that all others need to know that one only. They match what
# stands in tags: the declaration, an element's prefix, attributes in either quotes. They meet whatever others wrote,
# in pieces of a stream; a parser would give values without the bytes between them, and those must stay as they are.
_DECLARED = regex(rb"""^(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_DECLARATION = regex(rb"^\s*<\?xml.*?\?>", re.DOTALL)
_ROOT = regex(rb"<(?:([A-Za-z_][\w.-]*):)?[A-Za-z_][^\s/>]*")
_ATTRIBUTE = regex(rb"""([\w.:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_FORMULA = regex(rb"f(?<=<f)")
_ILLEGAL = regex("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_LIKE_ESCAPED = regex("_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED = regex(r"_x([0-9A-Fa-f]{4})_")
_MOST_HELD_BACK = 4 << 20
_LONGEST_TAG = 1 << 20
_PLAIN_ENCODINGS = (b"utf-8", b"utf8", b"us-ascii", b"ascii")


def escape(text: str) -> bytes:
    """A name or formula as element content; characters that XML cannot hold become `_xHHHH_`."""
    if not text.isprintable():
        text = _ILLEGAL.sub(lambda match: f"_x{ord(match[0]):04X}_", text)
    return _escaped(text).encode().replace(b"\r", b"&#13;")


def escape_cell(text: str) -> bytes:
    """A cell's text as element content: what merely looks like `_xHHHH_` is written so that it stays what it is."""
    text = _LIKE_ESCAPED.sub("_x005F_", text) if "_x" in text else text
    return escape(text.replace("\r", "_x000D_"))


def escape_attribute(text: str) -> bytes:
    """Text as an attribute's value between double quotes."""
    return escape(text).replace(b'"', b"&quot;").replace(b"\n", b"&#10;").replace(b"\t", b"&#9;")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(raw: bytes) -> str:
    """What an attribute's value or a formula says."""
    text = raw.decode("utf-8", "replace")
    if "\r" in text:  # as XML reads the ends of lines
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "&" not in text:
        return text
    import html  # noqa: PLC0415 - its table of names is large, and rarely needed

    return html.unescape(text)


def unescape_cell(raw: bytes) -> str:
    """What a cell's text says: entities and `_xHHHH_` undone."""
    text = unescape(raw)
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def has_formula(rows: bytes) -> bool:
    """Whether any of the rows' cells may have a formula.

    One character is found many times as fast as two, and plain cells have few.
    """
    return b"f" in rows and _FORMULA.search(rows) is not None


def attributes(tag: bytes) -> dict[str, str]:
    """The attributes of one start tag by name as written (with their prefix)."""
    check_tags(tag)
    return {name.decode(): unescape(double or single) for name, double, single in _ATTRIBUTE.findall(tag)}


def with_attribute(tag: bytes, name: str, value: str | None) -> bytes:
    """A start tag with one attribute set, or removed (None)."""
    pattern = _attribute(name)
    setting = b"" if value is None else b' %s="%s"' % (name.encode(), escape_attribute(value))
    if pattern.search(tag):
        return pattern.sub(lambda _: setting, tag, count=1)
    end = -2 if tag.endswith(b"/>") else -1
    return tag[:end].rstrip() + setting + tag[end:]


@cache
def _attribute(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"""(?<!\s)\s+%s\s*=\s*(?:"[^"]*"|'[^']*')""" % re.escape(name.encode()))


def canonical(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same document in UTF-8, without comments, CDATA and element prefix of the root's namespace.

    Raises DataRefused for a document type (no workbook has one; entity bombs do).
    """
    return _unprefixed(_bounded(_plain(_utf8(chunks))))


def canonical_part(part: bytes) -> bytes:
    """`canonical` for a part held whole."""
    return b"".join(canonical((part,)))


def plain_part(part: bytes) -> bytes:
    """A part held whole in UTF-8, without comments and CDATA; its prefixes are kept."""
    return b"".join(_bounded(_plain(_utf8((part,)))))


def _bounded(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The same, refused where a tag is longer than any: millions of attributes would fill the memory."""
    length = 0
    for chunk in chunks:
        if length and b"<" not in chunk and b">" not in chunk:
            length += len(chunk)
        else:
            opened = chunk.rfind(b"<")
            length = len(chunk) - opened if opened > chunk.rfind(b">") else 0
        if length > _LONGEST_TAG:
            raise _refuse("one of its parts holds an endless tag")
        yield chunk


def check_tags(part: bytes) -> bytes:
    """A part, or an element, held whole; DataRefused if one of its tags is longer than any."""
    if len(part) > _LONGEST_TAG and max(map(len, part.split(b"<"))) > _LONGEST_TAG:
        raise _refuse("one of its parts holds an endless tag")
    return part


def _utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    pieces = iter(chunks)
    first = next(pieces, b"")
    encoding = _encoding(first)
    if encoding is None:
        yield first
        yield from pieces
        return
    try:
        "<".encode(encoding)  # a LookupError for codecs that are not of text
        decoder = codecs.getincrementaldecoder(encoding)()
        text = decoder.decode(first).lstrip("\ufeff")
        yield _DECLARATION.sub(b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>', text.encode())
        for piece in pieces:
            yield decoder.decode(piece).encode()
    except (LookupError, UnicodeError) as error:
        raise _refuse(f"one of its parts is not the text it says it is ({encoding})") from error


def _encoding(first: bytes) -> str | None:
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if first.startswith(b"<\0"):
        return "utf-16-le"
    if first.startswith(b"\0<"):
        return "utf-16-be"
    declared = _DECLARED.match(first)
    return declared[1].decode() if declared and declared[1].lower() not in _PLAIN_ENCODINGS else None


def _plain(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        if b"\0" in chunk:  # nor may others take it for another encoding
            raise _refuse("one of its parts holds a character that no text has")
        rest += chunk
        if b"!" not in rest or b"<!" not in rest:  # one character is found twenty times as fast
            cut = len(rest) - 1 if rest.endswith(b"<") else len(rest)
            yield rest[:cut]
            rest = rest[cut:]
            continue
        done, rest = _without_sections(rest)
        yield done
        if len(rest) > _MOST_HELD_BACK:
            raise _refuse("one of its parts holds an endless comment")
    yield rest


def _without_sections(text: bytes) -> tuple[bytes, bytes]:
    """Comments dropped and CDATA turned to escaped text, as far as they are complete; and the rest."""
    done: list[bytes] = []
    position = 0
    while (start := text.find(b"<!", position)) >= 0:
        done.append(text[position:start])
        opened = text[start : start + 9]
        cdata = opened == b"<![CDATA["
        if not cdata and not opened.startswith(b"<!--"):
            if len(opened) == 9:  # noqa: PLR2004 - enough to tell
                raise _refuse("one of its parts defines entities, which no workbook needs")
            return b"".join(done), text[start:]
        end = text.find(b"]]>" if cdata else b"-->", start + 4)
        if end < 0:
            return b"".join(done), text[start:]
        if cdata:
            done.append(_escaped(text[start + 9 : end].decode("utf-8", "replace")).encode())
        position = end + 3
    done.append(text[position:])
    rest = b"<" if text.endswith(b"<") else b""
    return b"".join(done).removesuffix(rest), rest


def _unprefixed(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest, prefix, known = b"", b"", False
    for chunk in chunks:
        rest += chunk
        if not known:
            match = _ROOT.search(rest)
            if match is None or b">" not in rest[match.end() :]:
                if len(rest) > _LONGEST_TAG:
                    raise _refuse("one of its parts does not begin")
                continue
            known, prefix = True, match[1] or b""
            if prefix:
                rest = _with_default_namespace(rest, prefix, rest.index(b">", match.end()))
        if not prefix:
            yield rest
            rest = b""
            continue
        cut = rest.rfind(b"<")
        yield _stripped(rest[:cut], prefix)
        rest = rest[cut:]
    yield _stripped(rest, prefix) if prefix else rest


def _stripped(text: bytes, prefix: bytes) -> bytes:
    return text.replace(b"<" + prefix + b":", b"<").replace(b"</" + prefix + b":", b"</")


def _with_default_namespace(text: bytes, prefix: bytes, end: int) -> bytes:
    declared = re.search(rb"""\sxmlns:%s\s*=\s*("[^"]*"|'[^']*')""" % re.escape(prefix), text[:end])
    if declared is None or re.search(rb"\sxmlns\s*=", text[:end]):
        raise _refuse("one of its parts mixes XML namespaces in a way we cannot edit safely")
    at = declared.start()
    return text[:at] + b" xmlns=" + declared[1] + text[at:]


def _refuse(detail: str) -> DataRefused:
    return DataRefused(
        f"The workbook cannot be edited safely: {detail}.",
        meaning="The file was left as it was.",
        hint="Open it in Excel and save it again, or name another target.",
    )
