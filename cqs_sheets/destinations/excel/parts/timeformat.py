"""Cell formats that show a number as a time: told from others, and added where a column lacks one."""

from __future__ import annotations

import re

from cqs_sheets.destinations.excel.parts.malformed import whole
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.xmltext import (
    attributes,
    canonical_part,
    escape_attribute,
    with_attribute,
)

_DEFAULT_PATTERN = "yyyy-mm-dd hh:mm"
_FIRST_CUSTOM = 164
_BUILT_IN = {*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)}
_CUSTOM = re.compile(rb"<numFmt\s[^>]*>")
_CUSTOMS = re.compile(rb"<numFmts(?:\s[^>]*)?>")
_FORMATS = re.compile(rb"<cellXfs(?:\s[^>]*)?>(.*?)</cellXfs>", re.DOTALL)
_FORMAT = re.compile(
    rb"<(?:\w+:)?AlternateContent\b.*?</(?:\w+:)?AlternateContent>|<xf(?:\s[^>]*?)?(?:/>|>.*?</xf>)",
    re.DOTALL,
)
# Matches what a cell format says of protection, if it unlocks its cells; attributes in any order.
_UNLOCKED = re.compile(rb"""<protection\s(?:[^>]*?\s)?locked\s*=\s*["'](?:0|false)["']""")
_LAST_FORMAT = re.compile(rb".*(<xf\b.*)", re.DOTALL)
_NOT_CODE = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')


class TimeFormats:
    """The formats of a workbook's styles part, as far as times are concerned."""

    def __init__(self, draft: Draft, part: str | None) -> None:
        self._draft = draft
        self._part = part
        self._added: dict[tuple[int | None, str], int] = {}
        self._load()

    def _load(self) -> None:
        self._xml = canonical_part(self._draft.read(self._part)) if self._part else b""
        match = _FORMATS.search(self._xml)
        found = _FORMAT.findall(match[1]) if match else []
        self._formats = [_LAST_FORMAT.sub(rb"\1", each) for each in found]  # of alternatives, the fallback
        tags = [attributes(tag) for tag in _CUSTOM.findall(self._xml)]
        self._patterns = {whole(tag.get("numFmtId")): tag.get("formatCode", "") for tag in tags}

    def shows_time(self, style: int | None) -> bool:
        """Whether cells of that format show a date or time."""
        if style is None or style >= len(self._formats):
            return False
        number = whole(attributes(self._formats[style].split(b">")[0]).get("numFmtId", "0"))
        pattern = _NOT_CODE.sub("", self._patterns.get(number, "")).lower()
        return number in _BUILT_IN or any(letter in pattern for letter in "ymdhs")

    def is_unlocked(self, style: int) -> bool:
        """Whether cells of that format can be written in a protected sheet."""
        return style < len(self._formats) and _UNLOCKED.search(self._formats[style]) is not None

    def for_time(self, style: int | None, pattern: str) -> int | None:
        """That format if it shows times, else one like it that does, added to the styles part."""
        if self.shows_time(style) or not self._formats or self._part is None:
            return style
        pattern = _DEFAULT_PATTERN if pattern in ("", "General", "@") else pattern
        if (style, pattern) not in self._added:
            self._added[style, pattern] = self._add(style or 0, pattern)
        return self._added[style, pattern]

    def _add(self, style: int, pattern: str) -> int:
        number = max((_FIRST_CUSTOM - 1, *self._patterns)) + 1
        custom = b'<numFmt numFmtId="%d" formatCode="%s"/>' % (number, escape_attribute(pattern))
        model = self._formats[style if style < len(self._formats) else 0]
        end = model.index(b">") + 1
        opened = with_attribute(model[:end], "numFmtId", str(number))
        added = with_attribute(opened, "applyNumberFormat", "1") + model[end:]
        index = len(self._formats)
        xml = self._with_custom(custom)
        match = _FORMATS.search(xml)
        assert match is not None and self._part is not None  # noqa: S101, PT018 - `for_time` has looked
        xml = xml[: match.end(1)] + added + xml[match.end(1) :]
        opened = xml[match.start() : match.start(1)]
        xml = xml[: match.start()] + with_attribute(opened, "count", str(index + 1)) + xml[match.start(1) :]
        self._draft.put(self._part, xml)
        self._load()
        return index

    def _with_custom(self, custom: bytes) -> bytes:
        xml = self._xml
        if match := _CUSTOMS.search(xml):
            opened = with_attribute(match[0].replace(b"/>", b">"), "count", str(len(self._patterns) + 1))
            closing = b"</numFmts>" if match[0].endswith(b"/>") else b""
            return xml[: match.start()] + opened + custom + closing + xml[match.end() :]
        start = re.search(rb"<styleSheet(?:\s[^>]*)?>", xml)
        at = start.end() if start else 0
        return xml[:at] + b'<numFmts count="1">' + custom + b"</numFmts>" + xml[at:]
