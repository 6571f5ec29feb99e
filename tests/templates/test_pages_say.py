"""What pages say of themselves: that a sandbox's signals are invented, and in colours that can be read."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from cqs_sheets.core.templates.template import BlocksTab, ColumnKind, ReportTab, TableTab, Template, Theme
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.google.compile import NewTab, compile_tabs
from cqs_sheets.preview import invented, write_preview
from cqs_sheets.template_files import built_in, load_template
from tests.templates.wire import NOW

SANDBOX = "SANDBOX: INVENTED"


def texts(sheet: Worksheet) -> list[str]:
    """What stands above the rows, notes included."""
    cells = [cell for row in sheet.iter_rows(max_row=4) for cell in row]
    return [str(cell.value) for cell in cells] + [cell.comment.text for cell in cells if cell.comment]


@pytest.mark.parametrize("name", ["raw", "dashboard", "compact"])
def test_every_page_of_a_sandbox_says_that_its_signals_are_invented(name: str, tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    path.write_bytes(build_workbook(load_template(name).of_sandbox()))
    for sheet in openpyxl.load_workbook(path).worksheets:
        assert sheet.sheet_state == "hidden" or any(SANDBOX in text for text in texts(sheet)), sheet.title
        header = sheet.oddHeader  # there is no line above raw's headers
        assert name != "raw" or (header is not None and SANDBOX in str(header.center.text))


@pytest.mark.parametrize("name", built_in())
def test_a_sandbox_says_so_in_a_spreadsheet_as_well(name: str) -> None:
    template = load_template(name).of_sandbox()
    new = [NewTab(tab=tab, sheet_id=at, title=tab.name) for at, tab in enumerate(template.tabs, start=101)]
    requests = list(map(str, compile_tabs(template, new, {}, zone_name="UTC", taken=()).requests))
    for each in new:
        said = any(f"'sheetId': {each.sheet_id}" in text and SANDBOX in text for text in requests)
        assert said or isinstance(each.tab, BlocksTab), each.title


def brightness(color: str) -> float:
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((brightness(one), brightness(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [Theme(), load_template("dashboard").theme], ids=["default", "ours"])
def test_texts_can_be_read_and_colours_told_apart(theme: Theme) -> None:
    read = {"ink": "paper", "muted": "canvas", "link": "paper", "input_text": "input"}
    headers = {theme.header_role(kind) for kind in ColumnKind}
    for text, background in read.items():
        assert contrast(theme.color(text), theme.color(background)) >= 4.5, text
    for header in headers:
        assert contrast(theme.color("paper"), theme.color(header)) >= 4.5, header
        assert contrast(theme.faint_on(header), theme.color(header)) >= 4.5, header
    for bar in ("long", "short", "accent", "violet", "deep"):
        assert contrast(theme.color(bar), theme.color("paper")) >= 3, bar
    assert contrast(theme.color("long"), theme.color("short")) >= 3


@pytest.mark.parametrize("outcomes", [False, True])
@pytest.mark.parametrize("name", built_in())
def test_what_stands_side_by_side_in_a_chart_is_told_apart(name: str, *, outcomes: bool) -> None:
    template = load_template(name, outcomes=outcomes)
    charts = [chart for tab in template.tabs if isinstance(tab, ReportTab) for chart in tab.charts]
    for chart in charts:
        colors = [template.theme.color(series.color) for series in chart.series]
        for color in colors:
            assert contrast(color, template.theme.color("paper")) >= 3, (chart.title, color)
        for series, color in zip(chart.series, colors, strict=True):
            label = template.theme.color(template.theme.text_on(series.color))
            assert not (chart.labels and chart.stacked) or contrast(label, color) >= 4.5, chart.title
        for one, other in pairwise(colors):
            assert contrast(one, other) >= 3, (chart.title, one, other)


@pytest.mark.parametrize("name", built_in())
def test_texts_of_columns_and_pages_can_be_read(name: str) -> None:
    template = load_template(name)
    paper = template.theme.color("paper")
    for tab in template.tabs:
        if isinstance(tab, TableTab):
            for column in tab.columns:
                ground = template.theme.color("input") if column.kind is ColumnKind.INPUT else paper
                text = column.text or ("input_text" if column.kind is ColumnKind.INPUT else "ink")
                assert contrast(template.theme.color(text), ground) >= 4.5, (tab.name, column.id)
        elif isinstance(tab, ReportTab):
            for style in (tab.good, tab.bad, tab.warn):
                for ground in (paper, template.theme.color("canvas")):
                    assert contrast(style.text, style.fill or ground) >= 4.5, (tab.name, style)


@pytest.mark.parametrize("name", built_in())
def test_what_rules_colour_can_be_read(name: str) -> None:
    template = load_template(name)
    for tab in template.tables:
        for rule in tab.rules:
            style = rule.style
            assert not style.text or contrast(style.text, style.fill or "#FFFFFF") >= 4.5, (
                tab.name,
                rule.when,
            )


def test_a_preview_of_a_journal_has_trades(tmp_path: Path) -> None:
    path = tmp_path / "look.xlsx"
    rows, trades = write_preview(path, load_template("journal"), NOW)
    assert rows > 200
    values = openpyxl.load_workbook(path, data_only=True)
    status = [row[4].value for row in values["Journal"].iter_rows(min_row=3, max_row=2 + trades)]
    assert set(status) == {"Open", "Partial", "Closed"}
    assert values["Performance"]["B6"].value == status.count("Closed") > 30


def test_invented_signals_are_as_many_as_wanted() -> None:
    assert 40 <= len(invented(NOW, 40)) <= 80


def test_newest_first_is_never_for_raw() -> None:
    def tops(template: Template) -> list[str]:
        return [tab.name for tab in template.newest_first().fed_tabs if tab.new_rows == "top"]

    assert tops(load_template("raw")) == []
    assert tops(load_template("signals")) == ["Signals", "Scalping"]
