"""From what is wanted and what a target holds to the changes that make one the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from decimal import Decimal

from cqs_sheets.core.cells import CellType, CellValue, number_text, same
from cqs_sheets.core.plan.facts import Choices
from cqs_sheets.core.plan.plan import (
    SETTING_VALUE,
    Add,
    NewColumn,
    Plan,
    Snapshot,
    TabState,
    Update,
    made_beside,
    new_columns,
    new_tabs,
    other_order,
)
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.fields import source
from cqs_sheets.core.templates.template import Column, TableTab, Template

_REWRITE_SHARE = 0.3  # of a tab's rows; fewer than _REWRITE_ROWS rows are never "large"
_REWRITE_ROWS = 20
_LIFE_CYCLE = frozenset({"status", "last_seen"})  # these change with time: a change is no rewrite


def make_plan(
    wanted: Iterable[WantedRow],
    snapshot: Snapshot,
    *,
    sequence: int,
    word: str = "",
    settings: Mapping[str, CellValue],
    refresh_settings: bool = False,
    choices: Choices = Choices(),
    more: Iterable[Update] = (),
    own: Iterable[Add] = (),
) -> Plan:
    """The plan that brings `wanted` rows into `snapshot`, and `more` updates; empty if they stand there already.

    `own` are new rows of the user's own tabs.

    Of a cell that both speak of, the wanted row does. `sequence` and `word` are what this write will leave.
    Synced `settings` ride along with any change, and are a change of their own only with `refresh_settings`.
    """
    template = snapshot.bindings.template
    adds: list[Add] = []
    updates: list[Update] = []
    left_deleted = 0
    columns = tuple(new_columns(snapshot))
    gained = {new.tab for new in new_tabs(snapshot, ())}
    for row in wanted:
        state = snapshot.tabs.get(row.tab)
        held = state.rows.get(row.key) if state else None
        if state is not None and held is not None:
            updates.extend(_row_updates(template, row, state, held.values, columns))
        elif state is not None and row.key in state.alike:
            continue  # it may be there: told below
        elif _was_deleted(row, snapshot) and row.tab not in gained and not choices.restore:
            left_deleted += 1
        else:
            adds.append(row)
    adds.extend(own)
    settled = {(update.tab, update.key, update.column) for update in updates}
    updates[:0] = [each for each in more if (each.tab, each.key, each.column) not in settled]
    tabs = tuple(new_tabs(snapshot, {add.tab for add in adds}))
    refusals = () if choices.force else tuple(_large_rewrites(template, snapshot, updates))
    if adds or updates or tabs or columns or refresh_settings or not snapshot.exists:
        updates.extend(_setting_updates(template, snapshot, settings, {new.tab for new in tabs}, columns))
    return Plan(
        snapshot=snapshot,
        sequence=sequence,
        word=word,
        adds=tuple(adds),
        updates=tuple(updates),
        new_tabs=tabs,
        new_columns=columns,
        left_deleted=left_deleted,
        refusals=refusals,
        warnings=(
            *snapshot.bindings.told,
            *(
                told
                for new in tabs
                if snapshot.exists and (told := made_beside(template.tab(new.tab), new.title))
            ),
            *snapshot.warnings,
            *(other_order(template, snapshot) if adds else ()),
            *_duplicates(snapshot),
            *_changed_keys(snapshot),
        ),
    )


def _was_deleted(row: WantedRow, snapshot: Snapshot) -> bool:
    """Delivered by a write that this target descends from, and gone: the user deleted it.

    Where a tab is bound to another sheet than before, or shared one, nothing can be said to be gone.
    """
    unclear = {*snapshot.bindings.dropped, *snapshot.bindings.mixed}
    return snapshot.exists and row.added is not None and row.tab not in unclear


def _row_updates(
    template: Template,
    row: WantedRow,
    state: TabState,
    held: Mapping[str, CellValue],
    new: Collection[NewColumn],
) -> Iterator[Update]:
    tab = template.tab(row.tab)
    if not isinstance(tab, TableTab):
        return
    for column in tab.columns:
        there = column.id in state.columns or NewColumn(tab.name, column.id) in new
        if not column.synced or column.id == tab.key or not there:
            continue
        old, value = held.get(column.id), row.values[column.id]
        if row.fill_only and old not in (None, ""):
            continue
        if (not same(value, old) or _is_text_of_number(value, old)) and _may_replace(column, old, value):
            yield Update(tab=row.tab, key=row.key, column=column.id, old=old, new=value)


def _is_text_of_number(wanted: CellValue, held: CellValue) -> bool:
    """Whether a text stands where the same number belongs: nothing computes with it there."""
    if not isinstance(wanted, Decimal) or not isinstance(held, str):
        return False
    return same(wanted, held) and number_text(wanted) is not None


def _may_replace(column: Column, old: CellValue, new: CellValue) -> bool:
    rule = source(column.source)
    if rule.once and old not in (None, ""):
        return False
    return not (rule.sticky and new in (None, ""))


def _setting_updates(
    template: Template,
    snapshot: Snapshot,
    settings: Mapping[str, CellValue],
    tabs: Collection[str],
    columns: Collection[NewColumn],
) -> Iterator[Update]:
    tab = template.settings_tab
    if tab is None:
        return
    state = snapshot.tabs.get(tab.name)
    if state is None and tab.name not in tabs:
        return  # the user removed the tab, which is theirs to remove, or never had one
    for setting in tab.settings:
        if not setting.synced or setting.name not in settings:
            continue
        held = state.rows.get(setting.name) if state else None
        if state is not None and held is None and NewColumn(tab.name, setting.name) not in columns:
            continue
        old, new = held.values.get(SETTING_VALUE) if held else None, settings[setting.name]
        if not same(new, old):
            yield Update(tab=tab.name, key=setting.name, column=SETTING_VALUE, old=old, new=new)


def _large_rewrites(template: Template, snapshot: Snapshot, updates: Iterable[Update]) -> Iterator[str]:
    rewritten: dict[str, set[str]] = {}
    for update in updates:
        tab = template.tab(update.tab)
        if (
            isinstance(tab, TableTab)
            and update.old not in (None, "")
            and not _is_text_of_number(update.new, update.old)
            and tab.column(update.column).source not in _LIFE_CYCLE
            and tab.column(update.column).type is not CellType.TIME  # another zone is a decision, no accident
        ):
            rewritten.setdefault(update.tab, set()).add(update.key)
    for name, keys in rewritten.items():
        total = snapshot.tabs[name].row_count
        if len(keys) > _REWRITE_ROWS and len(keys) > _REWRITE_SHARE * total:
            yield (
                f"{len(keys)} of the {total} rows of {name} would be rewritten, more than"
                f" {_REWRITE_SHARE:.0%}"
            )


def _fed(snapshot: Snapshot) -> Iterator[TabState]:
    """The tabs whose rows are kept up to date: a user's own may well hold a key twice."""
    own = {tab.name for tab in snapshot.bindings.template.tables if not tab.fed}
    return (state for name, state in snapshot.tabs.items() if name not in own)


def _duplicates(snapshot: Snapshot) -> Iterator[str]:
    for state in _fed(snapshot):
        for key, rows in state.duplicates.items():
            where = ", ".join(map(str, rows))
            yield f"{state.name}: id {key} stands in rows {where}; only row {rows[0]} is kept up to date"


def _changed_keys(snapshot: Snapshot) -> Iterator[str]:
    """Ids that stand there in another way of writing: surely, or perhaps."""
    for state in _fed(snapshot):
        for key, (text, rows, sure) in state.alike.items():
            where = f"row{'s' * (len(rows) > 1)} {', '.join(map(str, rows))}"
            if sure:
                yield f"{state.name}: id {key} is written {text!r} in {where}; that row is kept up to date"
            elif key not in state.rows:
                yield (
                    f"{state.name}: id {key} is not written: {where} may be it, where {text!r} stands;"
                    f" type {key} into its cell of the id if it is, else another id, and run with --restore"
                )
