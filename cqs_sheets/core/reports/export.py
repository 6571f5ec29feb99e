"""Signals as flat rows for scripts and other programs: one column per API field, then what we know of them.

Names and order are those of the `raw` template; times are UTC, `YYYY-MM-DD HH:MM:SS`; numbers are
exact decimal texts; absent values are empty (CSV) or null (JSON).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC

from cqs_sheets.core.reports.render import cell_text
from cqs_sheets.core.signals.fields import API_FIELDS, SOURCES
from cqs_sheets.core.signals.signal import Record

COLUMNS = (*API_FIELDS, "status", "first_seen", "last_seen", "table", "flags")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export_row(record: Record) -> dict[str, str]:
    """A record's values as text, by column; "" where absent. The id is text as it came."""
    row = {name: cell_text(SOURCES[name].read(record, UTC)) for name in COLUMNS}
    return {**row, "id": record.signal.key.id}


def json_row(record: Record) -> dict[str, str | None]:
    """A record's values by column, null where absent; fields the guide does not name come last."""
    named = {name: text or None for name, text in export_row(record).items()}
    unnamed = {name: text for name, text in record.signal.extra.items() if name not in named}
    return {**named, **unnamed}


def as_csv(records: Iterable[Record]) -> Iterator[str]:
    """Lines of RFC 4180 CSV with a header; text that a spreadsheet would take for a formula is quoted with '."""
    rows = ({name: inert(text) for name, text in export_row(record).items()} for record in records)
    yield from csv_lines(COLUMNS, rows)


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Lines of RFC 4180 CSV with a header; the texts as they are."""
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line([row[name] for name in columns])


def as_jsonl(records: Iterable[Record], *, ascii_only: bool = False) -> Iterator[str]:
    """One JSON object a line."""
    return (json.dumps(json_row(record), ensure_ascii=ascii_only) for record in records)


def _csv_line(values: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(values)
    return line.getvalue()


def inert(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
