"""The times of a target that was written on the clocks of another zone, on those of today's.

Rows of signals that the journal knows get their own times; those of others are converted, as the sheet
said on which clocks they stand. What nobody but the user can have typed stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from cqs_sheets.core.cells import CellType, CellValue, same
from cqs_sheets.core.plan.plan import SETTING_VALUE, Snapshot, TabState, Update
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.fields import source, wall_time
from cqs_sheets.core.templates.template import Column, TableTab, Template
from cqs_sheets.values import dataclass, field

TIME_ZONE = "Time_zone"
"""The setting that names the zone of a target's times."""

OneRow = tuple[str, str]
"""A row by its tab and key."""


def zone_named(name: str) -> ZoneInfo | None:
    """The zone of a name that was found somewhere, if it is one."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        return None


def recorded_zone(template: Template, snapshot: Snapshot) -> str:
    """What a target itself says of its zone; "" if it has no such cell."""
    tab = template.settings_tab
    state = snapshot.tabs.get(tab.name) if tab else None
    held = state.rows.get(TIME_ZONE) if state else None
    return str((held.values.get(SETTING_VALUE) if held else None) or "").strip()


@dataclass(slots=True, kw_only=True)
class Rezoning:
    """All times of a snapshot from clocks `old` to `new`.

    `before` and `after` are the rows that the journal knows, as they were and are to be. `kept` gathers the
    cells that are left as they are ("Signals, row 7"), as nobody but the user can have typed them.
    """

    template: Template
    snapshot: Snapshot
    old: tzinfo
    new: tzinfo
    before: Mapping[OneRow, WantedRow]
    after: Mapping[OneRow, WantedRow]
    kept: list[str] = field(default_factory=list)

    def updates(self) -> Iterator[Update]:
        """A change for each time that is not right on the new clocks."""
        for tab in self.template.fed_tabs:
            state = self.snapshot.tabs.get(tab.name)
            if state is not None:
                yield from self._of_tab(tab, state)

    def _of_tab(self, tab: TableTab, state: TabState) -> Iterator[Update]:
        times = [column for column in tab.columns if column.synced and column.type is CellType.TIME]
        for key, held in state.rows.items():
            for column in times:
                value = held.values.get(column.id)
                if column.id not in state.columns or value in (None, ""):
                    continue
                moved = self._moved((tab.name, key), column, value)
                if moved is None:
                    self.kept.append(f"{tab.name}, row {held.row}")
                elif not same(moved, value):
                    yield Update(tab=tab.name, key=key, column=column.id, old=value, new=moved)

    def _moved(self, row: OneRow, column: Column, value: CellValue) -> datetime | None:
        """The time as it is to be; None if it is none of ours."""
        if not isinstance(value, datetime):
            return None
        before, after = self.before.get(row), self.after.get(row)
        if before and after:
            was, wanted = before.values[column.id], after.values[column.id]
            if same(was, value) or same(wanted, value):
                return wanted if isinstance(wanted, datetime) else None
            if not source(column.source).once:
                return None
        return self._converted(value)

    def _converted(self, value: datetime) -> datetime | None:
        """None for a time that those clocks never showed."""
        moment = value.replace(tzinfo=self.old).astimezone(UTC)
        if moment.astimezone(self.old).replace(tzinfo=None) != value:
            return None
        return wall_time(moment, self.new)
