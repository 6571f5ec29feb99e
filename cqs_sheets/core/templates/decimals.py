"""How many decimals the numbers of one row are shown with: those of its own prices, whatever their magnitude.

A format of a template says with `decimals` what its numbers are: "price" (all prices of a row alike, as many as the
finest of them has), "derived" (what is computed from prices: as fine as the row's prices, and with five digits at
least) or "size" (a number of coins, to the hundredth of what one unit of the quote buys).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

from cqs_sheets.core.cells import CellValue, rounded
from cqs_sheets.core.templates.template import CellFormat, Column, TableTab

_MOST = 30  # decimals that a number format can have
_LEAST = 2  # that a price is shown with
_SHOWN = 20  # decimals of a price that are shown if they are there, whatever its row needs
_DERIVED_DIGITS = 5
_SIZE_DIGITS = 2  # behind the magnitude of the price
_OURS = re.compile(r"0(?:\.0+#*)?")


def row_patterns(tab: TableTab, values: Mapping[str, CellValue]) -> dict[str, str]:
    """The number formats that a row of these values needs, by column id; none where it has no price."""
    columns = [column for column in tab.columns if column.format.decimals]
    prices = [rounded(value) for column in columns if isinstance(value := _price(column, values), Decimal)]
    if not prices:
        return {}
    tick = max(_LEAST, *map(_places, prices))
    return {column.id: _pattern(column, values, tick, prices) for column in columns}


def is_ours(pattern: str, format_: CellFormat) -> bool:
    """Whether a cell's number format may be replaced: it is the template's own, or one that rows are given."""
    return pattern in ("General", format_.pattern) or _OURS.fullmatch(pattern) is not None


def _price(column: Column, values: Mapping[str, CellValue]) -> CellValue:
    value = values.get(column.id)
    return value if column.format.decimals == "price" and value else None


def _pattern(column: Column, values: Mapping[str, CellValue], tick: int, prices: list[Decimal]) -> str:
    kind, value = column.format.decimals, values.get(column.id)
    if kind == "size":
        decimals = max(0, _SIZE_DIGITS + max(prices).adjusted())
        return "0." + "0" * min(decimals, _MOST) if decimals else "0"
    if kind == "derived" and not isinstance(
        value, Decimal
    ):  # a formula's: it has more digits than it is sure of
        return "0." + "0" * min(max(tick, _DERIVED_DIGITS - 1 - min(prices).adjusted()), _MOST)
    return "0." + "0" * min(tick, _MOST) + "#" * (_SHOWN - tick)


def _places(number: Decimal) -> int:
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
