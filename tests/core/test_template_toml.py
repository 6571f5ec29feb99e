"""A template's text becomes the model, with what it includes and the tabs it is like."""

from __future__ import annotations

from typing import Any

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.core.templates.reading import read_document, template_of
from cqs_sheets.core.templates.template import (
    BlocksTab,
    CellFormat,
    ColumnKind,
    ReportTab,
    SettingsTab,
    TableTab,
    Template,
    TextStyle,
)

LOOK = """
format = 1
[theme]
font = "Verdana"
ink = "#000001"
good = "#00FF00"
[styles]
hot = { text = "#FF0000", bold = true }
[formats]
price = { pattern = "0.00", align = "right" }
id = { pattern = "0" }
"""
SETTINGS = """
format = 1
include = ["look"]
[[tabs]]
name = "Settings"
kind = "settings"
columns = [10, 20, 30]
sections = [
  { title = "YOURS", rows = [{ name = "Equity", label = "Account equity", value = 10000, format = "price", min = 0 }] },
  { title = "OURS", sync = true, rows = [{ name = "Last_sync", label = "Last sync", value = "@now" }] },
]
"""
SIGNALS = """
format = 1
title = "Some signals"
include = ["settings"]
[[tabs]]
name = "Signals"
kind = "table"
source = "signals"
key = "id"
freeze = { columns = 2 }
columns = [
  { group = "WHAT", id = "id", header = "ID", field = "id", format = "id", width = 9.5, note = "The id" },
  { id = "pair", header = "Pair", calc = "pair", bold = true },
  { group = "PRICES", id = "stop", header = "Stop", field = "stop_loss", format = "price", text = "good" },
  { id = "stop_pct", header = "Stop %", calc = "stop_pct" },
  { id = "size", header = "Size" },
  { id = "twice", header = "Twice", formula = "={stop}*2", hidden = true },
  { id = "take", header = "Take?", input = true, choices = ["yes", "no"] },
  { id = "new", header = "New one", field = "extra:volume" },
]
rules = [
  { on = ["stop", "stop_pct"], when = '={stop_pct}=""', style = "hot", note = "No stop" },
  { on = ["*"], when = '={size}>Equity', style = "hot" },
]
[tabs.formulas]
size = "=Equity/{stop}"
"""
FILES = {"look": LOOK, "settings": SETTINGS, "signals": SIGNALS}


def document(text: str) -> dict[str, Any]:
    return read_document(text, include=lambda name: document(FILES[name]), schema=None)


def template(text: str) -> Template:
    return template_of(document(text), name="mine")


def table(text: str, name: str) -> TableTab:
    tab = template(text).tab(name)
    assert isinstance(tab, TableTab)
    return tab


LIKE = """
format = 1
include = ["signals"]
[[tabs]]
name = "Scalps"
kind = "table"
like = "Signals"
tables = ["scalping"]
"""


class TestATable:
    def test_says_who_fills_each_column(self) -> None:
        kinds = {column.id: (column.kind, column.source) for column in table(SIGNALS, "Signals").columns}
        assert kinds == {
            "id": (ColumnKind.FIELD, "id"),
            "pair": (ColumnKind.CALC, "pair"),
            "stop": (ColumnKind.FIELD, "stop_loss"),
            "stop_pct": (ColumnKind.CALC, "stop_pct"),
            "size": (ColumnKind.FORMULA, ""),
            "twice": (ColumnKind.FORMULA, ""),
            "take": (ColumnKind.INPUT, ""),
            "new": (ColumnKind.FIELD, "extra:volume"),
        }

    def test_takes_the_type_of_a_column_from_its_source(self) -> None:
        tab = table(SIGNALS, "Signals")
        assert tab.column("id").type is CellType.ID
        assert tab.column("pair").type is CellType.TEXT
        assert tab.column("stop").type is CellType.NUMBER

    def test_takes_formulas_from_the_column_or_from_the_table_of_formulas(self) -> None:
        tab = table(SIGNALS, "Signals")
        assert (tab.column("size").formula, tab.column("twice").formula) == ("=Equity/{stop}", "={stop}*2")

    def test_gives_every_column_the_group_it_stands_in(self) -> None:
        assert [column.group for column in table(SIGNALS, "Signals").columns] == ["WHAT"] * 2 + ["PRICES"] * 6

    def test_has_the_looks_that_its_columns_name(self) -> None:
        tab = table(SIGNALS, "Signals")
        assert tab.column("stop").format == CellFormat(pattern="0.00", align="right")
        assert tab.column("stop").text == "#00FF00"
        assert tab.column("pair").format == CellFormat()
        assert (tab.column("id").width, tab.column("id").note, tab.column("pair").bold) == (
            9.5,
            "The id",
            True,
        )

    def test_has_rules_with_their_style_for_some_or_all_columns(self) -> None:
        some, every = table(SIGNALS, "Signals").rules
        assert (some.on, some.style, some.note) == (
            ("stop", "stop_pct"), TextStyle(text="#FF0000", bold=True), "No stop",
        )  # fmt: skip
        assert every.on == tuple(column.id for column in table(SIGNALS, "Signals").columns)

    def test_is_fed_from_the_main_table_unless_it_says_otherwise(self) -> None:
        assert table(SIGNALS, "Signals").fed
        assert table(SIGNALS, "Signals").tables == {FeedTable.MAIN}
        assert table(LIKE, "Scalps").tables == {FeedTable.SCALPING}

    def test_without_a_source_is_the_users_and_found_by_its_first_column(self) -> None:
        tab = table(
            'format = 1\n[[tabs]]\nname = "Mine"\nkind = "table"\nsource = ""\nspare_rows = 5\n'
            'columns = [{ id = "a", header = "A", input = true }]\n',
            "Mine",
        )
        assert (tab.fed, tab.key, tab.spare_rows) == (False, "a", 5)

    def test_takes_one_allowed_value_or_several(self) -> None:
        text = SIGNALS.replace('key = "id"', 'key = "id"\nwhere = { direction = "LONG", type = ["A", "B"] }')
        assert table(text, "Signals").where == {"direction": ("LONG",), "type": ("A", "B")}


class TestIncluding:
    def test_puts_own_tabs_before_included_ones(self) -> None:
        assert [tab.name for tab in template(SIGNALS).tabs] == ["Signals", "Settings"]

    def test_lets_the_document_order_all_tabs(self) -> None:
        ordered = LIKE.replace(
            'include = ["signals"]', 'include = ["signals"]\norder = ["Settings", "Signals"]'
        )
        assert [tab.name for tab in template(ordered).tabs] == ["Settings", "Signals", "Scalps"]

    def test_reaches_through_several_documents(self) -> None:
        assert template(SIGNALS).theme.font == "Verdana"

    def test_lets_own_looks_go_before_included_ones_of_the_same_name(self) -> None:
        own = template(SIGNALS + '\n[theme]\nink = "#123456"\n[formats]\nprice = { pattern = "0.0" }\n')
        assert own.theme.colors["ink"] == "#123456"
        assert own.theme.colors["good"] == "#00FF00"
        tab = own.tab("Signals")
        assert isinstance(tab, TableTab)
        assert tab.column("stop").format.pattern == "0.0"

    def test_lets_an_own_tab_replace_the_included_one_of_its_name(self) -> None:
        own = template(
            'format = 1\ninclude = ["signals"]\n[[tabs]]\nname = "Signals"\nkind = "table"\n'
            'columns = [{ id = "a", header = "A", input = true }]\n'
        )
        assert [tab.name for tab in own.tabs] == ["Signals", "Settings"]
        tab = own.tab("Signals")
        assert isinstance(tab, TableTab)
        assert [column.id for column in tab.columns] == ["a"]

    def test_adds_settings_to_the_included_tab_before_those_the_sync_writes(self) -> None:
        more = '\n[[settings]]\nsection = "MORE"\nrows = [{ name = "Late", label = "Late", value = 5 }]\n'
        tab = template(SIGNALS + more).settings_tab
        assert tab is not None
        assert [section.title for section in tab.sections] == ["YOURS", "MORE", "OURS"]

    def test_adds_settings_to_a_section_of_that_title(self) -> None:
        late = '{ name = "Late", label = "Late", value = 5 }'
        more = f'\n[[settings]]\nsection = "YOURS"\nrows = [{late}]\n'
        told = '\n[[settings]]\nsection = "OURS"\nrows = [{ name = "Top", label = "Top", value = "@coins_30d" }]\n'
        tab = template(SIGNALS + more + told).settings_tab
        assert tab is not None
        assert [section.title for section in tab.sections] == ["YOURS", "OURS"]
        assert [(setting.name, setting.synced) for setting in tab.settings] == [
            ("Equity", False),
            ("Late", False),
            ("Last_sync", True),
            ("Top", True),
        ]

    def test_takes_name_and_title_from_the_document_itself(self) -> None:
        assert (template(SIGNALS).name, template(SIGNALS).title) == ("mine", "Some signals")
        assert template(LIKE).title == "mine"


class TestATabLikeAnother:
    def test_is_the_same_but_for_what_it_says(self) -> None:
        model, tab = table(LIKE, "Signals"), table(LIKE, "Scalps")
        assert tab.columns == model.columns
        assert tab.rules == model.rules
        assert (tab.key, tab.freeze_columns) == (model.key, model.freeze_columns)

    def test_can_leave_columns_out_with_the_rules_and_formulas_that_need_them(self) -> None:
        tab = table(LIKE + 'without = ["stop_pct", "size"]\n', "Scalps")
        assert [column.id for column in tab.columns] == ["id", "pair", "stop", "twice", "take", "new"]
        assert tab.rules == ()

    def test_keeps_a_group_whose_first_column_is_left_out(self) -> None:
        assert table(LIKE + 'without = ["stop"]\n', "Scalps").column("stop_pct").group == "PRICES"

    def test_can_change_columns_in_their_place_and_add_others(self) -> None:
        changed = LIKE + (
            'columns = [{ id = "pair", header = "Contract" }, { id = "ask", header = "Ask", field = "ask" }]\n'
        )
        tab = table(changed, "Scalps")
        assert [column.id for column in tab.columns][1] == "pair"
        assert (tab.column("pair").header, tab.column("pair").bold) == ("Contract", True)
        assert (tab.columns[-1].id, tab.columns[-1].group) == ("ask", "PRICES")

    def test_can_add_rules(self) -> None:
        added = LIKE + 'rules = [{ on = ["pair"], when = \'={pair}=""\', style = "hot" }]\n'
        assert len(table(added, "Scalps").rules) == len(table(LIKE, "Signals").rules) + 1


class TestOtherTabs:
    def test_settings_say_who_writes_them(self) -> None:
        tab = template(SIGNALS).settings_tab
        assert isinstance(tab, SettingsTab)
        assert list(tab.widths) == [10, 20, 30]
        equity, last_sync = tab.settings
        assert (equity.value, equity.min, equity.format.pattern) == (10000, 0, "0.00")
        assert last_sync.value == "@now"
        assert [setting.synced for setting in tab.settings] == [False, True]

    def test_blocks_and_reports_are_read(self) -> None:
        made = template(
            SIGNALS
            + """
[[tabs]]
name = "_calc"
kind = "blocks"
hidden = true
blocks = [{ id = "day", rows = 3, columns = [{ id = "n", formula = "=COUNT({Signals.stop})" }] }]
[[tabs]]
name = "Page"
kind = "report"
title = "PAGE"
cards = [{ at = "B2", label = "N", value = "=SUM({_calc.day.n})" }]
"""
        )
        blocks, page = made.tab("_calc"), made.tab("Page")
        assert isinstance(blocks, BlocksTab)
        assert (blocks.hidden, blocks.blocks[0].id, blocks.blocks[0].rows) == (True, "day", 3)
        assert isinstance(page, ReportTab)
        assert page.title == "PAGE"
        assert [(card.at, card.label, card.value) for card in page.cards] == [
            ("B2", "N", "=SUM({_calc.day.n})")
        ]
