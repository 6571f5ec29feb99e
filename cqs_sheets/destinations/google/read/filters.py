"""A tab's filter as Google describes it, kept right while rows and columns are inserted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

FILTER = "basicFilter(range,filterSpecs,tableId)"


def hiding(given: Mapping[str, Any]) -> Json | None:
    """The filter if it hides rows by itself, to be set anew; one that belongs to a table cannot be."""
    if not given.get("filterSpecs") or given.get("tableId"):
        return None
    return {"range": given.get("range", {}), "filterSpecs": given["filterSpecs"]}


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
