"""One cell between its XML and its value."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from cqs_sheets.core.cells import CellType, CellValue, number_text
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.xmltext import canonical, escape_cell, unescape_cell
from cqs_sheets.patterns import regex

LONGEST_TEXT = 32_767

# They match one cell whose address comes first (rowstream), and in it the type, style, value, formula and texts, rich
# ones with the readings (rPh) that do not belong to them. They meet cells of any program and kind; a parser would need
# an object for each of a million cells, and could not give back the bytes of those that stay.
_CELL = regex(rb'<c r="([A-Z]{1,3})(\d{1,9})\d*"((?:\s[^>]*?)?)(?:/>|>(.*?)</c>)', re.DOTALL)
_TYPE = regex(rb"""\st\s*=\s*["'](\w+)["']""")
_STYLE = regex(rb"""\ss\s*=\s*["'](\d{1,9})\d*["']""")
# no tag stands in what these hold: a search that passed over tags would begin anew at each of thousands left open
_VALUE = regex(rb"<v(?:\s[^<>]*[^/<>])?>([^<]*)</v>")
_TEXT = regex(rb"<t(?:\s[^<>]*[^/<>])?>([^<]*)</t>")
_FORMULA = regex(rb"<f((?:\s[^<>]*?)?)(?:/>|>([^<]*)</f>)")
_SHARED = regex(rb"""\ssi\s*=\s*["'](\d{1,9})\d*["']""")
_SEVERAL = regex(rb"""\sref\s*=\s*["'][^"']*:""")
_PHONETIC = regex(rb"<rPh\b.*?</rPh>", re.DOTALL)
_TOO_LONG = 10  # digits: no index has so many
_DAY = timedelta(days=1)
_EPOCH_1900, _EPOCH_1904 = datetime(1899, 12, 30), datetime(1904, 1, 1)  # noqa: DTZ001 - cells have no zone
_LEAP_BUG = 61  # serial of 1900-03-01; Excel counts a 1900-02-29 that never was


class CellXml(NamedTuple):
    """A cell as it stands in a row."""

    column: bytes
    row: int
    attributes: bytes
    content: bytes
    start: int
    end: int

    @property
    def type(self) -> bytes:
        """`s`, `str`, `inlineStr`, `b`, `e`, `d`, or `n` for a number."""
        match = _TYPE.search(self.attributes) if self.attributes else None
        return match[1] if match else b"n"

    @property
    def style(self) -> int | None:
        """The index of its format."""
        match = _STYLE.search(self.attributes)
        return int(match[1]) if match else None

    @property
    def raw_value(self) -> bytes:
        """What stands in `<v>`: a number, a shared string's index, a formula's text."""
        match = _VALUE.search(self.content)
        return match[1].strip() if match else b""

    @property
    def holds_something(self) -> bool:
        """Whether there is a value or a text."""
        return bool(self.raw_value) or b"<is>" in self.content

    @property
    def formula(self) -> bytes | None:
        """Its raw formula; b"" for a follower of a shared formula, None without formula."""
        match = _FORMULA.search(self.content)
        return None if match is None else match[2] or b""

    @property
    def shared_formula(self) -> int | None:
        """The index of the shared formula it follows or defines."""
        match = _FORMULA.search(self.content)
        shared = _SHARED.search(match[1]) if match else None
        return int(shared[1]) if shared else None

    @property
    def carries_formula_of_others(self) -> bool:
        """Whether other cells depend on the formula here, so that it cannot be replaced on its own."""
        match = _FORMULA.search(self.content)
        several = match is not None and _SEVERAL.search(match[1]) is not None
        return several and match is not None and bool(match[2] or b"dataTable" in match[1])

    @property
    def is_of_an_array(self) -> bool:
        """Whether it holds a formula of several cells, or one that fills several."""
        match = _FORMULA.search(self.content)
        return match is not None and (b"array" in match[1] or b"dataTable" in match[1])

    @property
    def shared_index(self) -> int | None:
        """The index of its shared string, if it holds one."""
        return _index(self.raw_value) if self.type == b"s" else None


class Encoded(NamedTuple):
    """A value as a cell stores it: the `t` attribute (may be empty), the content, what was lost."""

    type: bytes
    content: bytes
    warning: str = ""


def _index(raw: bytes) -> int | None:
    return int(raw) if raw.isdigit() and len(raw) < _TOO_LONG else None


def cells_of(row: bytes) -> list[CellXml]:
    """The cells of a row whose cells carry their addresses."""
    return [
        CellXml(column, int(number), attributes, content or b"", *match.span())
        for match in _CELL.finditer(row)
        for column, number, attributes, content in (match.groups(),)
    ]


def rich_text(content: bytes) -> str:
    """The text of a shared or inline string: all runs joined, phonetic hints left out."""
    if b"<rPh" in content:
        content = _PHONETIC.sub(b"", content)
    return "".join(unescape_cell(run) for run in _TEXT.findall(content))


def decode(cell: CellXml, *, kind: CellType, epoch_1904: bool, strings: Mapping[int, str]) -> CellValue:
    """The cell's value as a column of that kind holds it; None for a blank."""
    stored = cell.type
    if stored == b"inlineStr":
        return _typed(rich_text(cell.content), kind)
    raw = cell.raw_value
    if not raw:
        return None
    if stored == b"s":
        index = _index(raw)
        return _typed("" if index is None else strings.get(index, ""), kind)
    if stored == b"b":
        return raw in (b"1", b"true")
    if stored == b"n":
        return _number(raw.decode("utf-8", "replace"), kind, epoch_1904=epoch_1904)
    text = unescape_cell(raw)
    return _iso_time(text) if stored == b"d" else text


def _typed(text: str, kind: CellType) -> CellValue:
    return text if kind in (CellType.TEXT, CellType.TIME) else text.strip()


def _number(text: str, kind: CellType, *, epoch_1904: bool) -> CellValue:
    try:
        number = Decimal(
            repr(float(text)).removesuffix(".0")
        )  # Excel writes 17 digits: the shortest says what was meant
    except (ValueError, InvalidOperation):
        return text
    if kind is CellType.TIME:
        return from_serial(float(number), epoch_1904=epoch_1904) or text
    if kind is CellType.TEXT:
        return number_text(number) or text
    return number


def _iso_time(text: str) -> CellValue:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return text


def from_serial(serial: float, *, epoch_1904: bool) -> datetime | None:
    """The wall-clock time of a serial day number, to the millisecond; None out of range."""
    shift = 1 if not epoch_1904 and serial < _LEAP_BUG - 1 else 0
    try:
        moment = (_EPOCH_1904 if epoch_1904 else _EPOCH_1900) + timedelta(
            days=serial + shift, microseconds=500
        )
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    except (OverflowError, ValueError):
        return None


def to_serial(moment: datetime, *, epoch_1904: bool) -> float | None:
    """The serial day number of a wall-clock time; None before the date system begins."""
    serial = (moment - (_EPOCH_1904 if epoch_1904 else _EPOCH_1900)) / _DAY
    if serial < (0 if epoch_1904 else _LEAP_BUG):
        return None
    return serial  # in full: a rounded one can show as the minute before


def encode(value: CellValue, *, epoch_1904: bool) -> Encoded:
    """The cell that holds a value; what no cell can hold becomes text, with a warning."""
    if isinstance(value, bool):
        return Encoded(b"b", b"<v>1</v>" if value else b"<v>0</v>")
    if isinstance(value, Decimal):
        number = number_text(value)
        if number is None:
            text = format(value, "f") if value.is_finite() else str(value)
            return _text(text, f"{text} is no number that a cell can hold: kept as text")
        return Encoded(b"", b"<v>%s</v>" % number.encode())
    if isinstance(value, datetime):
        serial = to_serial(value, epoch_1904=epoch_1904)
        if serial is None:
            return _text(value.isoformat(" "), f"{value} is before a spreadsheet's calendar: kept as text")
        return Encoded(b"", b"<v>%s</v>" % repr(serial).removesuffix(".0").encode())
    return _text(value) if value else Encoded(b"", b"")


def _text(text: str, warning: str = "") -> Encoded:
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    if units > LONGEST_TEXT:
        warning = f"a text of {units} characters was cut to the {LONGEST_TEXT} that a cell holds"
        text = text.encode("utf-16-le", "surrogatepass")[: 2 * LONGEST_TEXT].decode("utf-16-le", "ignore")
    space = b' xml:space="preserve"' if text != text.strip() or "\n" in text else b""
    return Encoded(b"inlineStr", b"<is><t%s>%s</t></is>" % (space, escape_cell(text)), warning)


# Matches a shared text, an empty one too. They are counted, so none may be missed; their texts are read when asked for.
_ITEM = regex(rb"<si(?:\s[^>]*?)?(?:/>|>(.*?)</si>)", re.DOTALL)
_END = b"</si>"


class SharedStrings:
    """The shared strings of a workbook; `part` is None if it has none."""

    def __init__(self, draft: Draft, part: str | None) -> None:
        self._draft = draft
        self._part = part

    def texts(self, indexes: Collection[int]) -> dict[int, str]:
        """The strings at these indexes; one pass, none if there are no indexes."""
        if not indexes:
            return {}
        last = max(indexes)
        found: dict[int, str] = {}
        for index, item in enumerate(self._items()):
            if index in indexes:
                found[index] = rich_text(item)
            if index == last:
                break
        return found

    def such(self, wanted: Callable[[str], bool]) -> dict[int, str]:
        """The strings, stripped, that are `wanted`, by index; one pass."""
        texts = (rich_text(item).strip() for item in self._items())
        return {index: text for index, text in enumerate(texts) if wanted(text)}

    def _items(self) -> Iterator[bytes]:
        if self._part is None:
            return
        rest = b""
        for chunk in canonical(self._draft.chunks(self._part)):
            rest += chunk
            cut = rest.rfind(_END) + len(_END)
            if cut >= len(_END):
                yield from _ITEM.findall(rest[:cut])
                rest = rest[cut:]
        yield from _ITEM.findall(rest)
