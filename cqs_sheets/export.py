"""Records in files that are no target: Parquet, lines of text, new workbooks.

Parquet, for pandas, Polars, DuckDB and the like, needs the extra `parquet`. Its columns are as in CSV:
prices exact decimals of up to 18 places, times UTC microseconds, the rest text; what is absent is null.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from cqs_sheets.core.cells import CellType, CellValue
from cqs_sheets.core.reports.export import COLUMNS
from cqs_sheets.core.reports.render import cell_text
from cqs_sheets.core.rows.binding import bind
from cqs_sheets.core.rows.facts import Facts
from cqs_sheets.core.rows.planner import make_plan
from cqs_sheets.core.rows.rows import wanted_rows
from cqs_sheets.core.signals.fields import SOURCES
from cqs_sheets.core.signals.signal import Record
from cqs_sheets.core.signals.symbols import BUILT_IN, Symbols
from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations.excel.destination import ExcelDestination
from cqs_sheets.errors import AccessRefused, DataRefused, UsageError

_ROWS_AT_A_TIME = 10_000
_DIGITS, _PLACES = 38, 18


def write_parquet(path: Path, records: Iterable[Record]) -> None:
    """Write all records, in their order, into a new file that then takes the place of `path`.

    Raises UsageError without pyarrow, DataRefused for a price that no column can hold, AccessRefused.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - large, and only needed here
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise UsageError(
            "Parquet needs the package pyarrow, which is not installed.",
            meaning="Nothing was written.",
            hint="pip install 'cqs-sheets[parquet]'",
        ) from None
    types = {
        CellType.NUMBER: pa.decimal128(_DIGITS, _PLACES),
        CellType.TIME: pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, types.get(SOURCES[name].type, pa.string())) for name in COLUMNS])
    staged = path.with_name(f".{path.name}.new")
    rows = map(_row, records)
    try:
        with pq.ParquetWriter(staged, schema) as writer:
            while batch := list(islice(rows, _ROWS_AT_A_TIME)):
                writer.write_table(pa.Table.from_pylist(batch, schema))
        staged.replace(path)
    except OSError as error:
        raise AccessRefused(
            f"{path} cannot be written: {os.strerror(error.errno) if error.errno else error}.",
            meaning="It is as it was before.",
            hint="Name a file in a folder that exists, is yours and has room.",
        ) from None
    finally:
        staged.unlink(missing_ok=True)


def write_workbook(
    file: Path, template: Template, records: Iterable[Record], zone: tzinfo,
    settings: Mapping[str, CellValue], symbols: Symbols = BUILT_IN,
) -> int:  # fmt: skip
    """A new workbook with a row per record and tab; returns how many. Raises as a destination does."""
    if file.exists():
        raise UsageError(f"{file} exists already.", meaning="It was left as it is.", hint="Name a new file.")
    destination = ExcelDestination(file, backups=0)
    rows = [row for record in records for row in wanted_rows(template, record, zone, symbols=symbols)]
    facts = Facts(exists=False)
    table = destination.read(facts, bind(template, facts, {}), {})
    destination.apply(make_plan(template, rows, table, sequence=1, settings=settings))
    return len(rows)


def write_lines(output: Path, lines: Iterable[str]) -> None:
    """Lines of text into a file, with the system's line ends. Raises AccessRefused."""
    try:
        with output.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"{line}{os.linesep}" for line in lines)
    except OSError as error:
        raise AccessRefused(
            f"{output} cannot be written: {error.strerror}.",
            meaning="The journal is as it was; the file may hold a part.",
            hint="Name a file in a folder that exists, is yours and has room.",
        ) from None


def _row(record: Record) -> dict[str, Any]:
    row = {name: _value(name, record) for name in COLUMNS}
    for name, value in row.items():
        if isinstance(value, Decimal) and not _fits(value):
            raise DataRefused(
                f"Signal {record.signal.key.id} has a {name} of {value:f}, more digits than a Parquet column holds.",
                meaning="Nothing was written.",
                hint="Export to csv or jsonl, which hold any number.",
            )
    return row


def _value(name: str, record: Record) -> CellValue:
    value = SOURCES[name].read(record, UTC)
    if name == "id":
        return record.signal.key.id
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    if SOURCES[name].type is CellType.NUMBER:
        return value if isinstance(value, Decimal) else None
    return cell_text(value) or None


def _fits(number: Decimal) -> bool:
    _, digits, exponent = number.normalize().as_tuple()
    return isinstance(exponent, int) and -exponent <= _PLACES and len(digits) + exponent <= _DIGITS - _PLACES
