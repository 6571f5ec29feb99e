"""Tabs added to somebody's workbook: what was there stays, what comes fits in."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.utils import get_column_letter

from cqs_sheets.core.plan.plan import Add, Snapshot, Update, free_title
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.destinations.excel.edit.tabs import add_tabs
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.errors import DataRefused
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.destinations.excel_create.soundness import Parts, all_of, assert_sound, tag, written
from tests.make import plan_of

SIGNALS = load_template("signals")
EVERY_TAB = ("Signals", "Scalping", "Settings")
MAIN = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = b"http://schemas.openxmlformats.org/officeDocument/2006/relationships"
REWRITTEN = {"[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"}
Edit = Callable[[Any], None]


def theirs(*edits: Edit) -> bytes:
    """A workbook of the user's: a sheet of numbers in formats of their own."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True})
    sheet = book.add_worksheet("Mine")
    sheet.write("A1", "Coins", book.add_format({"bold": True, "bg_color": "#FFCC00"}))
    sheet.write("B1", 0.5, book.add_format({"num_format": "0.000%", "border": 2}))
    sheet.conditional_format(
        "B1", {"type": "cell", "criteria": ">", "value": 0, "format": book.add_format({"italic": True})}
    )
    for edit in edits:
        edit(book)
    book.close()
    return buffer.getvalue()


def changed(workbook: bytes, edits: Mapping[str, Callable[[bytes], bytes]], *, without: str = "-") -> bytes:
    """The workbook with some parts spelled another way, or left out."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            if not name.startswith(without):
                edit = next((edit for wanted, edit in edits.items() if name.startswith(wanted)), bytes)
                new.writestr(name, edit(old.read(name)))
    return buffer.getvalue()


def titled(draft: Draft, tabs: Sequence[str]) -> dict[str, str]:
    """The tabs under titles that are free, as a plan names them."""
    taken = Workbook(draft).order
    return {tab: free_title(tab, taken) for tab in tabs}


def grafted(workbook: bytes, tabs: tuple[str, ...] = EVERY_TAB) -> bytes:
    with Package.open(workbook) as package:
        draft = Draft(package)
        add_tabs(draft, SIGNALS, titled(draft, tabs))
        return written(draft)


def opened(workbook: bytes) -> openpyxl.Workbook:
    book: openpyxl.Workbook = openpyxl.load_workbook(io.BytesIO(workbook))
    return book


def parts(workbook: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


class TestTheUsersWorkbook:
    BEFORE, AFTER = parts(theirs()), parts(grafted(theirs()))

    def test_keeps_every_part_but_four_by_the_byte(self) -> None:
        assert {name for name in self.BEFORE if self.BEFORE[name] != self.AFTER.get(name)} == REWRITTEN

    @pytest.mark.parametrize("name", sorted(REWRITTEN - {"xl/styles.xml"}))
    def test_keeps_what_stood_in_those_four(self, name: str) -> None:
        elements = re.findall(rb"<[^/?][^>]*>", self.BEFORE[name])
        added = iter(re.findall(rb"<[^/?][^>]*>", self.AFTER[name]))
        assert all(element in added for element in elements)  # in the same order

    def test_keeps_every_format_at_its_number(self) -> None:
        before, after = Parts(theirs()).xml("xl/styles.xml"), Parts(grafted(theirs())).xml("xl/styles.xml")
        for old, new in ((each, new) for each in before for new in after if tag(new) == tag(each)):
            texts = [
                [repr((tag(item), dict(item.attrib), len(item))) for item in each] for each in (old, new)
            ]
            assert texts[1][: len(texts[0])] == texts[0]

    def test_is_sound(self) -> None:
        assert_sound(grafted(theirs()))

    def test_gets_the_sheets_behind_its_own(self) -> None:
        assert opened(grafted(theirs())).sheetnames == ["Mine", "Signals", "Scalping", "Settings"]

    def test_shows_the_new_cells_in_their_formats(self) -> None:
        drawn, planted = opened(grafted(theirs())), grafted(grafted(theirs(), ("Signals",)), ("Settings",))
        for book in (drawn, opened(planted)):
            sheet = book["Signals"]
            assert sheet["B3"].number_format == "yyyy-mm-dd hh:mm"
            assert sheet["A2"].fill.fgColor.rgb == "000F172A"
            assert (sheet["C3"].font.name, sheet["C3"].font.bold) == ("Arial", True)
            rules = {
                rule.formula[0]: rule.dxf for area in sheet.conditional_formatting for rule in area.rules
            }
            assert rules['$D3="LONG"'].fill.bgColor.rgb == "00D1FAE5"
        assert opened(planted)["Mine"]["B1"].number_format == "0.000%"


class TestWhatIsTakenAlready:
    def test_a_sheets_name_makes_ours_another(self) -> None:
        book = opened(grafted(theirs(lambda book: book.add_worksheet("settings"))))
        assert book.sheetnames == ["Mine", "settings", "Signals", "Scalping", "Settings (CQS)"]
        assert book.defined_names["Risk_pct"].attr_text.startswith("'Settings (CQS)'!")

    def test_a_tables_name_and_number_make_ours_another(self) -> None:
        def table(book: Any) -> None:
            sheet = book.add_worksheet("Theirs")
            sheet.add_table("A1:B3", {"name": "Signals", "columns": [{"header": "x"}, {"header": "y"}]})
            sheet.write_comment("A1", "A note")

        made = grafted(theirs(table))
        assert_sound(made)
        assert [table.name for table in opened(made)["Signals"].tables.values()] == ["Signals_2"]

    def test_notes_are_numbered_apart_from_the_users(self) -> None:
        made = parts(grafted(theirs(lambda book: book.add_worksheet("N").write_comment("A1", "A note"))))
        drawings = [content for name, content in made.items() if name.endswith(".vml")]
        numbers = [number for drawing in drawings for number in re.findall(rb"_x0000_s(\d+)", drawing)]
        maps = [re.findall(rb'idmap[^>]*data="(\d+)"', drawing) for drawing in drawings]
        assert len(drawings) == 3
        assert len({tuple(each) for each in maps}) == 3
        assert len(numbers) == len(set(numbers))

    def test_a_name_stays_the_users_and_the_setting_shows_what_it_stands_for(self) -> None:
        made = grafted(theirs(lambda book: book.define_name("Equity", "=Mine!$B$1")))
        assert_sound(made)
        book = opened(made)
        assert book.defined_names["Equity"].attr_text == "Mine!$B$1"
        ours = book["Settings"][
            book.defined_names["cqs.Settings.Equity"].attr_text.split("!")[1].replace("$", "")
        ]
        assert ours.value == "=Equity"
        assert ours.fill.fill_type is None
        assert "Your workbook has a name Equity" in ours.offset(0, 1).value

    def test_a_name_that_points_nowhere_is_made_anew(self) -> None:
        book = opened(grafted(theirs(lambda book: book.define_name("Equity", "=#REF!$A$1"))))
        assert book.defined_names["Equity"].attr_text.startswith("Settings!")

    def test_the_sync_never_writes_into_the_users_cell_of_a_settings_name(self, tmp_path: Path) -> None:
        path = tmp_path / "book.xlsx"
        path.write_bytes(theirs(lambda book: book.define_name("Last_sync", "=Mine!$B$1")))
        now = datetime(2026, 5, 24, 14, 32)  # noqa: DTZ001 - a cell's wall time
        destination = ExcelDestination(path, backups=0)
        plan = plan_of(
            read_target(destination, SIGNALS, {}),
            [Add(tab="Signals", key="1", values={"id": Decimal(1), "time": now})],
            [Update(tab="Settings", key="Last_sync", column="value", old=None, new=now)],
            sequence=1,
        )
        destination.apply(plan)
        book = opened(path.read_bytes())
        assert book["Mine"]["B1"].value == 0.5
        written_to = book.defined_names["cqs.Settings.Last_sync"].attr_text.split("!")[1].replace("$", "")
        assert book["Settings"][written_to].value == now
        held = read_target(ExcelDestination(path), SIGNALS, {"Signals": {"1"}})
        assert isinstance(held, Snapshot)
        assert held.tabs["Settings"].rows["Last_sync"].values == {"value": now}


def test_a_tab_made_when_needed_comes_with_its_first_row(tmp_path: Path) -> None:
    path = tmp_path / "signals.xlsx"
    for sequence, tab in enumerate(("Signals", "Scalping", "Scalping"), start=1):
        destination = ExcelDestination(path, backups=0)
        row = Add(tab=tab, key=str(sequence), values={"id": Decimal(sequence), "side": "LONG"})
        snapshot = read_target(destination, SIGNALS, {})
        destination.apply(plan_of(snapshot, [row], sequence=sequence))
    assert_sound(path.read_bytes())
    book = opened(path.read_bytes())
    assert book.sheetnames == ["Signals", "Settings", "Scalping"]
    last = get_column_letter(book["Scalping"].max_column)
    assert [snapshot.ref for snapshot in book["Scalping"].tables.values()] == [f"A2:{last}4"]
    assert [cell.value for cell in book["Scalping"]["A"]] == ["SIGNAL", "ID", 2, 3]
    headers = [cell.value for cell in book["Scalping"][2]]
    assert str(book["Scalping"].cell(4, headers.index("Size (coins)") + 1).value).startswith("=IF(OR(")
    areas = [str(area.sqref) for area in book["Scalping"].conditional_formatting]
    assert "D3:D4" in areas
    assert book["Scalping"]["A4"].number_format == "0"


def prefixed(xml: bytes) -> bytes:
    """The part with a prefix on all its elements, as some writers spell it."""
    named = re.sub(rb"<(/?)(?=[a-zA-Z])(?!\w+:)", rb"<\1x:", xml)
    return named.replace(b'xmlns="%s"' % MAIN, b'xmlns:x="%s"' % MAIN)


def strict(part: bytes) -> bytes:
    return part.replace(MAIN, b"http://purl.oclc.org/ooxml/spreadsheetml/main").replace(
        LINKS, b"http://purl.oclc.org/ooxml/officeDocument/relationships"
    )


def utf16(part: bytes) -> bytes:
    return part.decode().replace("UTF-8", "UTF-16").encode("utf-16")


def drop(pattern: bytes) -> Callable[[bytes], bytes]:
    return lambda part: re.sub(pattern, b"", part, flags=re.DOTALL)


def own_links(part: bytes) -> bytes:
    """The namespace of links declared where it is used."""
    return part.replace(b' xmlns:r="%s"' % LINKS, b"").replace(b"<sheet ", b'<sheet xmlns:r="%s" ' % LINKS)


SPELLINGS: dict[str, Mapping[str, Callable[[bytes], bytes]]] = {
    "with prefixes": {"xl/styles": prefixed, "xl/workbook": prefixed, "xl/worksheets/": prefixed},
    "in the strict dialect": {"xl/": strict, "_rels": strict},
    "in UTF-16": {"xl/styles": utf16, "xl/workbook": utf16},
    "without windows": {"xl/workbook": drop(rb"<bookViews>.*?</bookViews>")},
    "with a namespace declared late": {"xl/workbook": own_links},
    "without rules' formats": {
        "xl/styles": drop(rb"<dxfs.*?</dxfs>"),
        "xl/worksheets/": drop(rb"<conditionalF.*atting>"),
    },
    "with an empty list of formats": {
        "xl/styles": lambda part: re.sub(rb"<dxfs.*?</dxfs>", b'<dxfs count="0"/>', part),
        "xl/worksheets/": drop(rb"<conditionalF.*atting>"),
    },
    "with wrong counts": {"xl/styles": lambda part: re.sub(rb'(<cellXfs count=)"\d+"', rb'\1"77"', part)},
    "with types stated part by part": {
        "[Content": lambda part: part.replace(
            b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>',
            b"".join(
                b'<Override PartName="/%s" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                % name
                for name in (b"_rels/.rels", b"xl/_rels/workbook.xml.rels")
            ),
        )
    },
}


@pytest.mark.parametrize("edits", SPELLINGS.values(), ids=SPELLINGS)
def test_a_workbook_takes_tabs_however_it_is_spelled(edits: Mapping[str, Callable[[bytes], bytes]]) -> None:
    workbook = changed(theirs(), edits)
    assert parts(workbook) != parts(theirs())
    made = grafted(workbook)
    assert_sound(made)
    assert [each.get("name") for each in all_of(Parts(made).xml("xl/workbook.xml"), "sheet")][1:] == [
        *EVERY_TAB
    ]


def test_a_strict_workbook_gets_strict_parts() -> None:
    made = parts(grafted(changed(theirs(), SPELLINGS["in the strict dialect"])))
    assert not [name for name, content in made.items() if name.startswith("xl/") and MAIN in content]


@pytest.mark.parametrize(
    "edits",
    [
        {},
        {
            "xl/_rels/workbook": drop(rb"<Relationship [^>]*/styles\"[^>]*>"),
            "[Content": drop(rb"<Override[^>]*styles[^>]*>"),
        },
    ],
    ids=["but linked", "at all"],
)
def test_a_workbook_without_styles_gets_some(edits: Mapping[str, Callable[[bytes], bytes]]) -> None:
    made = grafted(changed(theirs(), edits, without="xl/styles"))
    (part,) = Parts(made).linked("xl/workbook.xml", "styles")
    assert part == "xl/styles.xml"
    assert opened(made)["Signals"]["A2"].fill.fgColor.rgb == "000F172A"


class TestAWorkbookThatTakesNoSheets:
    def refused(self, workbook: bytes, words: str) -> None:
        with Package.open(workbook) as package:
            draft = Draft(package)
            with pytest.raises(DataRefused, match=words):
                add_tabs(draft, SIGNALS, titled(draft, EVERY_TAB))
            assert not draft.changed

    def test_as_its_structure_is_protected(self) -> None:
        protected = b'<workbookProtection lockStructure="1"/><bookViews>'
        self.refused(
            changed(theirs(), {"xl/workbook": lambda part: part.replace(b"<bookViews>", protected)}),
            "its structure is protected",
        )

    def test_as_it_is_shared_with_tracked_changes(self) -> None:
        link = (
            b'<Relationship Id="rId99" Type="%s/revisionHeaders" Target="revisions/x.xml"/></Relationships>'
        )
        edit = {"xl/_rels": lambda part: part.replace(b"</Relationships>", link % LINKS)}
        self.refused(changed(theirs(), edit), "shared in the old way")

    def test_as_its_formats_are_written_twice(self) -> None:
        twice = b"<mc:AlternateContent xmlns:mc='m'></mc:AlternateContent></fonts>"
        edit = {"xl/styles": lambda part: part.replace(b"</fonts>", twice)}
        self.refused(changed(theirs(), edit), "in an unusual way")

    def test_as_it_has_all_the_formats_that_excel_can_hold(self) -> None:
        many = b'<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>' * 65_000
        edit = {"xl/styles": lambda part: part.replace(b"</cellXfs>", many + b"</cellXfs>")}
        self.refused(changed(theirs(), edit), "as many cell formats")
