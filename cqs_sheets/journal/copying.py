"""A journal's rows carried to another engine, and both compared."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from cqs_sheets.errors import DataRefused
from cqs_sheets.journal.database import Database, migrate


class Table(NamedTuple):
    """A table's columns, those of its key first (or all, if it has none)."""

    columns: tuple[str, ...]
    key: tuple[str, ...]


def tables() -> Mapping[str, Table]:
    """Every table of a journal, each after those that it refers to."""
    model = Database(":memory:", name="the journal's model")
    try:
        migrate(model)
        names = model.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid")
        return {name: _table(model, name) for (name,) in names if not name.startswith("sqlite_")}
    finally:
        model.close()


def _table(model: Database, name: str) -> Table:
    found = model.execute("SELECT name, pk FROM pragma_table_info(?) ORDER BY cid", (name,))
    columns = tuple(column for column, _ in found)
    key = tuple(column for column, place in sorted(found, key=lambda one: one[1]) if place)
    return Table(columns, key or columns)


def copy_rows(source: Database, target: Database, leave_out: Collection[str] = ()) -> None:
    """Copy all rows as they are into empty tables."""
    for name, table in tables().items():
        if name not in leave_out:
            places = ", ".join("?" * len(table.columns))
            sql = f"INSERT INTO {name} ({', '.join(table.columns)}) VALUES ({places})"  # noqa: S608
            target.change_many(sql, _rows(source, name, table))


def copy_journal(source: Database, target: Database) -> dict[str, int]:
    """Copy a whole journal into an empty one, all or nothing, and compare both; how many rows each table has.

    Raises DataRefused if the target holds something, or does not hold the same in the end.
    """
    with target.transaction():
        for name in tables():
            if target.execute(f"SELECT 1 FROM {name} LIMIT 1"):  # noqa: S608
                raise DataRefused(
                    f"{target.name} holds a journal already.",
                    meaning="Nothing was copied.",
                    hint="Copy into an empty one, or take the other in with `cqs-sheets journal import`.",
                )
        copy_rows(source, target)
        counts = {}
        for name, table in tables().items():
            counts[name], theirs = _digest(source, name, table)
            if (counts[name], theirs) != _digest(target, name, table):
                raise DataRefused(
                    f"{target.name} would not hold the same as {source.name}: {name} differs.",
                    meaning="Nothing was copied; the source is as it was.",
                    hint="Stop what writes to the source while it is copied, then try again.",
                )
    return counts


def _rows(database: Database, name: str, table: Table) -> Iterator[tuple[object, ...]]:
    order = ", ".join(table.key)
    yield from database.iterate(f"SELECT {', '.join(table.columns)} FROM {name} ORDER BY {order}")  # noqa: S608


def _digest(database: Database, name: str, table: Table) -> tuple[int, str]:
    """How many rows a table has, and a digest of all their values in the order of the key."""
    count, digest = 0, hashlib.sha256()
    for row in _rows(database, name, table):
        count += 1
        digest.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
    return count, digest.hexdigest()
