"""New workbooks that are no target: exports and previews."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import tzinfo
from pathlib import Path

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.rows.planner import make_plan
from cqs_sheets.core.rows.rows import wanted_rows
from cqs_sheets.core.signals.signal import Record
from cqs_sheets.core.signals.symbols import BUILT_IN, Symbols
from cqs_sheets.core.templates.template import Template
from cqs_sheets.deliver import read_target
from cqs_sheets.destinations.excel.destination import ExcelDestination
from cqs_sheets.errors import UsageError


def write_workbook(
    file: Path, template: Template, records: Iterable[Record], zone: tzinfo,
    settings: Mapping[str, CellValue], symbols: Symbols = BUILT_IN,
) -> int:  # fmt: skip
    """A new workbook with a row per record and tab; returns how many. Raises as a destination does."""
    if file.exists():
        raise UsageError(f"{file} exists already.", meaning="It was left as it is.", hint="Name a new file.")
    destination = ExcelDestination(file, backups=0)
    rows = [row for record in records for row in wanted_rows(template, record, zone, symbols=symbols)]
    table = read_target(destination, template, {})
    destination.apply(make_plan(template, rows, table, sequence=1, settings=settings))
    return len(rows)
