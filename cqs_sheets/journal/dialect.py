"""The journal's SQL, written once for SQLite, as PostgreSQL takes it: statements, and the tables with their tenants.

On PostgreSQL every table has one more column, `tenant`, that no statement names: it is filled by default, stands
before the columns of every key, and row-level security shows a session the rows of its own tenant alone.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from cqs_sheets.patterns import regex

SCHEMA = "cqs_sheets"
ROLE = "cqs_sheets"
"""The role that has the least rights a journal needs: reading and writing rows."""

TENANT_SETTING = "cqs.tenant"
WORDS = "CREATE INDEX IF NOT EXISTS stamps_word ON stamps (tenant, word)"
"""A shared journal knows a workbook by the words that writes left in it: see Deliveries.known_as."""

_TYPES = {"INTEGER": "BIGINT", "BLOB": "BYTEA", "REAL": "DOUBLE PRECISION", "TEXT": 'TEXT COLLATE "C"'}
_STATEMENT = (
    (regex(r"%"), "%%"),
    # an array is looked up in an index, a subquery's rows are joined with the whole table
    (regex(r"IN (\(SELECT \S[^()]*(?:\([^()]*\))? FROM json_each\([^()]*\)\))"), r"= ANY (ARRAY\1)"),
    (regex(r"\?"), "%s"),
    (regex(r"(?<![:\w]):(\w+)"), r"%(\1)s"),
    (regex(r" INDEXED BY \w+"), ""),  # PostgreSQL finds its index itself
    (regex(r"CROSS JOIN"), "JOIN"),  # which in SQLite only says what comes first
    (regex(r"\bsure\b(?= AND|$)"), "sure = 1"),  # a number is no truth value
    (regex(r"ON CONFLICT \("), "ON CONFLICT (tenant, "),
)

PRELUDE = Path(__file__).with_name("postgres.sql")


@lru_cache(maxsize=512)
def translated(sql: str) -> str:
    """A statement of the journal as psycopg takes it."""
    for pattern, replacement in _STATEMENT:
        sql = pattern.sub(replacement, sql)
    return sql


def definition(sql: str) -> str:
    """A statement of a migration as PostgreSQL takes it."""
    if found := re.fullmatch(r"CREATE TABLE (\w+) \((.*)\)[^)]*", sql, re.DOTALL):
        return _table(found[1], found[2])
    if found := re.fullmatch(r"(CREATE (?:UNIQUE )?INDEX \w+ ON \w+) \((.*?)\)(.*)", sql, re.DOTALL):
        return f"{found[1]} (tenant, {found[2]}){re.sub(r'sure$', 'sure = 1', found[3])}"
    if sql.startswith("ALTER TABLE"):
        return _typed(sql)
    return sql


def changes_rows(sql: str) -> bool:
    """Whether a statement of a migration is about rows: these are of one tenant at a time."""
    return sql.startswith(("INSERT", "UPDATE", "DELETE"))


def protection(table: str) -> tuple[str, ...]:
    """The statements that keep a table's rows to their tenants."""
    own = "tenant = (SELECT allowed_tenant())"  # as a query of its own it is asked once a statement
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY own ON {table} USING ({own}) WITH CHECK ({own})",
    )


def _table(name: str, content: str) -> str:
    columns, keys = [], []
    for part in re.split(r",\s*(?![^(]*\))", content):
        words = re.sub(r"\s+", " ", part).strip()
        if key := re.fullmatch(r"(PRIMARY KEY|UNIQUE) \((.*)\)", words):
            keys.append(f"{key[1]} (tenant, {key[2]})")
            continue
        column = words.split()[0]
        if "PRIMARY KEY" in words:
            keys.append(f"PRIMARY KEY (tenant, {column})")
            given = f" DEFAULT next_id('{name}')" if column == "id" else ""
            words = words.replace(" PRIMARY KEY", f" NOT NULL{given}")
        if words.endswith(" UNIQUE"):
            keys.append(f"UNIQUE (tenant, {column})")
            words = words.removesuffix(" UNIQUE")
        if reference := re.search(r" REFERENCES (\w+)(?: ?\(\w+\))?( ON DELETE \w+)?", words):
            keys.append(f"FOREIGN KEY (tenant, {column}) REFERENCES {reference[1]}{reference[2] or ''}")
            words = words.replace(reference[0], "")
        columns.append(_typed(words))
    own = f"nullif(current_setting('{TENANT_SETTING}', true), '')::bigint"
    tenant = f"tenant BIGINT NOT NULL DEFAULT {own} REFERENCES tenants"
    return f"CREATE TABLE {name} ({', '.join((*columns, tenant, *keys))})"


def _typed(words: str) -> str:
    return re.sub(r"\b(INTEGER|BLOB|REAL|TEXT)\b", lambda found: _TYPES[found[0]], words)
