"""What a plan changes, as a report counts it and as people are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan.plan import Add, Plan
from cqs_sheets.core.render import cell_text, plain_price
from cqs_sheets.core.signals.fields import JOURNALED
from cqs_sheets.core.signals.signal import Status
from cqs_sheets.core.templates.template import SettingsTab, TableTab
from cqs_sheets.core.text import plural

_MOST_CHANGES = 40  # a screenful; --json has them all


def plan_lines(plan: Plan) -> Iterator[str]:
    """A plan's changes as a diff, in order: `+` what is made or a row added, `~` a row with cells updated."""
    changes = [
        f"= {name} is the sheet {found.title!r}" for name, found in plan.snapshot.bindings.adopted.items()
    ]
    changes += [f"+ tab {new.title}" for new in plan.new_tabs if not new.tab.startswith("_")]
    changes += [f"+ column {new.column} of {new.tab}" for new in plan.new_columns]
    changes += [_add_line(plan, add) for add in plan.adds]
    changes += _update_lines(plan)
    yield from changes[:_MOST_CHANGES]
    if len(changes) > _MOST_CHANGES:
        yield f"  and {len(changes) - _MOST_CHANGES:,} more"


_SHOWN = (
    "pair", "direction", "type", "entry_low", "entry_high", "buy_start", "buy_end", "stop_loss",
    "target1", "target2", "target3",
)  # fmt: skip
_NAMED = {"stop_loss": "stop", "target1": "TP", "entry_low": "zone", "buy_start": "zone"}
_LEAST = 4  # of these a table of signals has; another one shows its first columns


def _add_line(plan: Plan, add: Add) -> str:
    """A new row by what a trader knows it by, as far as the tab has it."""
    tab = plan.template.tab(add.tab)
    columns = tab.columns if isinstance(tab, TableTab) else ()
    by_source = {column.source: column.id for column in columns if column.id in add.values}
    shown = [name for name in _SHOWN if name in by_source]
    if "pair" not in shown and {"coin", "currency"} <= by_source.keys():
        shown = ["coin", "currency", *shown]
    if "entry_low" in shown:
        shown = [name for name in shown if name not in ("buy_start", "buy_end")]
    if len(shown) < _LEAST:
        shown = list(by_source)[:6]
    texts = ((name, cell_text(_short(add.values[by_source[name]]))) for name in shown)
    words = [f"{_NAMED[name]} {text}" if name in _NAMED else text for name, text in texts if text]
    return f"+ {add.tab} {add.key} {' '.join(words)}"


def _update_lines(plan: Plan) -> Iterator[str]:
    """A row's updates in one line; those of a Settings tab, too."""
    rows: dict[tuple[str, str], list[str]] = {}
    for update in plan.updates:
        tab = plan.template.tab(update.tab)
        table = isinstance(tab, TableTab)
        name = tab.column(update.column).header if isinstance(tab, TableTab) else update.key
        old, new = (cell_text(_short(value)) or "(blank)" for value in (update.old, update.new))
        rows.setdefault((update.tab, update.key if table else ""), []).append(f"{name}: {old} -> {new}")
    for (name, key), changes in rows.items():
        yield f"~ {name} {key}{' ' if key else ''}{', '.join(changes)}"


def _short(value: CellValue) -> CellValue:
    """A number without the zeros at its end."""
    return plain_price(value) if isinstance(value, Decimal) else value


def counted(plans: Sequence[Plan], *, new_file: bool) -> tuple[int, int, int, tuple[str, ...]]:
    """How many rows they add, update and mark closed, and what the first of them makes."""
    added = sum(len(plan.adds) for plan in plans)
    return added, *_rows_changed(plans), _made(plans[0], new_file=new_file)


def _made(plan: Plan, *, new_file: bool) -> tuple[str, ...]:
    """What a target lacked of its template; the tabs of a new workbook go without saying."""
    if not plan.snapshot.exists and new_file:
        return ("a new workbook",)
    tabs = [new.title for new in plan.new_tabs if not new.tab.startswith("_")]
    told = [f"{'tab' if len(tabs) == 1 else 'tabs'} {', '.join(tabs)}"] if tabs else []
    for name, count in Counter(new.tab for new in plan.new_columns).items():
        settings = isinstance(plan.template.tab(name), SettingsTab)
        told.append(plural(count, "setting") if settings else f"{plural(count, 'column')} of {name}")
    return tuple(told)


def _rows_changed(plans: Sequence[Plan]) -> tuple[int, int]:
    """How many rows that stood there are updated, and how many of all are marked closed."""
    updated, closed = set(), set()
    for plan in plans:
        for change in plan.updates:
            tab = plan.template.tab(change.tab)
            if isinstance(tab, TableTab) and tab.column(change.column).source != JOURNALED:
                updated.add((change.tab, change.key))
                if tab.column(change.column).source == "status" and change.new == Status.CLOSED.value:
                    closed.add((change.tab, change.key))
    added = {(new.tab, new.key) for plan in (plans if updated else ()) for new in plan.adds}
    return len(updated - closed - added), len(closed)
