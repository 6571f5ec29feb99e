"""CellData: a cell read through a field mask, and changed through one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from .cells import Cell, Stored, from_extended, to_extended, unpack, with_style_pairs
from .errors import Json
from .evaluate import Evaluator, effective
from .masks import Mask, below, merged, project, wants
from .model import Sheet, Spreadsheet
from .rendering import render
from .themes import DEFAULT_FORMAT

_EXTRA = ("textFormatRuns", "pivotTable", "chipRuns", "dataSourceTable", "dataSourceFormula")


def changed_cell(old: Cell, data: Json, mask: Mask) -> Cell:
    """The cell after an update: masked fields as in `data`, cleared where it lacks them."""
    new = old
    for name, child in mask.items():
        if name == "userEnteredValue":
            value, formula = from_extended(data.get(name) or {})
            new = replace(new, value=value, formula=formula)
        elif name == "userEnteredFormat":
            new = replace(new, format=_changed_format(new.format, data.get(name), child))
        elif name == "note":
            new = replace(new, note=data.get(name) or None)
        elif name == "dataValidation":
            new = replace(new, validation=data.get(name) or None)
        elif name in _EXTRA:
            extra = {key: item for key, item in {**(new.extra or {}), name: data.get(name)}.items() if item}
            new = replace(new, extra=extra or None)
    return new


def _changed_format(old: Json | None, given: Json | None, mask: Mask) -> Json | None:
    given = with_style_pairs(given or {})
    if not mask:
        return given or None
    widened = {**mask, **{_twin(name): child for name, child in mask.items() if _twin(name)}}
    return _without_empty(merged(old or {}, given, widened)) or None


def _twin(name: str) -> str:
    if name.endswith("ColorStyle"):
        return name.removesuffix("Style")
    return f"{name}Style" if name.endswith("Color") else ""


def _without_empty(style: Json) -> Json:
    return {key: item for key, item in style.items() if item != {} or key.endswith("Color")}


@dataclass(slots=True)
class CellReader:
    """Builds CellData of one tab with the masked fields only."""

    book: Spreadsheet
    sheet: Sheet
    mask: Mask
    evaluator: Evaluator

    def row_reader(self) -> Callable[[list[Stored]], list[Json]]:
        """Cells of one row -> their CellData, as fast as the mask allows."""
        if set(self.mask) <= {"userEnteredValue"} and self.mask and not self.mask["userEnteredValue"]:
            return lambda cells: [_entered_only(stored) for stored in cells]
        return lambda cells: [{} if stored is None else self._read(unpack(stored)) for stored in cells]

    def _read(self, cell: Cell) -> Json:
        data: Json = {}
        entered = {"formulaValue": cell.formula} if cell.formula is not None else to_extended(cell.value)
        self._add(data, "userEnteredValue", entered)
        if any(wants(self.mask, name) for name in ("effectiveValue", "formattedValue")):
            result = effective(self.book, self.sheet, cell, self.evaluator)
            self._add(data, "effectiveValue", to_extended(result))
            pattern = (cell.format or {}).get("numberFormat")
            self._add(data, "formattedValue", render(result, pattern, self.book.properties["locale"]) or None)
        self._add(data, "userEnteredFormat", cell.format)
        if wants(self.mask, "effectiveFormat") and (cell.has_content or cell.format):
            self._add(data, "effectiveFormat", {**DEFAULT_FORMAT, **(cell.format or {})})
        self._add(data, "note", cell.note)
        self._add(data, "dataValidation", cell.validation)
        for name, item in (cell.extra or {}).items():
            self._add(data, name, item)
        return data

    def _add(self, data: Json, name: str, item: Any) -> None:
        if item is not None and wants(self.mask, name):
            data[name] = project(item, below(self.mask, name))


def _entered_only(stored: Stored) -> Json:
    if stored is None:
        return {}
    if isinstance(stored, str):
        return {"userEnteredValue": {"stringValue": stored}}
    cell = unpack(stored)
    value = {"formulaValue": cell.formula} if cell.formula is not None else to_extended(cell.value)
    return {} if value is None else {"userEnteredValue": value}
