"""A sync of one Google Sheet as the deliverer does it: stamp, read, plan, apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan.plan import Plan
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations import Applied
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.run.looking import read_target
from tests.destinations.google.user import GoogleUser
from tests.make import TEMPLATE, record, wanted_rows

NOW = datetime(2026, 5, 24, 12, 5)  # noqa: DTZ001 - a cell's wall time


def row(id_: str, *, template: Template = TEMPLATE, **changes: Any) -> WantedRow:
    return next(iter(wanted_rows(template, record(id_, **changes), UTC)))


def plan_for(
    destination: GoogleDestination,
    rows: Iterable[WantedRow],
    template: Template = TEMPLATE,
    words: Mapping[str, str] = MappingProxyType({}),
) -> Plan:
    wanted = list(rows)
    keys: dict[str, set[str]] = {}
    for each in wanted:
        keys.setdefault(each.tab, set()).add(each.key)
    table = read_target(destination, template, keys, words)
    settings: dict[str, CellValue] = {"Last_sync": NOW, "Feed_status": "ok"}
    sequence = (table.sequence or 0) + 1
    return make_plan(wanted, table, sequence=sequence, settings=settings)


def sync(
    user: GoogleUser,
    *rows: WantedRow,
    template: Template = TEMPLATE,
    words: Mapping[str, str] = MappingProxyType({}),
) -> Applied | None:
    plan = plan_for(user.destination, rows, template, words)
    return None if plan.empty else user.destination.apply(plan)
