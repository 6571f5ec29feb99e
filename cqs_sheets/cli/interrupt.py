"""SIGINT and SIGTERM ask for a stop; the step that has begun is finished first."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

from cqs_sheets.errors import Interrupted

_GLANCE = 0.5  # seconds: before Python 3.14, Windows tells of Ctrl-C only between two waits


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
        until = time.monotonic() + seconds
        while not self._event.wait(max(0.0, min(_GLANCE, until - time.monotonic()))):
            if time.monotonic() >= until:
                return
        raise Interrupted(self._number)

    def wait(self) -> None:
        """Wait until a signal comes."""
        while not self._event.wait(_GLANCE):
            pass

    def _stop(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._number = number
        self._event.set()
