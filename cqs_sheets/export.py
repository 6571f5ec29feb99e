"""Signals, and what became of them, for files and programs: CSV, JSON, Parquet, new workbooks."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cqs_sheets.core.cells import CellType, CellValue
from cqs_sheets.core.plan.binding import bind
from cqs_sheets.core.plan.facts import Facts
from cqs_sheets.core.plan.planner import make_plan
from cqs_sheets.core.plan.rows import Rows
from cqs_sheets.core.render import cell_text
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols
from cqs_sheets.core.signals.fields import API_FIELDS, OUTCOMES, SOURCES
from cqs_sheets.core.signals.signal import Record
from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import DataRefused, UsageError
from cqs_sheets.files import replacing

if TYPE_CHECKING:
    from cqs_sheets.core.outcomes.judge import Outcome
    from cqs_sheets.core.outcomes.rules import Rules
    from cqs_sheets.core.outcomes.statistics import Summary

COLUMNS = (*API_FIELDS, "status", "first_seen", "last_seen", "table", "flags")
JUDGED_COLUMNS = (*COLUMNS, *(name for name in SOURCES if name in OUTCOMES))
"""The same and what became of signals, for records that know it."""

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # full-width, too


def export_row(record: Record, columns: Sequence[str] = COLUMNS) -> dict[str, str]:
    """A record's values as text, by column; "" where absent. The id is text as it came."""
    row = {name: cell_text(SOURCES[name].read(record, UTC)) for name in columns}
    return {**row, "id": record.signal.key.id}


def json_row(record: Record, columns: Sequence[str] = COLUMNS) -> dict[str, str | None]:
    """A record's values by column, null where absent; fields the guide does not name come last."""
    named = {name: text or None for name, text in export_row(record, columns).items()}
    unnamed = {name: text for name, text in record.signal.extra.items() if name not in named}
    return {**named, **unnamed}


def as_csv(records: Iterable[Record], columns: Sequence[str] = COLUMNS) -> Iterator[str]:
    """Lines of RFC 4180 CSV with a header; text that a spreadsheet would take for a formula is quoted with '."""
    texts = {name for name in columns if name not in OUTCOMES}  # those are ours, and R may be below 0
    rows = (export_row(record, columns) for record in records)
    safe = ({name: inert(text) if name in texts else text for name, text in row.items()} for row in rows)
    yield from csv_lines(columns, safe)


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Lines of RFC 4180 CSV with a header; the texts as they are."""
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line([row[name] for name in columns])


def as_jsonl(
    records: Iterable[Record], columns: Sequence[str] = COLUMNS, *, ascii_only: bool = False
) -> Iterator[str]:
    """One JSON object a line."""
    return (json.dumps(json_row(record, columns), ensure_ascii=ascii_only) for record in records)


def _csv_line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


_ROWS_AT_A_TIME = 10_000
_DIGITS, _PLACES = 38, 18
_NAME_ANOTHER = "Name a file in a folder that exists, is yours and has room."


def write_parquet(path: Path, records: Iterable[Record], columns: Sequence[str] = COLUMNS) -> None:
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
    schema = pa.schema([(name, types.get(SOURCES[name].type, pa.string())) for name in columns])
    rows = (_row(record, columns) for record in records)
    with replacing(path, hint=_NAME_ANOTHER) as staged, pq.ParquetWriter(staged, schema) as writer:
        while batch := list(islice(rows, _ROWS_AT_A_TIME)):
            writer.write_table(pa.Table.from_pylist(batch, schema))


def write_workbook(
    file: Path, template: Template, records: Iterable[Record], zone: tzinfo,
    settings: Mapping[str, CellValue], symbols: Symbols = BUILT_IN,
) -> int:  # fmt: skip
    """A new workbook with a row per record and tab; returns how many. Raises as a destination does."""
    if file.exists():
        raise UsageError(f"{file} exists already.", meaning="It was left as it is.", hint="Name a new file.")
    destination = ExcelDestination(file, backups=0)
    made = Rows(template, zone, symbols)
    rows = [row for record in records for row in made.of(record)]
    facts = Facts(exists=False)
    table = destination.read(facts, bind(template, facts, {}), {})
    destination.apply(make_plan(rows, table, sequence=1, settings=settings))
    return len(rows)


def write_lines(output: Path, lines: Iterable[str]) -> None:
    """Lines of text into a file, with the system's line ends; whole or not at all, but for what is no plain file.

    Raises TargetBusy or AccessRefused.
    """
    if output.exists() and not output.is_file():  # a device or a pipe: nothing can take its place
        _write_all(output, lines)
        return
    with replacing(output, hint=_NAME_ANOTHER) as staged:
        _write_all(staged, lines)


def _write_all(path: Path, lines: Iterable[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}{os.linesep}" for line in lines)


def _row(record: Record, columns: Sequence[str]) -> dict[str, Any]:
    row = {name: _value(name, record) for name in columns}
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
        if name in OUTCOMES and isinstance(value, Decimal):  # the mean of three fills may have no end
            return round(value, _PLACES)
        return value if isinstance(value, Decimal) else None
    return cell_text(value) or None


def _fits(number: Decimal) -> bool:
    _, digits, exponent = number.normalize().as_tuple()
    return isinstance(exponent, int) and -exponent <= _PLACES and len(digits) + exponent <= _DIGITS - _PLACES


_OUTCOMES_VERSION = 1


def outcomes_json(outcomes: Sequence[Outcome], summaries: Sequence[Summary], rules: Rules) -> dict[str, Any]:
    """What became of signals, as the contract says: every key always there, decimals as text, unknown null."""
    from cqs_sheets.core.outcomes.rules import as_json  # noqa: PLC0415 - for those who judge

    return {
        "version": _OUTCOMES_VERSION,
        "rules": as_json(rules),
        "signals": [_outcome_json(one) for one in outcomes],
        "summary": [_summary_json(one) for one in summaries],
    }


def _outcome_json(one: Outcome) -> dict[str, Any]:
    """One signal's outcome. An exit that closed nothing is none; one that was only touched has no share."""
    return {
        "table": one.signal.key.table.value,
        "id": one.signal.key.id,
        **_plain(one, "outcome", "targets_hit", "clock", "entered_at", "entry"),
        "exits": [_plain(leg, "at", "price", "share", "why") for leg in one.legs if leg.share != 0],
        **_plain(one, "r_gross", "r_net", "r_worst", "r_best", "mfe_r", "mae_r"),
        **_plain(one, "ambiguous", "liquidation_first", "as_of"),
    }


TEXT_COLUMNS = ("exchange", "coin", "currency", "direction", "type", "table", "id", "reason")
"""What comes from the provider as text."""

OUTCOME_COLUMNS = (
    "table", "id", "published", "exchange", "coin", "currency", "direction", "type", "outcome", "reason",
    "targets_hit", "clock", "clock_by", "entered_at", "entry", "exits", "r_gross", "r_net", "r_worst", "r_best",
    "mfe_r", "mae_r", "ambiguous", "liquidation_first", "as_of",
)  # fmt: skip
"""The columns of `outcomes_csv`."""


def outcomes_csv(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """What became of each signal as a line of CSV: what it was, and what came of it; unknown is blank."""
    return csv_lines(OUTCOME_COLUMNS, map(_outcome_row, outcomes))


def _outcome_row(one: Outcome) -> dict[str, str]:
    signal = one.signal
    row: dict[str, object] = _outcome_json(one) | {
        "published": _text(signal.timestamp),
        **_plain(signal, "exchange", "coin", "currency", "direction", "type"),
        **_plain(one, "reason", "clock_by"),
        "exits": "; ".join(f"{_text(leg.at)} {leg.why} at {_text(leg.price)}" for leg in one.legs),
    }
    cells = {name: _cell(row[name]) for name in OUTCOME_COLUMNS}
    return cells | {name: inert(cells[name]) for name in TEXT_COLUMNS}


def _summary_json(one: Summary) -> dict[str, Any]:
    return {
        **_plain(one, "by", "value", "signals", "entered"),
        "excluded": dict(one.excluded),
        **{f"hit{rank}": _plain(share, "share", "low", "high") for rank, share in enumerate(one.hits, 1)},
        **_plain(one, "expectancy_r", "stderr_r", "profit_factor", "max_drawdown_r"),
    }


def _plain(one: object, *names: str) -> dict[str, Any]:
    """These values of an object by name."""
    return {name: _text(getattr(one, name)) for name in names}


def _text(value: object) -> object:
    """A moment in UTC as `2026-05-24T12:00:00Z`, a decimal without exponent; anything else as it is."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%SZ}"
    return f"{value:f}" if isinstance(value, Decimal) else value


def _cell(value: object) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
