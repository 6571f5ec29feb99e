"""The log: for people on stderr, and in a file for whatever watches over an unattended sync.

A line of the file is a JSON object with `time` (UTC), `level`, `logger` and `message`; a sync's result
is one with `report`, as --json prints it.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path

from cqs_sheets.core.render import harmless_json, one_line, report_lines
from cqs_sheets.core.report import Report
from cqs_sheets.errors import AccessRefused

_EVERYTHING = logging.getLogger("cqs_sheets")
_REPORTS = logging.getLogger("cqs_sheets.report")
_REPORTS.propagate = False  # people are shown it already
_LEVELS = {"ok": logging.INFO, "degraded": logging.WARNING, "failed": logging.ERROR}


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        report = getattr(record, "report", None)
        return harmless_json(json.dumps(line | ({"report": report} if report else {}), ensure_ascii=False))


class _Line(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return one_line(record.getMessage())


def set_up_logging(*, verbose: bool, quiet: bool) -> None:
    """Send the library's log to stderr: everything with -v, only errors with -q."""
    level = logging.DEBUG if verbose else logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(message)s", force=True)
    logging.getLogger().handlers[0].setLevel(level)
    logging.getLogger().handlers[0].setFormatter(_Line())
    logging.getLogger("cqs_sheets").setLevel(level)


def log_to(path: Path) -> None:
    """Append all that is logged from now on to a file. Raises AccessRefused if it cannot be written."""
    try:
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise AccessRefused(
            f"The log file {path} cannot be written: {error.strerror}.",
            meaning="Nothing was asked and nothing was written.",
            hint="Name another with --log-file, or leave it out.",
        ) from None
    handler.setFormatter(_JsonLine())
    for logger in (_EVERYTHING, _REPORTS):
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)


def log_report(report: Report) -> None:
    """Note a sync's result in the log file, if there is one."""
    if _REPORTS.handlers:
        message = " ".join(report_lines(report))
        _REPORTS.log(_LEVELS[report.outcome], "%s", message, extra={"report": report.as_json()})
