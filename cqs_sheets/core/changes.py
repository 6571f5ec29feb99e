"""What a plan changes, as a report counts it and as people are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from cqs_sheets.core.plan.plan import Add, Plan
from cqs_sheets.core.render import cell_text, plural
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.core.templates.template import SettingsTab, TableTab

_MOST_CHANGES = 40  # a screenful; --json has them all


def plan_lines(plan: Plan) -> Iterator[str]:
    """A plan's changes, in order: `+` a tab, column or row added, `~` a cell updated."""
    changes = [
        f"= {name} is the sheet {found.title!r}" for name, found in plan.snapshot.bindings.adopted.items()
    ]
    changes += [f"+ tab {new.title}" for new in plan.new_tabs if plan.snapshot.exists]
    changes += [f"+ column {new.column} of {new.tab}" for new in plan.new_columns]
    changes += [_add_line(plan, add) for add in plan.adds]
    changes += [
        f"~ {update.tab} {update.key} {update.column}: {cell_text(update.old) or '(blank)'}"
        f" -> {cell_text(update.new) or '(blank)'}"
        for update in plan.updates
    ]
    yield from changes[:_MOST_CHANGES]
    if len(changes) > _MOST_CHANGES:
        yield f"  and {len(changes) - _MOST_CHANGES:,} more"


def _add_line(plan: Plan, add: Add) -> str:
    tab = plan.template.tab(add.tab)
    shown: Sequence[str] = []
    if isinstance(tab, TableTab):
        shown = [cell_text(add.values[column.id]) for column in tab.columns[:12] if column.id in add.values]
    return f"+ {add.tab} {' '.join(text for text in shown if text)}"


def counted(plan: Plan) -> tuple[int, int, int, tuple[str, ...]]:
    """How many rows it adds, updates and marks closed, and what it makes."""
    return len(plan.adds), *_rows_changed(plan), _made(plan)


def _made(plan: Plan) -> tuple[str, ...]:
    """What a living target lacked of its template; the tabs of a new one go without saying."""
    if not plan.snapshot.exists:
        return ()
    tabs = [new.title for new in plan.new_tabs if not new.tab.startswith("_")]
    told = [f"{'tab' if len(tabs) == 1 else 'tabs'} {', '.join(tabs)}"] if tabs else []
    for name, count in Counter(new.tab for new in plan.new_columns).items():
        settings = isinstance(plan.template.tab(name), SettingsTab)
        told.append(plural(count, "setting") if settings else f"{plural(count, 'column')} of {name}")
    return tuple(told)


def _rows_changed(plan: Plan) -> tuple[int, int]:
    """How many rows are updated, and how many of all are marked closed."""
    updated, closed = set(), set()
    for change in plan.updates:
        tab = plan.template.tab(change.tab)
        if isinstance(tab, TableTab):
            updated.add((change.tab, change.key))
            if tab.column(change.column).source == "status" and change.new == Status.CLOSED.value:
                closed.add((change.tab, change.key))
    return len(updated - closed), len(closed)
