"""Results of the few formulas computed here: arithmetic on literals, a plain reference, a HYPERLINK's label."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable

from .cells import Cell, CellError, Result, number
from .errors import Refusal
from .model import Sheet, Spreadsheet
from .separators import is_misspelt

Evaluator = Callable[[Spreadsheet, Sheet, str], Result]

_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_DEPTH = 50
_LITERALS = re.compile(r"=[-+*/(). 0-9]+$")
_LINK = re.compile(r'=HYPERLINK\(\s*"(?:[^"]|"")*"\s*[,;]\s*"((?:[^"]|"")*)"\s*\)$', re.IGNORECASE)
_REFERENCE = re.compile(r"=((?:'(?:[^']|'')+'!|[A-Za-z_]\w*!)?\$?[A-Za-z]{1,3}\$?\d+)$")


def evaluate_trivial(book: Spreadsheet, sheet: Sheet, formula: str) -> Result:
    """The result, or None when it is beyond what is computed here."""
    return _evaluate(book, sheet, formula, _DEPTH)


def _evaluate(book: Spreadsheet, sheet: Sheet, formula: str, depth: int) -> Result:
    if is_misspelt(formula, book.properties["locale"]):
        return CellError("ERROR", "Formula parse error.")
    link = _LINK.match(formula)
    if link:
        return link[1].replace('""', '"')
    reference = _REFERENCE.match(formula)
    if reference:
        return _follow(book, sheet, reference[1].replace("$", ""), depth)
    if "#REF!" in formula:
        return CellError("REF", "Reference does not exist")
    return _computed(formula[1:].strip()) if _LITERALS.match(formula) else None


def _computed(expression: str) -> Result:
    try:
        return number(_arithmetic(ast.parse(expression, mode="eval").body))
    except ZeroDivisionError:
        return CellError("DIVIDE_BY_ZERO", "Function DIVIDE parameter 2 cannot be zero.")
    except (SyntaxError, ValueError):
        return None


def _follow(book: Spreadsheet, sheet: Sheet, text: str, depth: int) -> Result:
    if depth == 0:
        return CellError("REF", "Circular dependency detected.")
    try:
        target, bounds = (sheet, book.resolve(text)[1]) if "!" not in text else book.resolve(text)
    except Refusal:
        return CellError("REF", "Unresolved sheet name.")
    cell = target.grid.cell(bounds.top or 0, bounds.left or 0)
    return cell.value if cell.formula is None else _evaluate(book, target, cell.formula, depth - 1)


def _arithmetic(node: ast.expr) -> float:
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_arithmetic(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        return _OPERATORS[type(node.op)](_arithmetic(node.left), _arithmetic(node.right))
    raise ValueError(ast.dump(node))


def effective(book: Spreadsheet, sheet: Sheet, cell: Cell, evaluator: Evaluator) -> Result:
    """What the cell shows before formatting."""
    return cell.value if cell.formula is None else evaluator(book, sheet, cell.formula)
