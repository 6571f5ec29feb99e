"""A tab's filter as Google describes it, kept right while rows and columns are inserted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

FILTER = "basicFilter(range,filterSpecs,tableId)"


def settable(given: Mapping[str, Any]) -> Json | None:
    """The filter as it can be set anew; one that belongs to a table cannot be."""
    if not given or given.get("tableId"):
        return None
    return {"range": given.get("range", {}), "filterSpecs": given.get("filterSpecs", [])}


def hides(given: Json | None) -> bool:
    """Whether a filter hides rows by itself."""
    return given is not None and bool(given["filterSpecs"])


def shifted(given: Json | None, axis: str, index: int, many: int) -> Json | None:
    """The same once `many` rows ("Row") or columns ("Column") were inserted at `index`."""
    if given is None:
        return None
    start, end = f"start{axis}Index", f"end{axis}Index"
    span = {
        edge: value + many * (edge in (start, end) and value >= index + (edge == end))
        for edge, value in given["range"].items()
    }
    specs = given["filterSpecs"]
    if axis == "Column":
        specs = [
            spec | {"columnIndex": spec["columnIndex"] + many}
            if spec.get("columnIndex", 0) >= index
            else spec
            for spec in specs
        ]
    return {"range": span, "filterSpecs": specs}


def widened(given: Json | None, index: int, many: int) -> Json | None:
    """The same once `many` columns were inserted at `index`, which belong to it if it ended there."""
    moved = shifted(given, "Column", index, many)
    if moved and moved["range"].get("endColumnIndex") == index:
        moved = {**moved, "range": {**moved["range"], "endColumnIndex": index + many}}
    return moved
