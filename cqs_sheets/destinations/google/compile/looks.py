"""How the cells of a page look, as few requests: one for each rectangle of cells that look alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.pages import PageCell
from cqs_sheets.destinations.google.compile.styles import Look, border, number_format, placed

Json = dict[str, Any]
T = TypeVar("T")


def grid_range(sheet_id: int, span: Span) -> Json:
    """A span as GridRange."""
    return {
        "sheetId": sheet_id,
        "startRowIndex": span.top - 1,
        "endRowIndex": span.bottom,
        "startColumnIndex": span.left - 1,
        "endColumnIndex": span.right,
    }


def compile_looks(cells: Mapping[tuple[int, int], PageCell], look: Look, sheet_id: int) -> Iterator[Json]:
    """The requests that give the cells their looks and number formats."""
    bare = {at: PageCell(format=cell.format, look=cell.look) for at, cell in cells.items()}
    for span, cell in rectangles(bare):
        change = {
            "range": grid_range(sheet_id, span),
            "cell": {"userEnteredFormat": _style(cell, look)},
            "fields": "userEnteredFormat",
        }
        yield {"repeatCell": change}


def rectangles(cells: Mapping[tuple[int, int], T]) -> Iterator[tuple[Span, T]]:
    """Every cell (row, column) in one rectangle of equals: neighbours in a row, then equal rows below each other."""
    open_: dict[tuple[int, int], tuple[Span, T]] = {}
    for run, item in _runs(cells):
        above = open_.get((run.left, run.right))
        if above and above[0].bottom == run.top - 1 and above[1] == item:
            open_[run.left, run.right] = replace(above[0], bottom=run.top), item
            continue
        if above:
            yield above
        open_[run.left, run.right] = run, item
    yield from open_.values()


def _runs(cells: Mapping[tuple[int, int], T]) -> Iterator[tuple[Span, T]]:
    run: tuple[Span, T] | None = None
    for (row, column), item in sorted(cells.items(), key=lambda each: each[0]):
        if run and (run[0].top, run[0].right + 1, run[1]) == (row, column, item):
            run = replace(run[0], right=column), item
            continue
        if run:
            yield run
        run = Span(row, column, row, column), item
    if run:
        yield run


def _style(cell: PageCell, look: Look) -> Json:
    """A cell's look as CellFormat."""
    shown = cell.look
    style: Json = {
        "verticalAlignment": "MIDDLE",
        "textFormat": look.text(shown.text, bold=shown.bold, smaller=-shown.bigger),
        **placed(shown.align, indent=shown.indent),
        **number_format(cell.format),
    }
    if shown.fill:
        style["backgroundColorStyle"] = look.color(shown.fill)
    lines = {"left": shown.left, "bottom": shown.bottom}
    borders = {side: border(look.color(line.color), line.weight) for side, line in lines.items() if line}
    return style | ({"borders": borders} if borders else {})
