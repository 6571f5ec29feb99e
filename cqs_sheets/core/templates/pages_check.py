"""Tabs of blocks and report pages as a template writes them in TOML; the rest is in reading.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cqs_sheets.core.grid import Span, column_letters
from cqs_sheets.core.templates import template as model
from cqs_sheets.core.templates.formulas import references
from cqs_sheets.core.templates.pages import ONE_CELL
from cqs_sheets.core.templates.report_pages import CARD_ROWS, card_span
from cqs_sheets.core.toml import Finding, not_one_of
from cqs_sheets.core.toml.lines import Path

Values = Mapping[str, Any]
Formats = Mapping[str, model.CellFormat]


def blocks_tab(tab: Values, formats: Formats) -> model.BlocksTab:
    """The blocks of a checked document's tab."""
    return model.BlocksTab(
        name=tab["name"],
        hidden=tab.get("hidden", False),
        blocks=tuple(_block(block, formats) for block in tab["blocks"]),
    )


def report_tab(tab: Values, formats: Formats, styles: Mapping[str, model.TextStyle]) -> model.ReportTab:
    """The page of a checked document's tab; its figures look like the styles good, bad and warn."""
    looks = {name: styles[name] for name in ("good", "bad", "warn") if name in styles}
    stamp = model.TitleNote(**_formatted(tab["stamp"], formats)) if "stamp" in tab else None
    return model.ReportTab(
        name=tab["name"],
        title=tab["title"],
        subtitle=tab.get("subtitle", ""),
        stamp=stamp,
        grid=model.Grid(**tab.get("grid", {})),
        cards=tuple(model.Card(**_formatted(card, formats)) for card in tab.get("cards", ())),
        charts=tuple(_chart(chart, formats) for chart in tab.get("charts", ())),
        lists=tuple(_list(each, formats) for each in tab.get("lists", ())),
        **looks,
    )


def _formatted(table: Values, formats: Formats) -> dict[str, Any]:
    return {**table, "format": formats.get(table.get("format", ""), model.CellFormat())}


def _block(block: Values, formats: Formats) -> model.Block:
    columns = (
        model.BlockColumn(**{**_formatted(column, formats), "values": tuple(column.get("values", ()))})
        for column in block["columns"]
    )
    return model.Block(id=block["id"], rows=block["rows"], columns=tuple(columns))


def _chart(chart: Values, formats: Formats) -> model.Chart:
    given = {key: value for key, value in _formatted(chart, formats).items() if key != "type"}
    series = tuple(model.Series(**each) for each in chart["series"])
    return model.Chart(**{**given, "kind": chart["type"], "series": series})


def _list(written: Values, formats: Formats) -> model.ShortList:
    columns = tuple(model.ListColumn(**_formatted(column, formats)) for column in written["columns"])
    return model.ShortList(**{**written, "columns": columns, "items": tuple(written.get("items", ()))})


_BAND = 3  # rows that hold the title
_ROW_NUMBER = "i"


def page_findings(
    path: Path, tab: Values, tabs: Mapping[str, Values], colors: Sequence[str]
) -> Iterator[Finding]:
    """What makes no sense in a tab of blocks or a report; `tabs` are all of the template, by name."""
    check = _Page(tabs, colors)
    if tab.get("kind") == "blocks":
        yield from check.blocks(path, tab)
    else:
        yield from check.report(path, tab)


class _Page:
    def __init__(self, tabs: Mapping[str, Values], colors: Sequence[str]) -> None:
        self._colors = colors
        self._block_tabs = {name for name, tab in tabs.items() if tab.get("kind") == "blocks"}
        self._rows = {
            (name, f"{block.get('id')}.{column.get('id')}"): block.get("rows", 0)
            for name, tab in tabs.items()
            for block in tab.get("blocks", ())
            for column in block.get("columns", ())
        }

    def blocks(self, path: Path, tab: Values) -> Iterator[Finding]:
        """The blocks' ids, and where each column's cells come from."""
        blocks = tab.get("blocks", ())
        yield from _repeated((*path, "blocks"), blocks, "blocks")
        for at, block in enumerate(blocks):
            here, columns = (*path, "blocks", at), block.get("columns", ())
            yield from _repeated((*here, "columns"), columns, "columns")
            ids = [column["id"] for column in columns if "id" in column]
            known = [*ids, *(f"^{name}" for name in ids), _ROW_NUMBER]
            for position, column in enumerate(columns):
                place = (*here, "columns", position)
                yield from self._block_column(place, column, block.get("rows", 0), known)

    def _block_column(self, path: Path, column: Values, rows: int, known: Sequence[str]) -> Iterator[Finding]:
        values = column.get("values", ())
        if ("formula" in column) == ("values" in column):
            yield path, "a column of a block has a `formula` or `values`, one of the two"
        elif values and len(values) != rows:
            yield (*path, "values"), f"{len(values)} values for {rows} rows"
        yield from self._formula((*path, "formula"), column.get("formula", ""), known, rows)

    def report(self, path: Path, tab: Values) -> Iterator[Finding]:
        """Cards, charts and lists: where they stand, and what they may speak of."""
        right = tab.get("grid", {}).get("columns", model.Grid().columns) + 1
        yield from self._formula((*path, "subtitle"), tab.get("subtitle", ""), (), 0)
        for name in ("label", "value"):
            yield from self._formula((*path, "stamp", name), tab.get("stamp", {}).get(name, ""), (), 0)
        placed: list[Span] = []
        for kind, check in (("cards", self._card), ("charts", self._chart), ("lists", self._list)):
            for at, part in enumerate(tab.get(kind, ())):
                here = (*path, kind, at)
                yield from _place((*here, "at"), _taken(kind, part), right, placed)
                yield from check(here, part)

    def _card(self, path: Path, card: Values) -> Iterator[Finding]:
        span = _span(card.get("at", ""))
        if span is not None and not span.single and len(span.rows) < CARD_ROWS:
            yield (*path, "at"), f"a card needs {CARD_ROWS} rows: label, figure and a line below"
        for name in ("value", "sub", "warn"):
            yield from self._formula((*path, name), card.get(name, ""), (), 0)

    def _chart(self, path: Path, chart: Values) -> Iterator[Finding]:
        shown = [((*path, "categories"), chart.get("categories", ""))]
        for at, series in enumerate(chart.get("series", ())):
            shown.append(((*path, "series", at, "values"), series.get("values", "")))
            color = series.get("color", "#")
            if not color.startswith("#") and color not in self._colors:
                yield (*path, "series", at, "color"), not_one_of(color, self._colors)
        for place, reference in shown:
            if any(tab not in self._block_tabs for tab, _ in references(reference)):
                yield place, "a chart shows columns of blocks, such as {Tab.block.column}"

    def _list(self, path: Path, written: Values) -> Iterator[Finding]:
        if ("items" in written) == ("rows" in written):
            yield path, "a list has `items` or `rows`, one of the two"
        rows = len(written.get("items", ())) or written.get("rows", 0)
        has_items = False
        for at, column in enumerate(written.get("columns", ())):
            here = (*path, "columns", at)
            has_items = has_items or bool(column.get("item"))
            if bool(column.get("item")) == ("formula" in column):
                yield here, "a column of a list has a `formula` or `item = true`, one of the two"
            if column.get("item") and "items" not in written:
                yield (*here, "item"), "this list has no `items` to show"
            known = (_ROW_NUMBER, *(["item"] if has_items else []))
            yield from self._formula((*here, "formula"), column.get("formula", ""), known, rows)

    def _formula(self, path: Path, text: str, known: Sequence[str], rows: int) -> Iterator[Finding]:
        """References to this place's own row, and to the cell of a block for that row."""
        for tab, name in references(text):
            if not tab and name not in known:
                yield path, not_one_of(name, known) if known else f"`{{{name}}}` has no row to stand for here"
            elif tab and name.endswith(ONE_CELL):
                held = self._rows.get((tab, name.removesuffix(ONE_CELL)), rows)
                if held < rows or not rows:
                    yield path, f"`{{{tab}.{name}}}` has {held} rows, and {rows} are shown here"


def _repeated(path: Path, parts: Iterable[Values], what: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for at, part in enumerate(parts):
        name = part.get("id")
        if name in seen:
            yield (*path, at, "id"), f'two {what} have the id "{name}"'
        seen.add(str(name))


def _span(text: str) -> Span | None:
    try:
        return Span.parse(text)
    except ValueError:
        return None  # the schema has complained


def _taken(kind: str, part: Values) -> Span | None:
    """The cells that a part takes: a card or list may say its first one only."""
    span = _span(part.get("at", ""))
    if span is None or kind == "charts":
        return span
    if kind == "cards":
        return card_span(span)
    rows = len(part.get("items", ())) or part.get("rows", 0)
    width = sum(column.get("span", 1) for column in part.get("columns", ()))
    return Span(span.top, span.left, span.top + 1 + rows, span.left + width - 1)


def _place(path: Path, span: Span | None, right: int, placed: list[Span]) -> Iterator[Finding]:
    if span is None:
        return
    if span.top <= _BAND:
        yield path, f"the first {_BAND} rows hold the title"
    if span.left == 1 or span.right > right:
        yield path, f"the grid goes from column B to {column_letters(right)}, this takes {span}"
    other = next((each for each in placed if each.meets(span)), None)
    if other is not None:
        yield path, f"this takes {span}, where something else takes {other}"
    placed.append(span)
