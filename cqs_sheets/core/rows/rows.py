"""From records to the rows a template wants: which tab, which key, which values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from decimal import Decimal

from cqs_sheets.core.cells import CellValue, key_text
from cqs_sheets.core.signals.fields import source
from cqs_sheets.core.signals.signal import Record, SignalKey
from cqs_sheets.core.signals.symbols import BUILT_IN, Symbols
from cqs_sheets.core.templates.template import TableTab, Template

_BOUNDS = {"min_": 1, "max_": -1}
_BOUNDED = {"risk": "risk_level", "leverage": "leverage"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRow:
    """A row as a tab should hold it.

    `added` is the number of the write that first delivered it to this target, None if none did that the
    target descends from. `revision` and `signal` say which knowledge of which signal the values are. With
    `fill_only` the tab has this very revision: only cells that are still blank are written.
    """

    tab: str
    key: str
    values: Mapping[str, CellValue]
    signal: SignalKey
    revision: int
    added: int | None = None
    fill_only: bool = False


def wanted_rows(
    template: Template, record: Record, zone: tzinfo, *, symbols: Symbols = BUILT_IN,
    added: int | None = None, fill_only: bool = False,
) -> Iterator[WantedRow]:  # fmt: skip
    """The rows of one record: one per tab that takes it, none if no tab does."""
    for tab in template.fed_tabs:
        if takes(tab, record, zone, symbols):
            yield replace(_row(tab, record, zone, symbols), added=added, fill_only=fill_only)


def takes(tab: TableTab, record: Record, zone: tzinfo, symbols: Symbols = BUILT_IN) -> bool:
    """Whether a tab shows this record."""
    return record.signal.key.table in tab.tables and passes(tab.where, record, zone, symbols)


def passes(where: Mapping[str, object], record: Record, zone: tzinfo, symbols: Symbols = BUILT_IN) -> bool:
    """Whether a record passes a `where`: field -> a value or a list of them, or min_/max_ bounds.

    Text is compared without regard to case. A record without the bounded number does not pass.
    """
    return all(_passes_one(name, allowed, record, zone, symbols) for name, allowed in where.items())


def _passes_one(name: str, allowed: object, record: Record, zone: tzinfo, symbols: Symbols) -> bool:
    sign = _BOUNDS.get(name[:4])
    if sign is not None and name[4:] in _BOUNDED:
        value = source(_BOUNDED[name[4:]]).read(record, zone)
        return isinstance(value, Decimal) and (value - Decimal(str(allowed))) * sign >= 0
    choices = allowed if isinstance(allowed, Sequence) and not isinstance(allowed, str) else [allowed]
    held = key_text(source(name).read(record, zone, symbols)) or ""
    return any(held.casefold() == str(choice).strip().casefold() for choice in choices)


def _row(tab: TableTab, record: Record, zone: tzinfo, symbols: Symbols) -> WantedRow:
    synced = (column for column in tab.columns if column.synced)
    values = {column.id: source(column.source).read(record, zone, symbols) for column in synced}
    key = key_text(values[tab.key])
    if key is None:
        raise ValueError(f"a signal without a key reached the rows of {tab.name}")
    return WantedRow(
        tab=tab.name,
        key=key,
        values=values,
        signal=record.signal.key,
        revision=record.revision,
    )
