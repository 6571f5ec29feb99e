"""An emulator of Google Sheets over HTTP, built from Google's documents and recorded answers.

In a test:

    with start() as sheets:
        book = sheets.create(tabs={"Signals": [["id", "coin"], [1, "BTC"]]})
        sheets.before_request(lambda _: sheets.edit…, when=writes)
        … a client pointed at sheets.url …

Alone: `python -m tests.emulators.google_sheets --port 9099`. Requests without a bearer token get 401; any
token will do. A kind of request that is not emulated answers 501, never a guess.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time

from .sheets.faults import Fault, reset, slow, status, timeout, truncate, used_up
from .sheets.model import Switches
from .sheets.occasions import Exchange, any_request, reads, writes
from .sheets.running import RunningSheets, TabState, start
from .sheets.users import User

__all__ = [
    "Exchange",
    "Fault",
    "RunningSheets",
    "Switches",
    "TabState",
    "User",
    "any_request",
    "reads",
    "reset",
    "slow",
    "start",
    "status",
    "timeout",
    "truncate",
    "used_up",
    "writes",
]


def main(arguments: list[str] | None = None) -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulators.google_sheets")
    parser.add_argument("--port", type=int, default=9099)
    parser.add_argument("--quota", action="store_true", help="enforce the requests per minute")
    parser.add_argument(
        "--private", action="append", default=[], metavar="ID", help="a spreadsheet nobody shared"
    )
    options = parser.parse_args(arguments)
    with start(port=options.port, quota_clock=time.monotonic if options.quota else None) as running:
        for spreadsheet_id in options.private:
            running.create(spreadsheet_id=spreadsheet_id, access="none")
        sys.stdout.write(f"Google Sheets emulator at {running.url}\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
