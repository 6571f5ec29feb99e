"""The journal opened for commands that ask the API nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cqs_sheets.cli.running import Loaded, settings_of, utc_now
from cqs_sheets.journal import Journal


@contextmanager
def opened_journal(options: Mapping[str, Any], *, writing: bool = False) -> Iterator[tuple[Loaded, Journal]]:
    """The settings and their journal, read-only unless `writing`."""
    with settings_of(options, serve=False) as loaded:
        opened = (
            Journal.open(loaded.journal_path, clock=utc_now)
            if writing
            else Journal.open_readonly(loaded.journal_path, clock=utc_now)
        )
        with opened as journal:
            yield loaded, journal
