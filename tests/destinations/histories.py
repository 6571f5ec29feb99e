"""A target over some days: syncs, and between them everything a person does to whole tabs. A seed decides."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC
from typing import Any

from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.signal import FeedTable, Record, Status
from cqs_sheets.errors import DataRefused
from cqs_sheets.run.looking import read_target
from cqs_sheets.template_files import load_template
from tests.destinations.persons import Person, texts
from tests.make import NOON, signal, wanted_rows
from tests.upgrade.books import headers, ids, rows

TABS = {FeedTable.MAIN: "Signals", FeedTable.SCALPING: "Scalping"}


class History:
    """What was done (`story`), and what must hold after each sync."""

    def __init__(self, person: Person, seed: int) -> None:
        self.person = person
        self.dice = random.Random(seed)  # noqa: S311
        self.template = load_template(self.dice.choice(["raw", "raw", "signals"]))
        self.records: dict[tuple[str, str], Record] = {}
        self.added: dict[tuple[str, str, str], int] = {}  # by template
        self.titles: dict[str, str] = {}
        self.gone: set[tuple[str, str]] = set()
        self.second = False
        self.texts = 0
        self.story: list[str] = []

    def run(self) -> None:
        self.sync()
        for _ in range(self.dice.randint(2, 4)):
            for _ in range(self.dice.randint(1, 2)):
                self.edit()
            self.sync()

    # The sync

    def news(self) -> None:
        for table, tab in TABS.items():
            for _ in range(self.dice.choice([0, 1, 1, 2, 3])):
                number = 5000 + sum(known == tab for known, _ in self.records)  # the same ids in both tables
                coin = f"{tab[:2].upper()}{number}"
                made = signal(str(number), coin=coin, table=table)
                self.records[tab, str(number)] = Record(
                    signal=made,
                    status=Status.OPEN,
                    first_seen=NOON,
                    last_seen=None,
                    arrival=number,
                    revision=1,
                )

    def wanted(self) -> list[WantedRow]:
        found: list[WantedRow] = []
        for (tab, id_), record in self.records.items():
            added = self.added.get((self.template.name, tab, id_))
            found += wanted_rows(self.template, record, UTC, added=added)
        return found

    def sync(self) -> None:
        self.news()
        before = self.person.look()
        wanted = self.wanted()
        destination = self.person.destination()
        keys: dict[str, set[str]] = {}
        for row in wanted:
            keys.setdefault(row.tab, set()).add(row.key)
        table = read_target(destination, self.template, keys)
        plan = make_plan(wanted, table, sequence=(table.sequence or 0) + 1, settings={})
        if not plan.empty:
            destination.apply(plan)
        self.story.append(f"sync: {len(plan.adds)} rows, {plan.new_tabs}, {plan.warnings}")
        for row in wanted:
            self.added.setdefault((self.template.name, row.tab, row.key), plan.sequence)
        after = self.person.look()
        # a copy that has our title, once ours was deleted
        for tab, binding in table.bindings.adopted.items():
            self.titles[tab] = binding.title
            everything = tab in table.bindings.dropped
            back = {key for at, key in self.gone if at == tab} if everything else ids(before[binding.title])
            self.gone -= {(tab, key) for key in back}
        for new in plan.new_tabs:  # where Google was not asked for all titles, it may be made under another
            if new.tab in TABS.values():
                made = after.keys() - before.keys()
                self.titles[new.tab] = next(title for title in made if title.startswith(new.tab))
        self.check(before, after, len(plan.adds))

    def other(self) -> None:
        """The second template, which has tabs of the same names or others, in the same file."""
        destination = self.person.destination()
        table = read_target(destination, load_template("futures"), {})
        destination.apply(make_plan([], table, sequence=(table.sequence or 0) + 1, settings={}))
        self.second = True

    # The person

    def edit(self) -> None:
        deeds: list[Callable[[str, str], Any]] = [
            self.rename, self.rename, self.copy, self.copy, self.delete, self.sort, self.sort, self.row_above,
            self.row_below, self.column, self.table, self.text, self.text, self.text, self.archive,
        ]  # fmt: skip
        if not self.second and self.dice.random() < 0.15:
            self.story.append("second template")
            self.other()
            return
        if not self.titles:
            return
        tab, title = self.dice.choice(sorted(self.titles.items()))
        deed = self.dice.choice(deeds)
        self.story.append(f"{deed.__name__} {title}")
        deed(tab, title)

    def free(self, name: str) -> str:
        taken = {title.lower() for title in self.person.look()}
        others = (f"{name} ({number})" for number in range(2, 99))
        return next(title for title in (name, *others) if title.lower() not in taken)

    def rename(self, tab: str, title: str) -> None:
        new = self.free(
            self.dice.choice(["Mine", "Archiv", "My trades", "Signals old", "Signals", "Scalping"])
        )
        self.person.rename(title, new)
        self.titles[tab] = new

    def copy(self, tab: str, title: str) -> None:
        del tab
        self.person.copy(
            title, self.free(self.dice.choice([f"Copy of {title}", f"{title} (2)", "Signals", "Scalping"]))
        )

    def archive(self, tab: str, title: str) -> None:
        """Ours is renamed, and a copy gets its title."""
        new = self.free("Archive")
        self.person.rename(title, new)
        self.titles[tab] = new
        self.person.copy(new, title)

    def delete(self, tab: str, title: str) -> None:
        held = ids(self.person.look()[title])
        self.person.delete(title)
        del self.titles[tab]
        self.gone |= {(tab, key) for key in held}

    def sort(self, _: str, title: str) -> None:
        self.person.reverse(title, self.header(title))

    def row_above(self, _: str, title: str) -> None:
        self.person.insert_row(title, 1)

    def row_below(self, _: str, title: str) -> None:
        found = rows(self.person.look()[title])
        if len(found) > 1:
            self.person.insert_row(title, self.dice.choice(found[1:])[1])

    def column(self, _: str, title: str) -> None:
        self.person.insert_column(title, self.dice.randint(1, 4))

    def table(self, _: str, title: str) -> None:
        grid = self.person.look()[title]
        top, texts_ = headers(grid)
        last = max([row for _, row in rows(grid)], default=top)
        self.person.make_table(title, top, last, max(texts_))

    def text(self, _: str, title: str) -> None:
        grid = self.person.look()[title]
        found = rows(grid)
        if found:
            key, row = self.dice.choice(found)
            self.texts += 1
            column = max(at for _, at in grid) + self.dice.randint(1, 2)
            self.person.put(title, row, column, f"mine {key} {self.texts}")

    def header(self, title: str) -> int:
        return headers(self.person.look()[title])[0]

    # What must hold

    def check(self, before: dict[str, Any], after: dict[str, Any], added: int) -> None:
        count = {title: len(ids(grid)) for title, grid in after.items()}
        was = {title: len(ids(grid)) for title, grid in before.items()}
        assert sum(count.values()) - sum(was.values()) == added
        ours = set(self.titles.values())
        for title, grid in before.items():
            if title not in ours and title != "Settings":
                assert after[title] == grid, f"{title} is the person's"
        for tab in TABS.values():
            wanted = {id_ for known, id_ in self.records if known == tab} - {
                id_ for known, id_ in self.gone if known == tab
            }
            held = Counter(ids(after[self.titles[tab]]) if tab in self.titles else [])
            assert held == Counter(wanted), f"{tab}: {held} for {sorted(wanted)}"
        for title in ours:
            self.check_rows(after[title])
        assert texts(after) == texts(before)

    def check_rows(self, grid: dict[tuple[int, int], Any]) -> None:
        """Each row is of one signal, and what the person wrote beside it still is beside it."""
        for key, row in rows(grid):
            line = [str(value) for (at, _), value in grid.items() if at == row]
            coins = {each[2:] for each in line if each[:2] in ("SI", "SC") and each[2:].isdigit()}
            assert coins == {key}, line
            assert all(each.split()[1] == key for each in line if each.startswith("mine ")), line


def play(person: Person, seed: int) -> str:
    """One history: "done", or "refused" where a sync wants the user's word; AssertionError with the story."""
    history = History(person, seed)
    try:
        history.run()
    except DataRefused as refused:
        history.story.append(str(refused))
        return f"refused: {refused.message}"
    except Exception as error:
        raise AssertionError(
            "\n".join([f"seed {seed}, {history.template.name}", *history.story, repr(error)])
        ) from error
    return "done"
