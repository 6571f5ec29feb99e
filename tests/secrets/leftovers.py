"""Everything a run leaves behind, as text that can be searched: archives and the journal's bodies inflated."""

from __future__ import annotations

import io
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def left_behind(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, each also unpacked if it is an archive or a journal: (where, bytes)."""
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            yield str(path), content
            yield from _unpacked(path, content)


def _unpacked(path: Path, content: bytes) -> Iterator[tuple[str, bytes]]:
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield f"{path}: {name}", archive.read(name)
    elif content.startswith(b"SQLite format 3\0"):
        yield from _rows(path)


def _rows(path: Path) -> Iterator[tuple[str, bytes]]:
    database = sqlite3.connect(path)
    for (table,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
        for row in database.execute(f"SELECT * FROM {table}"):  # noqa: S608 - its own name
            yield f"{path}: {table}", repr(row).encode()
            for value in row:
                if isinstance(value, bytes):
                    with suppress(zlib.error):  # some are stored as they are
                        yield f"{path}: {table}, inflated", zlib.decompress(value)
    database.close()
