"""Records as a Parquet file, for pandas, Polars, DuckDB and the like; needs the extra `parquet`.

Columns as in CSV: prices exact decimals of up to 18 places, times UTC microseconds, the rest text;
what is absent is null.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from cqs_sheets.core.cells import CellType, CellValue
from cqs_sheets.core.reports.export import COLUMNS
from cqs_sheets.core.reports.render import cell_text
from cqs_sheets.core.signals.fields import SOURCES
from cqs_sheets.core.signals.signal import Record
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
