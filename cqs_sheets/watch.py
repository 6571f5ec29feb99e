"""The loop around run_once: keeps its beat, keeps going through trouble, ends when told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from cqs_sheets.errors import Interrupted
from cqs_sheets.sync import SyncResult

_SLOWEST = 8  # beats: after failures the next poll comes after 2, 4, then 8 of them, within the window
_LONGEST_PAUSE = 15 * 60.0  # seconds; the API looks back 20 minutes, so nothing is lost by pausing this long
_GOES_ON = frozenset({0, 65, 69, 75})
_API_AWAY = 69


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """When to poll: every `every` seconds, for `lasting` seconds (None: until stopped)."""

    every: float
    lasting: float | None


def watch(
    beat: Beat,
    step: Callable[[float], SyncResult],
    *,
    monotonic: Callable[[], float],
    sleep: Callable[[float], None],
    show: Callable[[SyncResult], None],
) -> SyncResult:
    """Run `step` on the beat and show each result; returns the last one.

    `step` gets the seconds until the next poll is due: its budget for retries. Polls are due at
    whole beats after the start, whatever a step took; beats that a long step ran over are left
    out. While the API is away the beat slows down, and is back to normal with the first good
    answer. Ends after `lasting`, on a signal (`sleep` raises Interrupted), and on failures that
    repeating cannot mend.
    """
    begun = monotonic()
    due, failures = begun, 0
    while True:
        result = step(beat.every)
        show(result)
        code = result.report.exit_code
        failures = failures + 1 if code == _API_AWAY else 0
        now = monotonic()
        due = _next_due(due, now, _pause(beat.every, failures), beat.every)
        over = beat.lasting is not None and due > begun + beat.lasting
        if over or code not in _GOES_ON:
            return result
        try:
            sleep(max(0.0, due - now))
        except Interrupted:
            return result


def _pause(every: float, failures: int) -> float:
    """Seconds between polls after so many failed ones in a row: doubled each time, within reason."""
    return max(every, min(every * min(1 << min(failures, 10), _SLOWEST), _LONGEST_PAUSE))


def _next_due(due: float, now: float, pause: float, every: float) -> float:
    """The first beat after `now` that is at least `pause` after the last one."""
    following = due + pause
    missed = max(0.0, now - following)
    return following + every * math.ceil(missed / every)
