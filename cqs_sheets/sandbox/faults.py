"""Which faults strike which request: specs as text, drawn reproducibly.

A spec is NAME[:PROBABILITY][@COUNT]: `http-503`, `slow:0.2`, `dropped@3`, `reset:0.5@10`. With a
count only the first COUNT requests to the API can be struck.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from cqs_sheets.sandbox.damage import DAMAGES
from cqs_sheets.sandbox.dice import seeded
from cqs_sheets.sandbox.service import BILLING_DOWN, RATE_LIMIT, SIGNALS_DOWN

SLOW: Final = "slow"
HANG: Final = "hang"
TRUNCATED: Final = "truncated"
DROPPED: Final = "dropped"
RESET: Final = "reset"

OUTAGES: Final = (BILLING_DOWN, SIGNALS_DOWN, RATE_LIMIT)
DELIVERY: Final = (SLOW, HANG, TRUNCATED, DROPPED, RESET)

FAULTS: Final = (*OUTAGES, *DAMAGES, *DELIVERY)
"""Every fault there is: parts of the service that are down, spoilt answers, spoilt delivery."""

_SPEC = re.compile(r"(?P<name>[^:@]*)(:(?P<probability>[^@]*))?(@(?P<count>.*))?")


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault, how likely it strikes a request, and how many requests it may strike (None: all)."""

    name: str
    probability: float = 1.0
    count: int | None = None


def parse_fault(spec: str) -> Fault:
    """Read NAME[:PROBABILITY][@COUNT]; ValueError says what is wrong and what is valid."""
    match = _SPEC.fullmatch(spec.strip())
    name = match["name"].strip() if match else spec.strip()
    if match is None or name not in FAULTS:
        nearest = max(FAULTS, key=lambda known: SequenceMatcher(None, known, name.lower()).ratio())
        raise ValueError(
            f"unknown fault {name!r}, did you mean {nearest!r}? Valid names: {', '.join(FAULTS)}. "
            "Form: NAME[:PROBABILITY][@COUNT]"
        )
    return Fault(name, _probability(spec, match["probability"]), _count(spec, match["count"]))


def _probability(spec: str, text: str | None) -> float:
    if text is None:
        return 1.0
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ValueError(
            f"fault {spec!r}: the probability after ':' must be a number from 0 to 1, not {text!r}. "
            f"Form: NAME[:PROBABILITY][@COUNT]. Valid names: {', '.join(FAULTS)}"
        )
    return value


def _count(spec: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) == 0:
        raise ValueError(
            f"fault {spec!r}: the count after '@' must be a whole number from 1, not {text!r}. "
            f"Form: NAME[:PROBABILITY][@COUNT]. Valid names: {', '.join(FAULTS)}"
        )
    return int(text)


class FaultPlan:
    """Draws the faults of one request after the other. Safe to share between threads.

    The same specs and seed strike the same requests; ValueError when a spec is not valid.
    """

    def __init__(self, specs: Sequence[str] = (), *, seed: int = 1) -> None:
        self._faults = tuple(parse_fault(spec) for spec in specs)
        # One generator each: adding a fault leaves the strikes of those before it as they were.
        self._chances = tuple(
            seeded(seed, "fault", index, fault.name) for index, fault in enumerate(self._faults)
        )
        self._requests = 0
        self._lock = threading.Lock()

    def draw(self) -> tuple[str, ...]:
        """Return the names of the faults that strike the next request, in the order given."""
        with self._lock:
            self._requests += 1
            return tuple(
                fault.name
                for fault, chance in zip(self._faults, self._chances, strict=True)
                if chance.random() < fault.probability
                and (fault.count is None or self._requests <= fault.count)
            )
