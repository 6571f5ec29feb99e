"""The program itself: its version, and those of what it stands on."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Iterator
from importlib.metadata import version

from cqs_sheets import __version__
from cqs_sheets.doctor.finding import Finding, ok

_SUBJECT = "program"
_STANDS_ON = ("openpyxl", "gspread", "google-auth", "requests", "click")


def check_program() -> Iterator[Finding]:
    """Versions, for whoever is asked for help."""
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    parts = [f"SQLite {sqlite3.sqlite_version}", *(f"{name} {version(name)}" for name in _STANDS_ON)]
    yield ok(_SUBJECT, "program.version", f"cqs-sheets {__version__}, {system}", details=[", ".join(parts)])
