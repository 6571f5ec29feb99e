"""Ranges that end with the last data row grow with it: rules, validations, filters, names, charts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.references import Reference, map_references
from cqs_sheets.destinations.excel.parts.refs import Area
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.parts.xmltext import escape, plain_part, unescape

_SQREF = re.compile(rb"""(\ssqref\s*=\s*["'])([^"']*)""")
_FILTER_REF = re.compile(
    rb"""(<(?:autoFilter|sortState|sortCondition)\s(?:[^>]*?\s)?ref\s*=\s*["'])([^"']*)"""
)
_EXTENSION = re.compile(
    rb"<(?:\w+:)?sparkline>.*?</(?:\w+:)?sparkline>|(<(?:\w+:)?sqref>)([^<]*)(?=</(?:\w+:)?sqref>)", re.DOTALL
)
_EXTENSION_FORMULA = re.compile(rb"(<(?:\w+:)?f>)([^<]*)(?=</(?:\w+:)?f>)")
_CHART_PART = re.compile(r"(?i)(?:^|/)charts?/(?:chart|chartex)[^/]*\.xml$")
_CHART_FORMULA = re.compile(rb"(<(?:\w+:)?f(?:\s[^>]*)?>)([^<]*)(?=</(?:\w+:)?f>)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Data of a sheet (`area`, header not included) that gets `rows` more rows at its end."""

    sheet: str
    area: Area
    rows: int

    def concerns(self, area: Area) -> bool:
        """Whether a range ends with the data, inside its columns, as a column's rule or series does."""
        inside = self.area.left <= area.left and area.right <= self.area.right
        tall = area.top < area.bottom or area.top == self.area.top
        return inside and tall and area.bottom == self.area.bottom

    def grown(self, area: Area) -> Area:
        """The range as it is after the growth."""
        return area.down_to(area.bottom + self.rows) if self.concerns(area) else area

    def formula(self, text: str, home: str, *, single: bool = True) -> str:
        """A formula of sheet `home` with its ranges grown; `single` cells too if they are all the data."""

        def rows(reference: Reference) -> tuple[int, int]:
            area = Area(reference.top, reference.left, reference.bottom, reference.right)
            ours = (reference.sheet or home).lower() == self.sheet.lower() and reference.left > 0
            if ours and self.concerns(area) and (single or area.top < area.bottom):
                return reference.top, reference.bottom + self.rows
            return reference.top, reference.bottom

        return map_references(text, rows)


def grow_tail(tail: bytes, growth: Growth) -> bytes:
    """What stands behind a sheet's rows: conditional formats, validations, filters, x14 extensions."""
    tail = _SQREF.sub(lambda match: match[1] + _grown_list(match[2], growth), tail)
    tail = _FILTER_REF.sub(lambda match: match[1] + _grown_list(match[2], growth), tail)
    return _EXTENSION.sub(lambda match: _grown_extension(match, growth), tail)


def _grown_extension(match: re.Match[bytes], growth: Growth) -> bytes:
    if match[1]:
        return match[1] + _grown_list(match[2], growth)
    return _map_formulas(match[0], _EXTENSION_FORMULA, lambda text: growth.formula(text, growth.sheet))


def _grown_list(sqref: bytes, growth: Growth) -> bytes:
    return b" ".join(_grown_range(each, growth) for each in sqref.split(b" "))


def _grown_range(written: bytes, growth: Growth) -> bytes:
    try:
        area = Area.parse(written.decode())
    except ValueError:
        return written
    return str(growth.grown(area)).encode() if growth.concerns(area) else written


def _map_formulas(xml: bytes, pattern: re.Pattern[bytes], change: Callable[[str], str]) -> bytes:
    def changed(match: re.Match[bytes]) -> bytes:
        before = unescape(match[2])
        after = change(before)
        return match[0] if after == before else match[1] + escape(after)

    return pattern.sub(changed, xml)


def grow_names(workbook: Workbook, growth: Growth) -> None:
    """Names of the user's, print areas and hidden filter ranges that end with the data."""
    workbook.map_names(lambda text, home: growth.formula(text, home, single=False))


def map_charts(draft: Draft, change: Callable[[str], str]) -> None:
    """Rewrite the references of every chart's series."""
    for name in draft.names:
        if not _CHART_PART.search(name):
            continue
        xml = plain_part(draft.read(name))
        changed = _map_formulas(xml, _CHART_FORMULA, change)
        if changed != xml:
            draft.put(name, changed)


def grow_charts(draft: Draft, growth: Growth) -> None:
    """Series that end with the data."""
    map_charts(draft, lambda text: growth.formula(text, ""))
