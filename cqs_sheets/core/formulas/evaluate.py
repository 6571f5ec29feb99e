"""A formula's tree worked out against the cells of a workbook."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from typing import Protocol

from cqs_sheets.core.formulas import values
from cqs_sheets.core.formulas.parse import OWN_ROW, Area, Call, Literal, Name, Node, TableColumn
from cqs_sheets.core.formulas.values import FormulaError, Held, Unknowable, Value, number
from cqs_sheets.core.grid import Span

_WILD = "*?~"


class Cells(Protocol):
    """A workbook as formulas see it. What it does not know is Unknowable."""

    def held(self, sheet: str, row: int, column: int) -> Held:
        """What a cell holds, or shows if it is a formula's."""
        ...

    def column(self, area: Area) -> Sequence[Held]:
        """The cells of an area one column wide, from its top."""
        ...

    def area(self, node: TableColumn | Name, sheet: str, row: int) -> Area:
        """The cells that a name or a table's column stands for, in a formula in that row."""
        ...


class Evaluator:
    """Works out formulas over cells that stay as they are meanwhile."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self.held = cells.held
        self._masks: dict[tuple[Area, Value], int] = {}
        self._sorted: dict[Area, list[float]] = {}
        self._found: dict[Area, dict[tuple[int, float | str], int]] = {}

    def value(self, node: Node, sheet: str, row: int) -> Value:
        """What a formula in a row of a sheet shows. Raises FormulaError or Unknowable."""
        return _Place(self, sheet, row).value(node)

    def values(self, area: Area) -> list[Value]:
        """The values of a column. Where one of them is not known, or an error, nothing is."""
        try:
            return [values.plain(held) for held in self._cells.column(area)]
        except FormulaError as error:
            raise Unknowable from error

    def one(self, area: Area) -> Value:
        """The value of a single cell."""
        if not area.span.single:
            raise Unknowable("a whole column where one value belongs")
        return values.plain(self.held(area.sheet, area.span.top, area.span.left))

    def area(self, node: TableColumn | Name, sheet: str, row: int) -> Area:
        """The cells that it stands for."""
        return self._cells.area(node, sheet, row)

    def mask(self, area: Area, wanted: Value) -> int:
        """The rows of a column that a criterion means, a bit each."""
        found = self._masks.get((area, wanted))
        if found is None:
            test = values.criterion(wanted)
            bits = "".join("1" if test(held) else "0" for held in reversed(self.values(area)))
            found = self._masks[area, wanted] = int(bits, 2)
        return found

    def numbers(self, area: Area) -> list[float]:
        """The numbers of a column, the largest first."""
        if area not in self._sorted:
            held = (value for value in self.values(area) if isinstance(value, float))
            self._sorted[area] = sorted(held, reverse=True)
        return self._sorted[area]

    def position(self, area: Area, wanted: Value) -> int:
        """Where a value stands first in a column, counted from 1."""
        if area not in self._found:
            first: dict[tuple[int, float | str], int] = {}
            for at, held in enumerate(self.values(area), start=1):
                if held is not None:
                    first.setdefault(values.ranked(held, held), at)
            self._found[area] = first
        if wanted is None or (isinstance(wanted, str) and any(character in _WILD for character in wanted)):
            raise Unknowable(wanted)
        found = self._found[area].get(values.ranked(wanted, wanted))
        if found is None:
            raise FormulaError("#N/A")
        return found


class _Place:
    """A formula's sheet and row."""

    def __init__(self, evaluator: Evaluator, sheet: str, row: int) -> None:
        self._all = evaluator
        self._sheet, self._row = sheet, row

    def value(self, node: Node) -> Value:
        if isinstance(node, Literal):
            return node.value
        if not isinstance(node, Call):
            return self._cell(node)
        function, arguments = node
        if (lazy := _LAZY.get(function)) is not None:
            return lazy(self, arguments)
        if (eager := values.FUNCTIONS.get(function)) is not None:
            try:
                return eager([self.value(each) for each in arguments])
            except (IndexError, ValueError) as error:
                raise Unknowable(function) from error
        if (compared := values.COMPARED.get(function)) is not None and len(arguments) == 2:  # noqa: PLR2004
            left, right = map(self.value, arguments)
            return compared(values.ranked(left, right), values.ranked(right, left))
        raise Unknowable(function)

    def _cell(self, node: Area | TableColumn | Name) -> Value:
        if isinstance(node, Area) and node.span.top == OWN_ROW:  # as nearly all
            return values.plain(self._all.held(node.sheet or self._sheet, self._row, node.span.left))
        return self._all.one(self._area(node))

    def _area(self, node: Node) -> Area:
        if isinstance(node, Area):
            span = node.span
            if span.top == OWN_ROW:
                span = Span(self._row, span.left, self._row, span.left)
            return Area(node.sheet or self._sheet, span)
        if isinstance(node, TableColumn | Name):
            return self._all.area(node, self._sheet, self._row)
        if isinstance(node, Call) and node.function == "INDEX" and len(node.arguments) == 2:  # noqa: PLR2004
            return self._indexed(node)
        raise Unknowable("a value where cells belong")

    def _indexed(self, node: Call) -> Area:
        area, at = self._area(node.arguments[0]), int(number(self.value(node.arguments[1])))
        if area.span.left != area.span.right or at < 1:
            raise Unknowable("INDEX")
        row = area.span.top + at - 1
        if row > area.span.bottom:
            raise FormulaError("#REF!")
        return Area(area.sheet, Span(row, area.span.left, row, area.span.left))

    def joined(self, arguments: Sequence[Node]) -> Value:
        return "".join(values.text(self.value(each)) for each in arguments)

    def if_(self, arguments: Sequence[Node]) -> Value:
        if values.truth(self.value(arguments[0])):
            return self.value(arguments[1])
        return self.value(arguments[2]) if len(arguments) > 2 else False  # noqa: PLR2004

    def iferror(self, arguments: Sequence[Node]) -> Value:
        try:
            return self.value(arguments[0])
        except FormulaError:
            return self.value(arguments[1])

    def iserror(self, arguments: Sequence[Node]) -> Value:
        try:
            self.value(arguments[0])
        except FormulaError:
            return True
        return False

    def and_(self, arguments: Sequence[Node]) -> Value:
        return all([values.truth(self.value(each)) for each in arguments])  # noqa: C419 - an error counts wherever it stands

    def or_(self, arguments: Sequence[Node]) -> Value:
        return any([values.truth(self.value(each)) for each in arguments])  # noqa: C419

    def row(self, arguments: Sequence[Node]) -> Value:
        return float(self._area(arguments[0]).span.top if arguments else self._row)

    def index(self, arguments: Sequence[Node]) -> Value:
        return self._all.one(self._area(Call("INDEX", tuple(arguments))))

    def numbers(self, arguments: Sequence[Node]) -> list[float]:
        """All numbers among the arguments: of cells only those that are numbers count."""
        found: list[float] = []
        for each in arguments:
            if isinstance(each, Area | TableColumn | Name):
                found += [held for held in self._all.values(self._area(each)) if isinstance(held, float)]
            else:
                found.append(number(self.value(each)))
        return found

    def mask(self, arguments: Sequence[Node]) -> int:
        pairs = zip(arguments[::2], arguments[1::2], strict=True)
        return reduce(
            operator.and_, (self._all.mask(self._area(area), self.value(wanted)) for area, wanted in pairs)
        )

    def count(self, arguments: Sequence[Node]) -> Value:
        return float(self.mask(arguments).bit_count())

    def picked(self, arguments: Sequence[Node]) -> list[float]:
        """The numbers of a column in the rows that the criteria mean."""
        mask = self.mask(arguments[1:])
        held = enumerate(self._all.values(self._area(arguments[0])))
        return [value for at, value in held if mask >> at & 1 and isinstance(value, float)]

    def average(self, arguments: Sequence[Node]) -> Value:
        return values.arithmetic("/", math.fsum(found := self.picked(arguments)), len(found))

    def largest(self, arguments: Sequence[Node], *, smallest: bool = False) -> Value:
        numbers, at = self._all.numbers(self._area(arguments[0])), int(number(self.value(arguments[1])))
        if not 1 <= at <= len(numbers):
            raise FormulaError("#NUM!")
        return numbers[-at if smallest else at - 1]

    def match(self, arguments: Sequence[Node]) -> Value:
        if number(self.value(arguments[2])) != 0:
            raise Unknowable("MATCH")
        return float(self._all.position(self._area(arguments[1]), self.value(arguments[0])))

    def rank(self, arguments: Sequence[Node]) -> Value:
        wanted, numbers = number(self.value(arguments[0])), self._all.numbers(self._area(arguments[1]))
        if wanted not in numbers:
            raise FormulaError("#N/A")
        rising = len(arguments) > 2 and number(self.value(arguments[2])) != 0  # noqa: PLR2004
        return float(1 + sum(held < wanted if rising else held > wanted for held in numbers))


def _arithmetic(sign: str, place: _Place, arguments: Sequence[Node]) -> Value:
    one, other = arguments
    return values.arithmetic(sign, number(place.value(one)), number(place.value(other)))


_LAZY: Mapping[str, Callable[[_Place, Sequence[Node]], Value]] = {
    **{sign: partial(_arithmetic, sign) for sign in "+-*/^"},
    "&": _Place.joined,
    "AND": _Place.and_,
    "AVERAGEIFS": _Place.average,
    "COUNTIFS": _Place.count,
    "IF": _Place.if_,
    "IFERROR": _Place.iferror,
    "INDEX": _Place.index,
    "ISERROR": _Place.iserror,
    "LARGE": _Place.largest,
    "MATCH": _Place.match,
    "MAX": lambda place, given: max(place.numbers(given), default=0.0),
    "MIN": lambda place, given: min(place.numbers(given), default=0.0),
    "OR": _Place.or_,
    "RANK": _Place.rank,
    "ROW": _Place.row,
    "SMALL": partial(_Place.largest, smallest=True),
    "SUM": lambda place, given: math.fsum(place.numbers(given)),
    "SUMIFS": lambda place, given: math.fsum(place.picked(given)),
    "SUMSQ": lambda place, given: math.fsum(held * held for held in place.numbers(given)),
    "neg": lambda place, given: -number(place.value(given[0])),
    "%": lambda place, given: number(place.value(given[0])) / 100,
}
"""What looks at its arguments by itself."""
