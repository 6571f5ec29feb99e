"""Crypto Quality Signals in the spreadsheet you already own.

What programs may use is named in `__all__`, and imported only when it is asked for: the command
line must start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cqs_sheets.core.report import Report
    from cqs_sheets.core.signals.coverage import Coverage, Window
    from cqs_sheets.core.signals.signal import FeedTable, Record, Signal, SignalKey, Status
    from cqs_sheets.errors import AccessRefused, ApiUnavailable, CqsError, DataRefused, TargetBusy, UsageError
    from cqs_sheets.journal import Journal
    from cqs_sheets.programs import Client, read_journal, sync

__version__ = "0.1.0"
__all__ = [
    "AccessRefused",
    "ApiUnavailable",
    "Client",
    "Coverage",
    "CqsError",
    "DataRefused",
    "FeedTable",
    "Journal",
    "Record",
    "Report",
    "Signal",
    "SignalKey",
    "Status",
    "TargetBusy",
    "UsageError",
    "Window",
    "__version__",
    "read_journal",
    "sync",
]
_HOMES = {
    "cqs_sheets.core.report": ("Report",),
    "cqs_sheets.core.signals.coverage": ("Coverage", "Window"),
    "cqs_sheets.core.signals.signal": ("FeedTable", "Record", "Signal", "SignalKey", "Status"),
    "cqs_sheets.errors": (
        "AccessRefused", "ApiUnavailable", "CqsError", "DataRefused", "TargetBusy", "UsageError",
    ),
    "cqs_sheets.journal": ("Journal",),
    "cqs_sheets.programs": ("Client", "read_journal", "sync"),
}  # fmt: skip

if not TYPE_CHECKING:  # a type checker is to know what there is, and what is not

    def __getattr__(name: str) -> object:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(home), name)
