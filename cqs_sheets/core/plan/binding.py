"""Which sheet of a target is which tab of a template: one rule, the same for every destination.

1. The user's word (`tabs` in the config, `--tab`), if the sheet of that title has the key's header: marks move there.
2. Our marks, whatever the sheet is called.
3. A sheet with the tab's title, and one row with the key's header and most of the synced headers.
Nothing else is taken for ours. A sheet is bound once, an optional tab is never guessed, and of two
candidates neither is taken: that is refused by name. What is not bound is made anew, beside what is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial

from cqs_sheets.core.grid import column_letters
from cqs_sheets.core.plan.facts import Facts, MarkedTab, SheetFacts, Spot
from cqs_sheets.core.signals.exchanges import nearest
from cqs_sheets.core.templates.template import Tab, TableTab, Template
from cqs_sheets.errors import ROWS_WAIT, DataRefused, UsageError
from cqs_sheets.values import dataclass, field, replace

_SAME_TAB = 0.5  # of the marked columns: fewer are known to the tab of another template with the same name


class How(StrEnum):
    """What a sheet was known by."""

    MARKS = "marks"
    WORD = "the user's word"
    TITLE = "its title and headers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A sheet that is a tab, or a volume of it. `columns`: column id -> position, of those that are there."""

    sheet: str
    title: str
    header_row: int
    columns: Mapping[str, int]
    how: How = How.MARKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Bindings:
    """The sheets of a template's table tabs, by tab: its volumes in order; a tab without any is not there.

    `template` carries the marks by which its tabs are known in this target. `dropped` are tabs whose marks
    lie where they are of no use any more; the next write takes them away. `mixed` are tabs whose rows may have been
    overwritten, as another tab had the same sheet. `told` is for the user.
    """

    template: Template
    tabs: Mapping[str, tuple[Binding, ...]] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    mixed: frozenset[str] = frozenset()
    told: tuple[str, ...] = ()

    @property
    def adopted(self) -> Mapping[str, Binding]:
        """The tabs that are bound to a sheet that has none of their marks yet."""
        return {
            name: volumes[0]
            for name, volumes in self.tabs.items()
            if volumes and volumes[0].how is not How.MARKS
        }


def bind(template: Template, facts: Facts, words: Mapping[str, str], *, written: bool = False) -> Bindings:
    """The sheets of a template's tabs. `words`: tab -> the title that the user gave it.

    `written`: rows were delivered to this target, so it is not taken for a new one. Raises UsageError for
    words that name no tab, and DataRefused where a wrong guess could double or misplace rows.
    """
    tabs = tuple(_with_mark(template, tab, facts) for tab in template.tabs)
    return _Binder(replace(template, tabs=tabs), facts, _checked(template, words), written=written).run()


def searched_titles(template: Template, facts: Facts, words: Mapping[str, str]) -> tuple[str, ...]:
    """The titles of the sheets whose first rows `bind` has to see, beyond what marks tell."""
    if not facts.exists:
        return ()
    marked = {
        spot.sheet
        for volumes in facts.marks.values()
        for one in volumes
        for each in one
        for spot in _spots(each)
    }
    known = {sheet.title.lower() for sheet in facts.sheets if sheet.id in marked}
    said = [title for title in words.values() if title.lower() not in known]
    guessed = [
        tab.name
        for tab in map(partial(_with_mark, template, facts=facts), template.fed_tabs)
        if isinstance(tab, TableTab)
        and not tab.when_needed
        and tab.name not in words
        and not _is_marked(facts, tab)
    ]
    return tuple(dict.fromkeys([*said, *guessed]))


def _is_marked(facts: Facts, tab: TableTab) -> bool:
    first = next(iter(facts.marks.get(tab.mark_name, ())), ())
    return any(not each.copied and any(_spots(each)) for each in first)


def marks_of(template: Template) -> tuple[str, ...]:
    """The names that the marks of a template's tabs may carry."""
    tabs = [tab for tab in template.tabs if isinstance(tab, TableTab)]
    return tuple(name for tab in tabs for name in (tab.name, _own_mark(template, tab)))


def match_headers(tab: TableTab, texts: Mapping[int, str]) -> dict[str, int]:
    """Columns by the header texts of one row: the template's header, its column id or its source, in any case."""
    free = {text.strip().lower(): at for at, text in sorted(texts.items(), reverse=True) if text.strip()}
    found: dict[str, int] = {}
    for wanted in ("header", "id", "source"):
        for column in tab.columns:
            name = str(getattr(column, wanted)).strip().lower()
            if column.id not in found and name in free:
                found[column.id] = free.pop(name)
    return found


def _own_mark(template: Template, tab: TableTab) -> str:
    """What marks call a tab in a target where another template has a tab of the same name."""
    return f"{template.name}~{tab.name}"


def _with_mark(template: Template, tab: Tab, facts: Facts) -> Tab:
    """The tab, known by a name of its own where the marks of its name are those of another template's tab."""
    if not isinstance(tab, TableTab):
        return tab
    marked = {id_ for volume in facts.marks.get(tab.name, ()) for each in volume for id_ in each.columns}
    ours = marked & {column.id for column in tab.columns}
    foreign = len(ours) < _SAME_TAB * len(marked)
    return replace(tab, mark=_own_mark(template, tab)) if foreign else tab


def _checked(template: Template, words: Mapping[str, str]) -> Mapping[str, str]:
    """The user's words, each for a table tab of the template and for a sheet of its own; UsageError otherwise."""
    names = [tab.name for tab in template.tabs if isinstance(tab, TableTab)]
    for name in words:
        if name not in names:
            meant = nearest(name, names)
            raise UsageError(
                f"The template {template.name} has no tab {name!r} that takes rows.",
                meaning="Nothing was written.",
                hint=f"Did you mean {meant!r}?" if meant else f"It has {', '.join(names)}.",
            )
    titles = [title.lower() for title in words.values()]
    if len(set(titles)) < len(titles):
        raise UsageError(
            "Two tabs are given the same sheet: " + ", ".join(words.values()) + ".",
            meaning="Nothing was written.",
            hint="A sheet can be one tab only.",
        )
    return words


@dataclass(slots=True)
class _Binder:
    template: Template  # with marks
    facts: Facts
    words: Mapping[str, str]
    written: bool
    bound: dict[str, tuple[Binding, ...]] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    mixed: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)

    def run(self) -> Bindings:
        tabs = [tab for tab in self.template.tabs if isinstance(tab, TableTab)]
        for tab in tabs:
            if tab.name in self.words:
                self._by_word(tab, self.words[tab.name])
        for tab in tabs:
            if tab.name not in self.bound:
                self._by_marks(tab)
        self._check_shared()
        for tab in tabs:
            if tab.name not in self.bound and tab.fed and not tab.when_needed:
                self._by_title(tab)
        self._check_known()
        return Bindings(
            template=self.template,
            tabs={tab.name: self.bound[tab.name] for tab in tabs if tab.name in self.bound},
            dropped=tuple(self.dropped),
            mixed=frozenset(self.mixed),
            told=tuple(self.told),
        )

    # 1: the user's word

    def _by_word(self, tab: TableTab, title: str) -> None:
        sheet = self._titled(title)
        if sheet is None:
            if not self.facts.exists:
                return
            self._by_marks(tab)
            if tab.name not in self.bound:
                raise _no_such_sheet(tab, title, self.facts)
            now = self.bound[tab.name][0].title
            self.told.append(f"no sheet is called {title!r} any more; {now!r} has the marks of {tab.name}")
            return
        marked = self._marked(tab)
        if marked and marked[0].sheet == sheet.id:
            self.bound[tab.name] = marked
            return
        if owner := self._owner_of(sheet, tab):
            raise _owned(tab, sheet.title, owner)
        rows = [(row, columns) for row, columns in _keyed_rows(tab, sheet) if columns]
        row, columns = _best(tab, sheet, rows)
        self.bound[tab.name] = (_binding(sheet, row, columns, How.WORD),)
        self._adopt(tab, sheet, row, columns, was=marked[0].title if marked else "")

    def _adopt(
        self, tab: TableTab, sheet: SheetFacts, row: int, columns: Mapping[str, int], was: str = ""
    ) -> None:
        if tab.mark_name in self.facts.marks:
            self.dropped.append(tab.name)
        texts = sheet.rows.get(row, {})
        listed = ", ".join(f"{column_letters(at)} {texts.get(at, '')!r}" for at in sorted(columns.values()))
        before = f" instead of {was!r}, whose rows stay where they are" if was else ""
        self.told.append(
            f"the sheet {sheet.title!r} is {tab.name} from now on{before}; written there are only {listed}"
        )

    # 2: our marks

    def _by_marks(self, tab: TableTab) -> None:
        volumes = self._marked(tab)
        sheets = {binding.sheet for binding in volumes}
        owners = {
            name for name in self.words if any(each.sheet in sheets for each in self.bound.get(name, ()))
        }
        if owners:
            self.dropped.append(tab.name)
            self.mixed |= owners
            self.told.append(
                f"{tab.name} gets a tab of its own: {volumes[0].title!r} had its marks, too; rows of it stay there"
            )
        elif volumes:
            self.bound[tab.name] = volumes

    def _marked(self, tab: TableTab) -> tuple[Binding, ...]:
        """The volumes by their marks; none where the tab was deleted. DataRefused for a fed tab that lost its key."""
        found = []
        for candidates in self.facts.marks.get(tab.mark_name, ()):
            binding = self._one_of(tab, [each for each in candidates if not each.copied])
            if binding is None:
                break
            found.append(binding)
        return tuple(found)

    def _one_of(self, tab: TableTab, candidates: Sequence[MarkedTab]) -> Binding | None:
        usable: list[Binding] = []
        lost: list[str] = []
        for each in candidates:
            result = self._usable(tab, each)
            if isinstance(result, Binding):
                usable.append(result)
            elif result:
                lost.append(result)
        if len(usable) > 1:
            usable = [each for each in usable if each.title.lower() == tab.name.lower()] or usable
        if len(usable) > 1:
            raise _two(tab, [each.title for each in usable])
        if not usable and lost and tab.fed:
            raise _lost(tab, lost[0])
        return usable[0] if usable else None

    def _usable(self, tab: TableTab, marked: MarkedTab) -> Binding | str:
        """A binding, or what the marks lost; "" if all they pointed at was deleted."""
        sheets = {sheet.id: sheet for sheet in self.facts.sheets}
        live = {id_: spot for id_, spot in marked.columns.items() if spot and spot.sheet in sheets}
        if not live:
            return marked.lost
        key = live.get(tab.key)
        title = sheets[(key or next(iter(live.values()))).sheet].title
        if key is None:
            return f"its key column, {tab.column(tab.key).header!r}, was deleted from {title!r}"
        if marked.lost:
            return f"{title!r}: {marked.lost}"
        columns = {id_: spot.column for id_, spot in live.items() if spot[:2] == key[:2]}
        if len(set(columns.values())) < len(columns):
            return f"two of its columns stand in one place in {title!r}"
        return _binding(sheets[key.sheet], key.row, columns, How.MARKS)

    def _check_shared(self) -> None:
        owners: dict[str, TableTab] = {}
        for name, volumes in self.bound.items():
            tab = self.template.tab(name)
            for binding in volumes:
                other = owners.setdefault(binding.sheet, tab)  # type: ignore[arg-type]
                if other.name != name:
                    raise _shared(other.name, name, binding.title)

    # 3: the title and the headers

    def _by_title(self, tab: TableTab) -> None:
        sheet = self._titled(tab.name)
        if sheet is None or sheet.id in self._taken():
            return
        rows = [(row, columns) for row, columns in _keyed_rows(tab, sheet) if _has_most(tab, columns)]
        if rows:
            row, columns = _best(tab, sheet, rows)
            self.bound[tab.name] = (_binding(sheet, row, columns, How.TITLE),)
            self._adopt(tab, sheet, row, columns)
        elif self.facts.marks.get(tab.mark_name):
            raise _lost(tab, f"the sheet {sheet.title!r} lost its header row")

    def _taken(self) -> set[str]:
        """The sheets that are bound, or carry the marks of a tab of another template."""
        bound = {binding.sheet for volumes in self.bound.values() for binding in volumes}
        foreign = (name for name in self.facts.marks if name not in self._names)
        return bound.union(*(self._marked_by(name, copies=True) for name in foreign))

    def _owner_of(self, sheet: SheetFacts, tab: TableTab) -> str:
        """What another tab is called that a sheet is by its marks; "" if it is none."""
        for name in self.facts.marks:
            if name != tab.mark_name and sheet.id in self._marked_by(name):
                return repr(self._names[name]) if name in self._names else "a tab of another template"
        return ""

    @property
    def _names(self) -> Mapping[str, str]:
        """The names of the template's own tabs, by what their marks carry."""
        return {tab.mark_name: tab.name for tab in self.template.tabs if isinstance(tab, TableTab)}

    def _marked_by(self, name: str, *, copies: bool = False) -> set[str]:
        """The sheets that marks of that name lie on, also those that came with a copy."""
        marked = (each for volume in self.facts.marks[name] for each in volume if copies or not each.copied)
        return {spot.sheet for each in marked for spot in _spots(each)}

    def _check_known(self) -> None:
        facts = self.facts
        ours = facts.sequence is not None or facts.made is not None or any(facts.marks.values())
        if self.written and facts.exists and not ours and not self.bound:
            raise _forgotten(self.template, facts)

    def _titled(self, title: str) -> SheetFacts | None:
        sheets = self.facts.sheets
        alike = [sheet for sheet in sheets if sheet.title.lower() == title.lower()]
        return next((sheet for sheet in alike if sheet.title == title), next(iter(alike), None))


def _spots(marked: MarkedTab) -> Iterator[Spot]:
    yield from (spot for spot in marked.columns.values() if spot)


def _binding(sheet: SheetFacts, row: int, columns: Mapping[str, int], how: How) -> Binding:
    return Binding(sheet=sheet.id, title=sheet.title, header_row=row, columns=columns, how=how)


def _keyed_rows(tab: TableTab, sheet: SheetFacts) -> Iterator[tuple[int, dict[str, int]]]:
    """The rows of a sheet that have the key's header, each with the columns that it has headers of."""
    for row, texts in sheet.rows.items():
        columns = match_headers(tab, texts)
        if tab.key in columns:
            yield row, columns


def _has_most(tab: TableTab, columns: Mapping[str, int]) -> bool:
    synced = [column.id for column in tab.columns if column.synced]
    return 2 * len(columns.keys() & set(synced)) > len(synced)


def _best(
    tab: TableTab, sheet: SheetFacts, rows: Sequence[tuple[int, dict[str, int]]]
) -> tuple[int, dict[str, int]]:
    """The row with the most headers; DataRefused if there is none, or if two have as many."""
    if not rows:
        raise DataRefused(
            f"The sheet {sheet.title!r} cannot be {tab.name}: none of its first rows has the header"
            f" {tab.column(tab.key).header!r}, by which rows are told apart.",
            meaning=ROWS_WAIT,
            hint="Give it that column, or name another sheet.",
        )
    most = max(len(columns) for _, columns in rows)
    best = [(row, columns) for row, columns in rows if len(columns) == most]
    if len(best) > 1:
        where = " and ".join(str(row) for row, _ in best)
        raise DataRefused(
            f"The sheet {sheet.title!r} has two header rows for {tab.name}, in rows {where}.",
            meaning=ROWS_WAIT,
            hint="Move one of the tables to another sheet, or change the header of its ids.",
        )
    return best[0]


def _no_such_sheet(tab: TableTab, title: str, facts: Facts) -> DataRefused:
    titles = [sheet.title for sheet in facts.sheets]
    meant = nearest(title, titles)
    return DataRefused(
        f"There is no sheet {title!r} that could be {tab.name}.",
        meaning=ROWS_WAIT,
        hint=f"Did you mean {meant!r}?" if meant else f"Its sheets are {', '.join(map(repr, titles))}.",
    )


def _owned(tab: TableTab, title: str, owner: str) -> DataRefused:
    return DataRefused(
        f"The sheet {title!r} cannot be {tab.name}: it is {owner} already, and holds the rows of that.",
        meaning=ROWS_WAIT,
        hint="Name another sheet; one can be one tab of one template.",
    )


def _two(tab: TableTab, titles: Sequence[str]) -> DataRefused:
    listed = " and ".join(map(repr, titles))
    return DataRefused(
        f"Two sheets carry the marks of {tab.name}: {listed}.",
        meaning=ROWS_WAIT,
        hint=f"Say which of them it is, for example --tab {tab.name}={_quoted(titles[0])}, or rename it to {tab.name}.",
    )


def _shared(first: str, second: str, title: str) -> DataRefused:
    return DataRefused(
        f"The sheet {title!r} carries the marks of two tabs, {first} and {second}: an earlier version put both there.",
        meaning=ROWS_WAIT,
        hint=f"Say which it is: --tab {first}={_quoted(title)}; the other then gets a tab of its own.",
    )


def _lost(tab: TableTab, what: str) -> DataRefused:
    return DataRefused(
        f"The tab {tab.name} cannot be updated: {what}.",
        meaning=ROWS_WAIT,
        hint="Undo it, restore an earlier version, or delete the whole tab: it is then made anew;"
        f' or name the sheet that stands for it: --tab {tab.name}="its title".',
    )


def _forgotten(template: Template, facts: Facts) -> DataRefused:
    name = next((tab.name for tab in template.fed_tabs), template.name)
    titles = ", ".join(repr(sheet.title) for sheet in facts.sheets)
    example = facts.sheets[0].title if facts.sheets else "its title"
    return DataRefused(
        "Rows were written here before, and nothing tells any more which sheet they are in: another program"
        " dropped our marks, or the target is another one now.",
        meaning=ROWS_WAIT,
        hint=f"Name the sheet: --tab {name}={_quoted(example)} (there are {titles}); or have new tabs made with all"
        " rows: --restore.",
    )


def _quoted(title: str) -> str:
    return '"' + title.replace('"', '\\"') + '"'
