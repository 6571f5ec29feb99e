"""What Google's documents say a chart may be, checked before one is kept."""

from __future__ import annotations

from collections.abc import Iterator

from tests.emulators.sheets.errors import ApiError, Json, Refusal
from tests.emulators.sheets.model import Spreadsheet

_KINDS = (
    "basicChart",
    "pieChart",
    "bubbleChart",
    "candlestickChart",
    "histogramChart",
    "orgChart",
    "waterfallChart",
    "treemapChart",
    "scorecardChart",
)
_LINED = ("AREA", "LINE", "SCATTER", "COMBO")
_STACKABLE = ("AREA", "BAR", "COLUMN", "COMBO", "STEPPED_AREA")


def check_spec(book: Spreadsheet, spec: Json) -> None:
    """Raises Refusal; a basic chart without domains and series ends in a 500, as the real one does."""
    if not any(kind in spec for kind in _KINDS):
        raise Refusal(
            "One of basicChart, pieChart, bubbleChart, candelstickChart, histogramChart, or orgChart must be set "
            "on chartSpec."
        )
    for name in ("titleTextFormat", "subtitleTextFormat"):
        if {"strikethrough", "underline", "link"} & spec.get(name, {}).keys():
            raise Refusal(f"{name} does not support strikethrough, underline and link.")
    basic = spec.get("basicChart")
    if basic is None:
        return
    if not (basic.get("domains") or basic.get("series")):
        raise ApiError(500, "Internal error encountered.")
    _check_series(basic)
    _check_sources(book, basic)


def _check_series(basic: Json) -> None:
    kind = basic.get("chartType", "")
    minor = ("BOTTOM_AXIS",) if kind == "BAR" else ("LEFT_AXIS", "RIGHT_AXIS")
    for series in basic.get("series", []):
        if series.get("targetAxis", minor[0]) not in minor:
            raise Refusal(f"{series['targetAxis']} is not a valid minor axis for a {kind} chart.")
        if "lineStyle" in series and kind not in _LINED:
            raise Refusal(f"A lineStyle is not valid in a {kind} chart.")
    if basic.get("stackedType", "NOT_STACKED") != "NOT_STACKED" and kind not in _STACKABLE:
        raise Refusal(f"A {kind} chart does not support stacking.")
    positions = [axis.get("position") for axis in basic.get("axis", [])]
    if len(set(positions)) < len(positions):
        raise Refusal("A chart may not have more than one axis per axis position.")
    if len(basic.get("domains", [])) > 1:
        raise Refusal("Only a single domain is supported.")


def _check_sources(book: Spreadsheet, basic: Json) -> None:
    """Each one column or row, all along the same way, and as many for the domain as for each series."""
    data = [*(each.get("domain", {}) for each in basic.get("domains", []))]
    data += [each.get("series", {}) for each in basic.get("series", [])]
    given = [each["sourceRange"].get("sources", []) for each in data if "sourceRange" in each]
    shapes = {frozenset(_thin(book, sources)) for sources in given}
    if frozenset() in shapes or not frozenset.intersection(*shapes):
        raise Refusal("ChartSourceRange ranges require all rows or all columns to have length of 1")
    if len({len(sources) for sources in given}) > 1:
        raise Refusal("The domain and all series must have the same number of source ranges.")


def _thin(book: Spreadsheet, sources: list[Json]) -> Iterator[str]:
    """The directions in which all these ranges have a length of 1."""
    boxes = [book.grid_range(source)[1] for source in sources]
    if boxes and all(box.height == 1 for box in boxes):
        yield "rows"
    if boxes and all(box.width == 1 for box in boxes):
        yield "columns"
