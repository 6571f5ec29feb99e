"""Tabs of blocks and report pages as a template writes them in TOML; the rest is in reading.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cqs_sheets.core.templates.template import (
    Block,
    BlockColumn,
    BlocksTab,
    Card,
    CellFormat,
    Chart,
    Grid,
    ListColumn,
    ReportTab,
    Series,
    ShortList,
    Stamp,
    TextStyle,
)

Values = Mapping[str, Any]
Formats = Mapping[str, CellFormat]


def blocks_tab(tab: Values, formats: Formats) -> BlocksTab:
    """The blocks of a checked document's tab."""
    return BlocksTab(
        name=tab["name"],
        hidden=tab.get("hidden", False),
        blocks=tuple(_block(block, formats) for block in tab["blocks"]),
    )


def report_tab(tab: Values, formats: Formats, styles: Mapping[str, TextStyle]) -> ReportTab:
    """The page of a checked document's tab; its figures look like the styles good, bad and warn."""
    looks = {name: styles[name] for name in ("good", "bad", "warn") if name in styles}
    stamp = Stamp(**_formatted(tab["stamp"], formats)) if "stamp" in tab else None
    return ReportTab(
        name=tab["name"],
        title=tab["title"],
        subtitle=tab.get("subtitle", ""),
        stamp=stamp,
        grid=Grid(**tab.get("grid", {})),
        cards=tuple(Card(**_formatted(card, formats)) for card in tab.get("cards", ())),
        charts=tuple(_chart(chart, formats) for chart in tab.get("charts", ())),
        lists=tuple(_list(each, formats) for each in tab.get("lists", ())),
        **looks,
    )


def _formatted(table: Values, formats: Formats) -> dict[str, Any]:
    return {**table, "format": formats.get(table.get("format", ""), CellFormat())}


def _block(block: Values, formats: Formats) -> Block:
    columns = (
        BlockColumn(**{**_formatted(column, formats), "values": tuple(column.get("values", ()))})
        for column in block["columns"]
    )
    return Block(id=block["id"], rows=block["rows"], columns=tuple(columns))


def _chart(chart: Values, formats: Formats) -> Chart:
    given = {key: value for key, value in _formatted(chart, formats).items() if key != "type"}
    series = tuple(Series(**each) for each in chart["series"])
    return Chart(**{**given, "kind": chart["type"], "series": series})


def _list(written: Values, formats: Formats) -> ShortList:
    columns = tuple(ListColumn(**_formatted(column, formats)) for column in written["columns"])
    return ShortList(**{**written, "columns": columns, "items": tuple(written.get("items", ()))})
