"""SIGINT and SIGTERM ask for a stop; the step that has begun is finished first."""

from __future__ import annotations

import signal
import threading
from types import FrameType

from cqs_sheets.errors import Interrupted


class Interruption:
    """Set by the first signal; a second SIGINT ends the process at once (which is safe, too)."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._number = 0

    def install(self) -> None:
        """Take over SIGINT and SIGTERM for this process."""
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGTERM, self._stop)

    @property
    def requested(self) -> Interrupted | None:
        """The failure to end with, once a signal came."""
        return Interrupted(self._number) if self._event.is_set() else None

    def sleep(self, seconds: float) -> None:
        """Wait; raises Interrupted as soon as a signal comes."""
        if self._event.wait(seconds):
            raise Interrupted(self._number)

    def wait(self) -> None:
        """Wait until a signal comes."""
        self._event.wait()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._number = number
        self._event.set()
