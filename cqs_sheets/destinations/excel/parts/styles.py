"""Formats of cells: which show a time, and those of another workbook put behind a workbook's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

from cqs_sheets.destinations.excel.parts import xmltext
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.splice import appended_to, items, outline
from cqs_sheets.errors import ROWS_WAIT, DataRefused
from cqs_sheets.patterns import regex

_GENERAL = "General"
_DEFAULT_PATTERN = "yyyy-mm-dd hh:mm"
_FIRST_CUSTOM = 164
_BUILT_IN = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
# They match formats of numbers and of cells in a styles part in canonical spelling. A cell format may hold elements of
# its own, or stand in alternatives (AlternateContent), each of which counts once. A parser would write the part anew,
# and lose what later versions of Excel put there.
_CUSTOM = regex(rb"<numFmt\s[^>]*>")
_CUSTOMS = regex(rb"<numFmts(?:\s[^>]*)?>")
_FORMATS = regex(rb"<cellXfs(?:\s[^>]*)?>(.*?)</cellXfs>", re.DOTALL)
_FORMAT = regex(
    rb"<(?:\w+:)?AlternateContent\b.*?</(?:\w+:)?AlternateContent>|<xf(?:\s[^>]*?)?(?:/>|>.*?</xf>)",
    re.DOTALL,
)
# Matches what a cell format says of protection, if it unlocks its cells; attributes in any order.
_UNLOCKED = regex(rb"""<protection\s(?:[^>]*?\s)?locked\s*=\s*["'](?:0|false)["']""")
_LAST_FORMAT = regex(rb".*(<xf\b.*)", re.DOTALL)
_NOT_CODE = regex(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')


_MOST_FORMATS = 64_000
"""Cell formats in a workbook: Excel opens none with more."""


def _meaning(format_: bytes) -> object:
    """A cell format, however it is written."""
    tag, _, inner = format_.partition(b">")
    return frozenset(xmltext.attributes(tag).items()), inner.removesuffix(b"</xf>").strip()


class CellFormats:
    """The formats of a workbook's styles part, as far as it counts how numbers and times are shown."""

    def __init__(self, draft: Draft, part: str | None) -> None:
        self._draft = draft
        self._part = part
        self._added: dict[tuple[int | None, str], int] = {}
        self._load()

    def _load(self) -> None:
        self._xml = xmltext.canonical_part(self._draft.read(self._part)) if self._part else b""
        match = _FORMATS.search(self._xml)
        self._written = _FORMAT.findall(match[1]) if match else []
        self._formats = [
            _LAST_FORMAT.sub(rb"\1", each) for each in self._written
        ]  # of alternatives, the fallback
        tags = [xmltext.attributes(tag) for tag in _CUSTOM.findall(self._xml)]
        self._patterns = {xmltext.whole(tag.get("numFmtId")): tag.get("formatCode", "") for tag in tags}

    @cached_property
    def _places(self) -> dict[object, int]:
        """Where each format stands first; alternatives are like no other."""
        plain = [(at, each) for at, each in enumerate(self._written) if each.startswith(b"<xf")]
        return {_meaning(each): at for at, each in reversed(plain)}

    def shows_time(self, style: int | None) -> bool:
        """Whether cells of that format show a date or time."""
        if style is None or style >= len(self._formats):
            return False
        number = xmltext.whole(xmltext.attributes(self._formats[style].split(b">")[0]).get("numFmtId", "0"))
        pattern = _NOT_CODE.sub("", self._patterns.get(number, "")).lower()
        return number in _BUILT_IN or any(letter in pattern for letter in "ymdhs")

    def pattern(self, style: int | None) -> str:
        """The number format of cells of that format; "" for one that is built into Excel."""
        if style is None or style >= len(self._formats):
            return _GENERAL
        number = xmltext.whole(xmltext.attributes(self._formats[style].split(b">")[0]).get("numFmtId", "0"))
        return self._patterns.get(number, "" if number else _GENERAL)

    def is_unlocked(self, style: int) -> bool:
        """Whether cells of that format can be written in a protected sheet."""
        return style < len(self._formats) and _UNLOCKED.search(self._formats[style]) is not None

    def for_time(self, style: int | None, pattern: str) -> int | None:
        """That format if it shows times, else one like it that does, added to the styles part."""
        if self.shows_time(style) or not self._formats or self._part is None:
            return style
        return self.like(style, _DEFAULT_PATTERN if pattern in ("", "General", "@") else pattern)

    def like(self, style: int | None, pattern: str) -> int | None:
        """A format like that one that shows numbers by `pattern`, added to the styles part if need be."""
        if not self._formats or self._part is None or self.pattern(style) == pattern:
            return style
        if (style, pattern) not in self._added:
            self._added[style, pattern] = self._found_or_added(style or 0, pattern)
        return self._added[style, pattern]

    def _found_or_added(self, style: int, pattern: str) -> int:
        held = [id_ for id_, code in self._patterns.items() if code == pattern]
        number = held[0] if held else max((_FIRST_CUSTOM - 1, *self._patterns)) + 1
        custom = b'<numFmt numFmtId="%d" formatCode="%s"/>' % (number, xmltext.escape_attribute(pattern))
        model = self._formats[style if style < len(self._formats) else 0]
        end = model.index(b">") + 1
        opened = xmltext.with_attribute(model[:end], "numFmtId", str(number))
        added = xmltext.with_attribute(opened, "applyNumberFormat", "1") + model[end:]
        index = self._places.setdefault(_meaning(added), len(self._formats))
        if index < len(self._formats):
            return index
        if index >= _MOST_FORMATS:
            return style
        xml = self._xml if held else self._with_custom(custom)
        match = _FORMATS.search(xml)
        assert match is not None and self._part is not None  # noqa: S101, PT018 - `for_time` has looked
        opened = xmltext.with_attribute(xml[match.start() : match.start(1)], "count", str(index + 1))
        self._xml = xml[: match.start()] + opened + match[1] + added + xml[match.end(1) :]
        self._formats.append(added)
        self._patterns[number] = pattern
        self._draft.put(self._part, self._xml)
        return index

    def _with_custom(self, custom: bytes) -> bytes:
        xml = self._xml
        if match := _CUSTOMS.search(xml):
            opened = xmltext.with_attribute(
                match[0].replace(b"/>", b">"), "count", str(len(self._patterns) + 1)
            )
            closing = b"</numFmts>" if match[0].endswith(b"/>") else b""
            return xml[: match.start()] + opened + custom + closing + xml[match.end() :]
        start = re.search(rb"<styleSheet(?:\s[^>]*)?>", xml)
        at = start.end() if start else 0
        return xml[:at] + b'<numFmts count="1">' + custom + b"</numFmts>" + xml[at:]


EMPTY_STYLES = (
    b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    b'<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)

_ORDER = (
    *("numFmts", "fonts", "fills", "borders", "cellStyleXfs", "cellXfs", "cellStyles", "dxfs"),
)  # tableStyles, colors and extensions come behind
_XF = b'<xf numFmtId="0" fontId="0" fillId="0" borderId="0"%s/>'
_FIRST_ONES = {  # what must be there before anything of ours: Excel takes the first of each as its default
    "fonts": [b'<font><sz val="11"/><name val="Calibri"/><family val="2"/></font>'],
    "fills": [
        b'<fill><patternFill patternType="none"/></fill>',
        b'<fill><patternFill patternType="gray125"/></fill>',
    ],
    "borders": [b"<border><left/><right/><top/><bottom/><diagonal/></border>"],
    "cellStyleXfs": [_XF % b""],
    "cellXfs": [_XF % b' xfId="0"'],
}
_PARTS = {"fonts": "fontId", "fills": "fillId", "borders": "borderId"}
_APPLIED = ("NumberFormat", "Font", "Fill", "Border", "Alignment")
_FIRST_CUSTOM_FORMAT = 164
_MOST_FORMATS = 65_000  # Excel takes 65,490
_NUMBERS = regex(rb"""numFmtId\s*=\s*["'](\d+)""")
_TAG = regex(rb"<[^>]*>")


class MergedStyles:
    """A styles part with the formats of another appended.

    `cells` and `rules` map the other's indexes of cell formats (only those asked for) and of
    conditional formats to those in `xml`; everything that stood in it keeps its index. Raises
    DataRefused for styles that cannot be edited safely, or that are full.
    """

    def __init__(self, xml: bytes, other: bytes, used: Iterable[int]) -> None:
        if b"AlternateContent" in xml:  # what an index then means is not the same to every reader
            raise _not_extensible(
                "its cell formats are written in an unusual way", "open it in Excel and save it"
            )
        self._own, self._other = xml, other
        self._counts = {each.tag: len(each.children) for each in outline(xml).children}
        self._added: dict[str, list[bytes]] = {}
        for container, first in _FIRST_ONES.items():
            self._append(container, first[self._counts.get(container, 0) :])
        self.cells = self._merge_cell_formats(sorted({*used} - {0}))
        rules = items(other, "dxfs")
        start = self._append("dxfs", rules)
        self.rules = {index: start + index for index in range(len(rules))}
        self.xml = xml
        for container, added in self._added.items():
            self.xml = appended_to(self.xml, container, added, _ORDER)

    def _append(self, container: str, new: list[bytes]) -> int:
        """The index that the first of `new` gets."""
        added = self._added.setdefault(container, [])
        start = self._counts.get(container, 0) + len(added)
        added += new
        return start

    def _merge_cell_formats(self, used: list[int]) -> dict[int, int]:
        formats = items(self._other, "cellXfs")
        starts = {container: self._append(container, items(self._other, container)) for container in _PARTS}
        codes = self._merge_number_formats()
        start = self._append("cellXfs", [_moved(formats[index], starts, codes) for index in used])
        if start + len(used) > _MOST_FORMATS:
            raise _not_extensible("it has as many cell formats as Excel can hold", "clean up its cell styles")
        return {0: 0, **{index: start + position for position, index in enumerate(used)}}

    def _merge_number_formats(self) -> dict[str, str]:
        """The other's custom number formats by their id, as ids in this part."""
        held = {values["formatCode"]: values["numFmtId"] for values in _number_formats(self._own)}
        numbers = [xmltext.whole(each.decode()) for each in _NUMBERS.findall(self._own)]
        free = max([_FIRST_CUSTOM_FORMAT - 1, *numbers]) + 1
        ids: dict[str, str] = {}
        new: list[bytes] = []
        for values in _number_formats(self._other):
            code = values["formatCode"]
            if code not in held:
                held[code] = str(free + len(new))
                element = b'<numFmt numFmtId="%s" formatCode="%s"/>'
                new.append(element % (held[code].encode(), xmltext.escape_attribute(code)))
            ids[values["numFmtId"]] = held[code]
        self._append("numFmts", new)
        return ids


def _not_extensible(why: str, mend: str) -> DataRefused:
    return DataRefused(
        f"No tab can be added to the workbook: {why}.",
        meaning=ROWS_WAIT,
        hint=f"{mend[0].upper()}{mend[1:]}, or name another target.",
    )


def _number_formats(xml: bytes) -> list[dict[str, str]]:
    found = [xmltext.attributes(each) for each in items(xml, "numFmts")]
    return [values for values in found if "formatCode" in values and values.get("numFmtId", "").isdigit()]


def _moved(cell_format: bytes, starts: dict[str, int], codes: dict[str, str]) -> bytes:
    """A cell format of the other workbook in the terms of this one."""
    match = _TAG.match(cell_format)
    tag = match[0] if match else cell_format
    values = xmltext.attributes(tag)
    moved = xmltext.with_attribute(tag, "numFmtId", codes.get(values["numFmtId"], values["numFmtId"]))
    for container, name in _PARTS.items():
        moved = xmltext.with_attribute(moved, name, str(starts[container] + int(values[name])))
    for part in _APPLIED:
        moved = xmltext.with_attribute(moved, f"apply{part}", "1")
    return moved + cell_format[len(tag) :]
