"""How many decimals the numbers of one row are shown with: those of its own prices, whatever their magnitude.

A format of a template says with `decimals` what its numbers are: "price" (all prices of a row alike, as many as the
finest of them has), "derived" (what is computed from prices: as fine as the row's prices, and with five digits at
least) or "size" (a number of coins, to the hundredth of what one unit of the quote buys).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from cqs_sheets.core.cells import CellValue, rounded
from cqs_sheets.core.templates.template import CellFormat, TableTab
from cqs_sheets.patterns import regex

_MOST = 30  # decimals that a number format can have
_LEAST = 2  # that a price is shown with
_SHOWN = 20  # decimals of a price that are shown if they are there, whatever its row needs
_DERIVED_DIGITS = 5
_SIZE_DIGITS = 2  # behind the magnitude of the price
_OURS = regex(r"0(?:\.0+#*)?")


class RowPatterns:
    """The number formats that rows of a tab need; rows that need the same ones get the very same mapping."""

    def __init__(self, tab: TableTab) -> None:
        self._columns = [column for column in tab.columns if column.format.decimals]
        priced = [column.id for column in self._columns if column.format.decimals == "price"]
        self._derived = [column.id for column in self._columns if column.format.decimals == "derived"]
        self._priced = len(priced)
        self.columns = (*priced, *self._derived)
        self._found: dict[tuple[object, ...], Mapping[str, str]] = {}

    def of(self, rows: Iterable[Sequence[CellValue]]) -> list[Mapping[str, str]]:
        """Those of some rows, by column id, none where a row has no price; of each row the values of `columns`."""
        return [*map(self._needed, rows)]

    def _needed(self, held: Sequence[CellValue]) -> Mapping[str, str]:
        prices = [rounded(value) for value in held[: self._priced] if isinstance(value, Decimal) and value]
        if not prices:
            return _NONE
        tick = max(_LEAST, *map(_places, prices))
        computed = [isinstance(value, Decimal) for value in held[self._priced :]]
        low, high = min(prices).adjusted(), max(prices).adjusted()
        key = (tick, low, high, *computed)
        if key not in self._found:
            sure = dict(zip(self._derived, computed, strict=True))
            self._found[key] = {
                column.id: _pattern(column.format.decimals, tick, low, high, sure=sure.get(column.id, True))
                for column in self._columns
            }
        return self._found[key]


_NONE: Mapping[str, str] = MappingProxyType({})


def is_ours(pattern: str, format_: CellFormat) -> bool:
    """Whether a cell's number format may be replaced: it is the template's own, or one that rows are given."""
    return pattern in ("General", format_.pattern) or _OURS.fullmatch(pattern) is not None


def _pattern(kind: str, tick: int, low: int, high: int, *, sure: bool) -> str:
    """`low` and `high` are the magnitudes of the row's prices; what is not `sure` is a formula's, with more digits."""
    if kind == "size":
        decimals = max(0, _SIZE_DIGITS + high)
        return "0." + "0" * min(decimals, _MOST) if decimals else "0"
    if not sure:
        return "0." + "0" * min(max(tick, _DERIVED_DIGITS - 1 - low), _MOST)
    return "0." + "0" * min(tick, _MOST) + "#" * (_SHOWN - tick)


def _places(number: Decimal) -> int:
    text = str(number)
    text = format(number, "f") if "E" in text else text
    return len(text.rstrip("0")) - text.index(".") - 1 if "." in text else 0
