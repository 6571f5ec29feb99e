"""Which sheet is which tab: the same facts give the same decision in a workbook and in a spreadsheet."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from cqs_sheets.core.plan.binding import bind
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.templates.template import TableTab, Template
from cqs_sheets.errors import DataRefused
from cqs_sheets.run.looking import look, read_target
from cqs_sheets.template_files import load_template
from tests.destinations.histories import play
from tests.destinations.persons import ExcelPerson, GooglePerson, Person
from tests.emulators.google_sheets import RunningSheets, start

RAW = load_template("raw")
SIGNALS = RAW.tab("Signals")
assert isinstance(SIGNALS, TableTab)
ALL = [column.header for column in SIGNALS.columns]
TITLES = ["Signals", "signals", "My trades", "Copy of Signals", "Archive", "Signals 2", "Scalping", "Plans"]
HEADERS = [ALL, ALL[:12], ALL[:3], ALL[1:], ["Notes", "Coin", "ID", "My size"], []]


@pytest.fixture(scope="module")
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


def prepared(person: Person, seed: int) -> Mapping[str, str]:
    """A target as a seed has it; returns the user's word."""
    dice = random.Random(seed)  # noqa: S311
    for title in dice.sample(TITLES, dice.randint(1, 3)):
        if title.lower() not in map(str.lower, person.look()):
            person.add(
                title, [*[["a title"]] * dice.randint(0, 1), *dice.choices([dice.choice(HEADERS)], k=1)]
            )
    for _ in range(dice.randint(0, 2)):
        template = load_template(dice.choice(["raw", "raw", "futures"]))
        with suppress(DataRefused):
            table = read_target(person.destination(), template, {})
            template = table.bindings.template
            sequence = (table.sequence or 0) + 1
            plan = make_plan([], table, sequence=sequence, settings={})
            if not plan.empty:
                person.destination().apply(plan)
    for _ in range(dice.randint(0, 3)):
        title, new = dice.choice(sorted(person.look())), dice.choice(TITLES)
        deed = dice.choice(["rename", "copy", "delete", "drop marks"])
        titles = [held.lower() for held in person.look()]
        if deed in ("rename", "copy") and new.lower() not in titles:
            (person.rename if deed == "rename" else person.copy)(title, new)
        elif deed in ("delete", "drop marks") and len(titles) > 1:
            (person.delete if deed == "delete" else person.drop_marks)(title)
    tab = dice.choice(["Signals", "Signals", "Scalping"])
    return {tab: dice.choice(TITLES)} if dice.random() < 0.4 else {}


def decided(person: Person, words: Mapping[str, str]) -> object:
    """The sheets of the tabs and what is told, or the refusal."""
    destination = person.destination()
    try:
        facts = look(destination, RAW, words, destination.stamp(""))
        bindings = bind(RAW, facts, words)
    except DataRefused as refused:
        return refused.message
    tabs = {
        name: [(each.title, each.header_row, each.how.value, dict(each.columns)) for each in found]
        for name, found in bindings.tabs.items()
    }
    return tabs, bindings.told, bindings.dropped


@pytest.mark.parametrize("seed", range(12))
def test_the_same_facts_give_the_same_decision(tmp_path: Path, sheets: RunningSheets, seed: int) -> None:
    excel, google = ExcelPerson(tmp_path / "book.xlsx"), GooglePerson(sheets)
    words = prepared(excel, seed)
    google_words = prepared(google, seed)
    assert words == google_words
    assert decided(excel, words) == decided(google, words)


def write(person: Person, template: Template) -> None:
    table = read_target(person.destination(), template, {})
    plan = make_plan([], table, sequence=(table.sequence or 0) + 1, settings={})
    person.destination().apply(plan)


@pytest.mark.parametrize(
    ("template", "tab", "owner"),
    [("raw", "Scalping", "'Signals' already"), ("signals", "Signals", "a tab of another template")],
)
@pytest.mark.parametrize("kind", ["excel", "google"])
def test_a_sheet_that_is_another_tab_is_refused_as_that(
    tmp_path: Path, sheets: RunningSheets, kind: str, template: str, tab: str, owner: str
) -> None:
    person = ExcelPerson(tmp_path / "book.xlsx") if kind == "excel" else GooglePerson(sheets)
    write(person, RAW)
    with pytest.raises(DataRefused, match=rf"The sheet 'Signals' cannot be {tab}: it is {owner}"):
        read_target(person.destination(), load_template(template), {}, {tab: "Signals"})


@pytest.mark.parametrize("seed", range(3))
def test_a_history_of_a_workbook_ends_well(tmp_path: Path, seed: int) -> None:
    assert play(ExcelPerson(tmp_path / "book.xlsx"), seed) == "done"


@pytest.mark.parametrize("seed", range(3))
def test_a_history_of_a_spreadsheet_ends_well(sheets: RunningSheets, seed: int) -> None:
    assert play(GooglePerson(sheets), seed) == "done"


@pytest.mark.soak
def test_a_thousand_histories_of_a_workbook_end_well(tmp_path: Path) -> None:
    ends = [play(ExcelPerson(tmp_path / f"{seed}.xlsx"), seed) for seed in range(1000)]
    assert ends.count("done") > 950


@pytest.mark.soak
def test_a_thousand_histories_of_a_spreadsheet_end_well(sheets: RunningSheets) -> None:
    ends = [play(GooglePerson(sheets), seed) for seed in range(1000)]
    assert ends.count("done") > 950
