"""What one cell holds, and how typed values cross the wire."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .errors import Json, Refusal

MAX_CHARACTERS = 50_000


@dataclass(frozen=True, slots=True)
class CellError:
    """An error value; `kind` is Google's ErrorType (REF, NAME, VALUE, …)."""

    kind: str
    text: str

    @property
    def shown(self) -> str:
        return {"N_A": "#N/A", "DIVIDE_BY_ZERO": "#DIV/0!", "REF": "#REF!", "NAME": "#NAME?"}.get(
            self.kind, f"#{self.kind}!"
        )


Scalar = str | int | float | bool
Result = Scalar | CellError | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A constant or a formula, with what is attached to it; everything None is an empty cell."""

    value: Scalar | None = None
    formula: str | None = None
    format: Json | None = None
    note: str | None = None
    validation: Json | None = None
    extra: Json | None = None

    @property
    def has_content(self) -> bool:
        return self.value is not None or self.formula is not None

    def bare(self) -> Cell:
        """The same cell without its value."""
        return replace(self, value=None, formula=None)


EMPTY = Cell()
Stored = Cell | Scalar | None


def unpack(stored: Stored) -> Cell:
    if stored is None:
        return EMPTY
    return stored if isinstance(stored, Cell) else Cell(stored)


def pack(cell: Cell) -> Stored:
    """A plain constant is kept as itself: 4,000,000 of them must fit in memory."""
    plain = cell.format is None and cell.note is None and cell.validation is None and cell.extra is None
    return cell.value if plain and cell.formula is None else cell


def number(value: float) -> int | float:
    """As a double holds it: 17-digit ids lose their last digits here, as they do in a sheet."""
    double = float(value)
    return int(double) if double.is_integer() and abs(double) < 1e21 else double


def from_extended(given: Json) -> tuple[Scalar | None, str | None]:
    """ExtendedValue -> (constant, formula)."""
    if "numberValue" in given:
        return number(given["numberValue"]), None
    if "boolValue" in given:
        return bool(given["boolValue"]), None
    if "formulaValue" in given:
        return None, checked_formula(given["formulaValue"])
    if "stringValue" in given:
        return checked_text(given["stringValue"]) or None, None
    return None, None


def to_extended(value: Result) -> Json | None:
    """A constant or result as ExtendedValue; None for an empty cell."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int | float):
        return {"numberValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, CellError):
        return {"errorValue": {"type": value.kind, "message": value.text}}
    return None


def checked_text(text: str) -> str:
    if len(text) > MAX_CHARACTERS:
        raise Refusal(
            f"Your input contains more than the maximum of {MAX_CHARACTERS} characters in a single cell."
        )
    return text


def checked_formula(text: str) -> str:
    if not text.startswith("="):
        raise Refusal(f"Invalid value: {text!r}. A formulaValue must start with '='.")
    return checked_text(text)


def with_style_pairs(style: Json) -> Json:
    """Each colour under both of its names, `xColor` and `xColorStyle`, as the service stores it."""
    result: Json = {key: _paired_inside(key, item) for key, item in style.items()}
    for key in [key for key in result if _is_color(key, result[key])]:
        result.setdefault(f"{key}Style", {"rgbColor": result[key]})
    for key in [key for key in result if key.lower().endswith("colorstyle")]:
        rgb = result[key].get("rgbColor")
        if rgb is not None:
            result[key.removesuffix("Style")] = _visible(rgb)
            result[key] = {"rgbColor": _visible(rgb)}
    return result


def _paired_inside(key: str, item: Any) -> Any:
    if isinstance(item, list):
        return [_paired_inside(key, one) for one in item]
    return with_style_pairs(item) if isinstance(item, dict) and key != "rgbColor" else item


def _is_color(key: str, item: Any) -> bool:
    return isinstance(item, dict) and key.lower().endswith("color") and key != "rgbColor"


def _visible(color: Json) -> Json:
    return {part: share for part, share in color.items() if share}
