"""Formulas and ranges outside of cells: found in the parts that hold them, and rewritten where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable

from cqs_sheets.destinations.excel.parts import opc
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.workbook import Sheet, Workbook
from cqs_sheets.destinations.excel.parts.xmltext import canonical, escape, plain_part, unescape

FormulaChange = Callable[[str, str], str]
"""From a formula and the sheet it belongs to ("" for none) to what it shall be."""

# Each pattern goes over XML of any program, prefixed or not, attributes in any order; group 1 stands before the
# formula, group 2 is it. A parser would write the whole part anew; so all that is not meant keeps its bytes.
#
# Matches the formulas of rules, validations and sparklines, and whatever else calls a formula `f`.
RULE_FORMULA = re.compile(
    rb"(<(?:\w+:)?(?:f|formula[12]?)(?:\s[^>]*)?>)([^<]*)(?=</(?:\w+:)?(?:f|formula[12]?)>)"
)
_CHART_PART = re.compile(r"(?i)(?:^|/)charts?/(?:chart|chartex)[^/]*\.xml$")
_CHART_FORMULA = re.compile(rb"(<(?:\w+:)?f(?:\s[^>]*)?>)([^<]*)(?=</(?:\w+:)?f>)")
# Matches what fills a table's column and its totals; what a text box shows; what controls are linked to, in both
# places that Excel keeps them.
_PART_FORMULAS = {
    "table": (
        re.compile(rb"(<(?:\w+:)?(?:calculatedColumnFormula|totalsRowFormula)(?:\s[^>]*)?>)([^<]*)(?=</)"),
    ),
    "drawing": (re.compile(rb"""(\stextlink\s*=\s*["'])([^"']*)"""),),
    "ctrlProp": (re.compile(rb"""(\sfmla(?:Link|Range|Txbx|Group)\s*=\s*["'])([^"']*)"""),),
    "vmlDrawing": (re.compile(rb"(<(?:\w+:)?Fmla(?:Link|Range|Txbx|Group|Pict)(?:\s[^>]*)?>)([^<]*)(?=</)"),),
}


def map_formulas(xml: bytes, pattern: re.Pattern[bytes], change: Callable[[str], str]) -> bytes:
    """Rewrite the formulas that a pattern finds (group 1 before, group 2 the formula)."""

    def changed(match: re.Match[bytes]) -> bytes:
        before = unescape(match[2])
        after = change(before)
        return match[0] if after == before else match[1] + escape(after).replace(b'"', b"&quot;")

    return pattern.sub(changed, xml)


def map_text(xml: bytes, pattern: re.Pattern[bytes], change: Callable[[str], str]) -> bytes:
    """The same for ranges, which have no entities; bytes that are no UTF-8 stay what they are."""

    def changed(match: re.Match[bytes]) -> bytes:
        after = change(match[2].decode("utf-8", "surrogateescape"))
        return match[1] + after.encode("utf-8", "surrogateescape")

    return pattern.sub(changed, xml)


def edit_part(draft: Draft, part: str, change: Callable[[bytes], bytes]) -> None:
    """Put a part into the draft as changed, if it is there and has changed."""
    if part in draft:
        before = plain_part(draft.read(part))
        after = change(before)
        if after != before:
            draft.put(part, after)


def map_charts(draft: Draft, change: Callable[[str], str]) -> None:
    """Rewrite the references of every chart's series."""
    for name in draft.names:
        if _CHART_PART.search(name):
            edit_part(draft, name, lambda xml: map_formulas(xml, _CHART_FORMULA, change))


def map_linked_formulas(draft: Draft, workbook: Workbook, change: FormulaChange) -> None:
    """Rewrite the formulas in the parts that sheets link to: tables, text boxes, form controls."""
    for sheet in workbook.sheets:
        for link in opc.relationships(draft, sheet.part):
            for pattern in _PART_FORMULAS.get(link.kind, ()) if not link.external else ():
                edit_part(draft, link.target, _with(pattern, change, sheet.name))


def _with(pattern: re.Pattern[bytes], change: FormulaChange, home: str) -> Callable[[bytes], bytes]:
    return lambda xml: map_formulas(xml, pattern, lambda formula: change(formula, home))


def mentions(draft: Draft, other: Sheet, title: str) -> bool:
    """Whether a sheet's part says another sheet's title at all."""
    name = escape(title.replace("'", "''")).lower()
    rest = b""
    for chunk in canonical(draft.chunks(other.part)):
        if name in (rest + chunk).lower():
            return True
        rest = chunk[-len(name) :]
    return False
