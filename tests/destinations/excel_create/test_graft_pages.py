"""Reports, charts and journals added to a workbook that is there already, and lived with afterwards."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.cell.cell import MergedCell

from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.templates.template import (
    Block,
    BlockColumn,
    BlocksTab,
    Chart,
    ReportTab,
    Series,
    Template,
)
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.excel.edit.tabs import add_tabs
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.destinations.excel.test_living import without_values
from tests.destinations.excel_create.soundness import Parts, all_of, assert_sound, written
from tests.destinations.excel_create.test_graft import SPELLINGS, changed, parts, titled
from tests.destinations.excel_create.test_graft import theirs as without_charts
from tests.make import record, wanted_rows

DASHBOARD = load_template("dashboard")
TABS = tuple(tab.name for tab in DASHBOARD.tabs if not getattr(tab, "when_needed", False))
SIGNALS = load_template("signals")


def theirs(*edits: Callable[[Any], None]) -> bytes:
    """A workbook of the user's with a chart of their own."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet("Mine")
    sheet.write_column("A1", [1, 2, 3])
    chart = book.add_chart({"type": "pie"})
    chart.add_series({"values": "=Mine!$A$1:$A$3"})
    sheet.insert_chart("C3", chart)
    for edit in edits:
        edit(book)
    book.close()
    return buffer.getvalue()


def grafted(workbook: bytes, tabs: tuple[str, ...] = TABS, template: Template = DASHBOARD) -> bytes:
    with Package.open(workbook) as package:
        draft = Draft(package)
        add_tabs(draft, template, titled(draft, tabs))
        return written(draft)


def opened(workbook: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(workbook))


def chart_ranges(workbook: bytes) -> set[str]:
    found = Parts(workbook)
    charts = [name for name in found.names if name.startswith("xl/charts/chart")]
    return {str(each.text) for name in charts for each in all_of(found.xml(name), "f")}


def looks(cell: Any) -> tuple[Any, ...]:
    font, edge = cell.font, cell.border.left
    return (
        *(cell.value, cell.number_format, cell.alignment.horizontal, cell.fill.fgColor.rgb),
        *(font.name, font.sz, font.b, font.color and font.color.rgb, edge and edge.style),
    )


@pytest.fixture(scope="module")
def made() -> bytes:
    """The user's workbook with a dashboard added."""
    return grafted(theirs())


class TestADashboardAdded:
    def test_is_sound(self, made: bytes, tmp_path: Path) -> None:
        assert_sound(made)
        if validator := os.environ.get("OOXML_VALIDATOR"):
            book = tmp_path / "book.xlsx"
            book.write_bytes(made)
            done = subprocess.run([validator, str(book)], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout

    def test_comes_with_its_charts_beside_the_users(self, made: bytes) -> None:
        before, after = parts(theirs()), parts(made)
        charts = [name for name in after if name.startswith("xl/charts/chart")]
        assert len(charts) == 1 + 8
        assert after["xl/charts/chart1.xml"] == before["xl/charts/chart1.xml"]
        assert after["xl/drawings/drawing1.xml"] == before["xl/drawings/drawing1.xml"]
        book = opened(made)
        counts = {sheet.title: len(sheet._charts) for sheet in book.worksheets if sheet._charts}
        assert counts == {"Mine": 1, "Dashboard": 6, "Performance": 2}

    def test_keeps_its_blocks_hidden_and_leaves_the_user_where_they_were(self, made: bytes) -> None:
        book = opened(made)
        assert [sheet.title for sheet in book.worksheets if sheet.sheet_state == "hidden"] == [
            "_calc",
            "_equity",
        ]
        assert book.active.title == "Mine"
        assert [sheet.title for sheet in book.worksheets if sheet.sheet_view.tabSelected] == ["Mine"]

    def test_looks_as_it_does_in_a_workbook_of_its_own(self, made: bytes) -> None:
        alone, added = opened(build_workbook(DASHBOARD))["Dashboard"], opened(made)["Dashboard"]
        for row in alone.iter_rows():
            for cell in row:
                if not isinstance(cell, MergedCell):  # openpyxl forgets the looks of those
                    assert looks(added[cell.coordinate]) == looks(cell)
        assert added.merged_cells.ranges == alone.merged_cells.ranges
        assert added.print_area == alone.print_area


class TestNamesThatAreTaken:
    def test_of_sheets_are_others_in_formulas_and_charts_too(self) -> None:
        made = grafted(theirs(lambda book: book.add_worksheet("_calc")))
        assert_sound(made)
        book = opened(made)
        assert "_calc (CQS)" in book.sheetnames
        assert book["Dashboard"]["B6"].value == "='_calc (CQS)'!$B$3"
        assert "'_calc (CQS)'!$M$3:$M$33" in chart_ranges(made)
        assert not [each for each in chart_ranges(made) if each.startswith("_calc!")]

    def test_of_tables_are_others_in_formulas_too(self) -> None:
        def table(book: Any) -> None:
            book.add_worksheet("Theirs").add_table("A1:A3", {"name": "Journal", "columns": [{"header": "x"}]})

        made = grafted(theirs(table))
        assert_sound(made)
        sheet = opened(made)["Journal"]
        columns = sheet.tables["Journal_2"].tableColumns
        side = [column.name for column in columns].index("Side")
        assert "INDEX(Signals[Side],Journal_2[[#This Row],[Row]])" in sheet.cell(3, side + 1).value
        assert "Journal_2[[#This Row],[Row]]" in str(columns[side].calculatedColumnFormula.attr_text)


class TestTabsThatAreThereAlready:
    """A dashboard for a workbook that was made from the template signals."""

    def renamed(self, tmp_path: Path) -> bytes:
        path = tmp_path / "signals.xlsx"
        synced(path, SIGNALS, "1", "2")
        book = openpyxl.load_workbook(path)
        sheet = book["Signals"]
        sheet["B2"].value = "When"
        (time,) = [column for column in sheet.tables["Signals"].tableColumns if column.name == "Time"]
        time.name = "When"
        book.save(path)
        return path.read_bytes()

    def test_are_spoken_of_as_they_stand(self, tmp_path: Path) -> None:
        tabs = tuple(name for name in TABS if name not in ("Signals", "Settings"))
        made = grafted(self.renamed(tmp_path), tabs)
        assert_sound(made)
        book = opened(made)
        assert str(book["_calc"]["B3"].value).startswith('=COUNTIFS(Signals[When],">="&A3)')
        assert book["Journal"]["D3"].value.count("INDEX(Signals[Side]") == 1


SMALL = Template(
    name="small",
    title="A page and its blocks",
    tabs=(
        ReportTab(
            name="Page",
            title="PAGE",
            charts=(
                Chart(
                    at="B5:D9",
                    kind="line",
                    title="N",
                    categories="{_n.b.x}",
                    series=(Series(name="n", values="{_n.b.x}"),),
                ),
            ),
        ),
        BlocksTab(
            name="_n",
            hidden=True,
            blocks=(Block(id="b", rows=3, columns=(BlockColumn(id="x", formula="={i}"),)),),
        ),
    ),
)


@pytest.mark.parametrize("edits", SPELLINGS.values(), ids=SPELLINGS)
def test_a_workbook_takes_charts_however_it_is_spelled(edits: Any) -> None:
    made = grafted(changed(without_charts(), edits), ("Page", "_n"), SMALL)
    assert_sound(made)
    assert chart_ranges(made) == {"_n!$A$3:$A$5"}


def test_a_strict_workbook_gets_strict_charts() -> None:
    made = parts(
        grafted(changed(without_charts(), SPELLINGS["in the strict dialect"]), ("Page", "_n"), SMALL)
    )
    ours = [made["xl/charts/chart1.xml"], made["xl/drawings/drawing1.xml"]]
    assert not [xml for xml in ours if b"schemas.openxmlformats.org" in xml]


def synced(path: Path, template: Template, *ids: str) -> None:
    destination = ExcelDestination(path, backups=0)
    rows = [row for id_ in ids for row in wanted_rows(template, record(id_), UTC)]
    keys: dict[str, set[str]] = {}
    for row in rows:
        keys.setdefault(row.tab, set()).add(row.key)
    table = read_target(destination, template, keys)
    sequence = (table.sequence or 0) + 1
    settings = {"Top_coins": f"BTC {sequence}"}
    destination.apply(make_plan(rows, table, sequence=sequence, settings=settings))


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """A dashboard after its first sync, and after two more."""
    path = tmp_path_factory.mktemp("lived") / "book.xlsx"
    synced(path, DASHBOARD, "1", "2")
    first = path.read_bytes()
    synced(path, DASHBOARD, "2", "3")
    synced(path, DASHBOARD, "4")
    return first, path.read_bytes()


class TestALivingDashboard:
    def test_is_left_as_it_was_by_every_sync(self, lived: tuple[bytes, bytes]) -> None:
        first, second = map(parts, lived)
        names = opened(lived[1]).sheetnames
        written_to = {f"xl/worksheets/sheet{names.index(name) + 1}.xml" for name in ("Signals", "Settings")}
        differ = {name for name in first if without_values(first[name]) != without_values(second[name])}
        assert differ == written_to | {"xl/workbook.xml", "xl/tables/table1.xml"}
        assert_sound(lived[1])

    def test_refers_to_all_rows_whenever_they_came(self, lived: tuple[bytes, bytes]) -> None:
        book = opened(lived[1])
        assert [table.ref.split(":")[1][-1] for table in book["Signals"].tables.values()] == ["6"]
        assert str(book["_calc"]["B3"].value).startswith('=COUNTIFS(Signals[Time],">="&A3)')

    def test_leaves_what_was_typed_into_the_journal(self, lived: tuple[bytes, bytes], tmp_path: Path) -> None:
        path = tmp_path / "book.xlsx"
        book = opened(lived[0])
        book["Journal"]["A3"].value, book["Journal"]["L3"].value = 1, 94_300.5
        book.save(path)
        synced(path, DASHBOARD, "3")
        before, after = book["Journal"], opened(path.read_bytes())["Journal"]
        assert [[cell.value for cell in row] for row in after] == [
            [cell.value for cell in row] for row in before
        ]
