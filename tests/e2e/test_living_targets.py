"""Targets that live on while templates grow: what each sync does with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.templates.template import Setting, SettingsSection, TableTab, Template
from tests.e2e.runs import World, world
from tests.make import SETTINGS_TAB, SIGNALS_TAB, TEMPLATE, column

LATER_TAB = replace(SIGNALS_TAB, columns=(*SIGNALS_TAB.columns, column("ask", type_=CellType.NUMBER)))
LATER = replace(TEMPLATE, tabs=(LATER_TAB, SETTINGS_TAB))
TOP = Setting(name="Top_coins", label="Busiest coins", value="@coins_30d", synced=True)
LISTED = replace(
    TEMPLATE,
    tabs=(
        SIGNALS_TAB,
        replace(
            SETTINGS_TAB, sections=(*SETTINGS_TAB.sections, SettingsSection(title="LISTS", settings=(TOP,)))
        ),
    ),
)


@pytest.fixture
def market(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, seed=3, speed=20) as made:
        yield made


def column_of(market: World, name: str) -> list[object]:
    return [row.get(name) for row in market.memory.tabs["Signals"]]


def setting(market: World, name: str) -> object:
    return next(row["value"] for row in market.memory.tabs["Settings"] if row["name"] == name)


def test_a_column_that_a_template_gained_is_filled_even_where_there_is_no_news(market: World) -> None:
    market.sync()
    market.template = LATER
    report = market.sync().report
    assert report.exit_code == 0
    assert None not in column_of(market, "ask")
    assert (report.targets[0].added, report.targets[0].pending) == (0, 0)


def test_a_target_that_has_the_columns_is_left_alone_again(market: World) -> None:
    market.sync()
    market.template = LATER
    market.sync()
    before = market.memory.sequence
    market.sync()
    assert market.memory.sequence == before


def test_what_the_user_wrote_over_or_deleted_is_left_alone_by_an_upgrade(market: World) -> None:
    market.sync()
    rows = market.memory.tabs["Signals"]
    gone = rows.pop()
    rows[0]["coin"] = "mine"
    for row in rows:
        del row["lev"]
    market.memory.columns["Signals"].remove("lev")
    market.memory.touch()
    market.template = LATER
    report = market.sync().report
    assert gone["id"] not in column_of(market, "id")
    assert rows[0]["coin"] == "mine"
    assert not any("lev" in row for row in rows)
    assert report.targets[0].left_deleted == 1


def test_another_machine_with_an_empty_journal_adds_the_column_too(market: World) -> None:
    market.sync()
    for file in market.folder.glob("journal.sqlite3*"):
        file.unlink()
    market.template = LATER
    market.sync()
    assert None not in column_of(market, "ask")


def test_an_upgrade_undone_with_its_file_is_done_again(market: World) -> None:
    market.sync()
    memory = market.memory
    rows, columns = [dict(row) for row in memory.tabs["Signals"]], list(memory.columns["Signals"])
    made, lineage = memory.made, memory.lineage
    market.template = LATER
    market.sync()
    memory.tabs["Signals"], memory.columns["Signals"] = rows, columns
    memory.made, memory.lineage = made, lineage
    memory.touch()
    market.sync()
    assert None not in column_of(market, "ask")


def test_a_tab_that_a_template_gained_gets_its_rows(market: World) -> None:
    market.sync()
    longs: TableTab = replace(SIGNALS_TAB, name="Longs", where={"direction": ["LONG"]})
    market.template = Template(name="test", title="", tabs=(*TEMPLATE.tabs, longs))
    report = market.sync().report
    assert len(market.memory.tabs["Longs"]) == report.targets[0].added > 0


def test_a_dry_run_shows_an_upgrade_and_leaves_it_to_be_done(market: World) -> None:
    market.sync()
    market.template = LATER
    plan = market.sync(dry_run=True).plans["first.xlsx"]
    assert [new.column for new in plan.new_columns] == ["ask"]
    assert column_of(market, "ask")[0] is None
    market.sync()
    assert None not in column_of(market, "ask")


def test_the_busiest_coins_of_a_target_are_written_with_its_rows(market: World) -> None:
    market.template = LISTED
    market.config_text = '[[target]]\nto = "first.xlsx"\nwhere = { direction = "LONG" }\n'
    market.sync()
    listed = str(setting(market, "Top_coins")).split(", ")
    assert set(listed) <= set(column_of(market, "coin"))
    assert len(listed) == min(10, len(set(column_of(market, "coin"))))


def test_the_busiest_coins_forget_what_is_older_than_thirty_days(market: World) -> None:
    market.template = LISTED
    market.sync()
    market.clock.pass_(days=31)
    market.sync()
    recent = {row["coin"] for row in market.memory.tabs["Signals"] if row["status"] == "open"}
    assert set(str(setting(market, "Top_coins")).split(", ")) <= recent
