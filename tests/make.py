"""Signals, records and a small template for tests: a test names only what matters to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.plan import Add, Plan, Snapshot, Update, new_tabs
from cqs_sheets.core.plan.rows import Rows, WantedRow
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols
from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, SignalKey, Status
from cqs_sheets.core.templates.template import (
    CellFormat,
    Column,
    ColumnKind,
    Setting,
    SettingsSection,
    SettingsTab,
    TableTab,
    Template,
)

MOMENT = CellFormat(pattern="yyyy-mm-dd hh:mm", type="DATE_TIME")
NOON = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)


def signal(id_: str = "1847291", *, table: FeedTable = FeedTable.MAIN, **changes: Any) -> Signal:
    values: dict[str, Any] = {
        "timestamp": NOON,
        "exchange": "binance",
        "currency": "USDT",
        "coin": "BTC",
        "direction": "LONG",
        "buy_start": Decimal("94250.5"),
        "buy_end": Decimal(94400),
        "target1": Decimal(95500),
        "target2": Decimal(96200),
        "target3": Decimal(97000),
        "stop_loss": Decimal(93100),
        "type": "SHORT TERM",
        "ask": Decimal(94325),
        "risk_level": Decimal(3),
    }
    return Signal(key=SignalKey(table, id_), **(values | changes))


def record(
    id_: str = "1847291", *, status: Status = Status.OPEN, revision: int = 1, **changes: Any
) -> Record:
    return Record(
        signal=signal(id_, **changes),
        status=status,
        first_seen=NOON,
        last_seen=None if status is Status.OPEN else NOON,
        arrival=int(id_) if id_.isdigit() else 1,
        revision=revision,
    )


def column(id_: str, source: str = "", type_: CellType = CellType.TEXT, **changes: Any) -> Column:
    kind = changes.pop("kind", ColumnKind.FIELD)
    if type_ is CellType.TIME:
        changes.setdefault("format", MOMENT)
    return Column(
        id=id_,
        header=changes.pop("header", id_.title()),
        kind=kind,
        source=source or id_,
        type=type_,
        **changes,
    )


SIGNALS_TAB = TableTab(
    name="Signals",
    key="id",
    columns=(
        column("id", type_=CellType.ID, header="ID"),
        column("time", "timestamp", CellType.TIME),
        column("coin"),
        column("stop", "stop_loss", CellType.NUMBER),
        column("lev", "leverage", CellType.NUMBER),
        column("status"),
        column("seen", "first_seen", CellType.TIME),
        column("double", "", CellType.NUMBER, kind=ColumnKind.FORMULA, formula="={stop}*2"),
        column("memo", "", kind=ColumnKind.INPUT),
    ),
)
SETTINGS_TAB = SettingsTab(
    name="Settings",
    sections=(
        SettingsSection(title="YOURS", settings=(Setting(name="Equity", label="Equity", value=10000),)),
        SettingsSection(
            title="WRITTEN BY THE SYNC",
            settings=(
                Setting(name="Last_sync", label="Last sync", format=MOMENT, synced=True),
                Setting(name="Feed_status", label="Feed", value="ok", synced=True),
            ),
        ),
    ),
)
TEMPLATE = Template(name="test", title="A small template", tabs=(SIGNALS_TAB, SETTINGS_TAB))


def table_of(**given: Any) -> Snapshot:
    """A target whose sheets are all ours, or those in `bindings`."""
    given.setdefault("bindings", Bindings(template=TEMPLATE))
    return Snapshot(**given)


def plan_of(
    snapshot: Snapshot, adds: Iterable[Add] = (), updates: Iterable[Update] = (), *, sequence: int
) -> Plan:
    """These changes as a plan, with the tabs that they need."""
    added = tuple(adds)
    return Plan(
        snapshot=snapshot,
        sequence=sequence,
        adds=added,
        updates=tuple(updates),
        new_tabs=tuple(new_tabs(snapshot, {add.tab for add in added})),
    )


def wanted_rows(
    template: Template, record: Record, zone: tzinfo, *, symbols: Symbols = BUILT_IN,
    added: int | None = None, fill_only: bool = False,
) -> Iterator[WantedRow]:  # fmt: skip
    """The rows of one record alone."""
    return Rows(template, zone, symbols).of(record, added=added, fill_only=fill_only)
