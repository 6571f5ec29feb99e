"""What is judged of a signal: its side, its levels, the minutes in which it counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from cqs_sheets.core.outcomes.candles import Price, divided, units, unsigned
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.signals.risk import entry_zone
from cqs_sheets.core.signals.signal import Signal
from cqs_sheets.values import dataclass, replace

_SIDES = {"LONG": 1, "SHORT": -1}
_IMPORTED = timedelta(minutes=25)  # the API speaks of a signal for 20 minutes: seen later, it was imported
_UNIX_START = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A signal as it was over time: what it was from each moment on, oldest first, at least one.

    `closed` is when the provider took it away, None if it has not.
    """

    first_seen: datetime
    closed: datetime | None = None
    versions: Sequence[tuple[datetime, Signal]]

    @property
    def signal(self) -> Signal:
        """As it was first seen."""
        return self.versions[0][1]


@dataclass(frozen=True, slots=True)
class Levels:
    """Prices as the side sees them: the entry orders near to far, the stop, the targets near to far.

    `risk` is what a whole position loses at the stop, None where there is no stop or no target.
    """

    orders: tuple[Price, ...]
    stop: Price | None
    targets: tuple[Price, ...]
    risk: Price | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A signal ready to be judged in the minutes [`clock`, `end`); `horizon` is the end of its time.

    `clock_by` is "seen" or "published". `versions`: from which minute on which levels hold, in order.
    """

    side: int
    clock: int
    clock_by: str
    end: int
    horizon: int
    versions: tuple[tuple[int, Levels], ...]
    liquidation_first: bool

    def levels_at(self, minute: int) -> tuple[Levels, int | None]:
        """The levels that hold in a minute, and the minute from which others do, if any will."""
        held = max(0, sum(begin <= minute for begin, _ in self.versions) - 1)
        after = self.versions[held + 1][0] if held + 1 < len(self.versions) else None
        return self.versions[held][1], after


def setup_of(story: Story, rules: Rules) -> Setup | str:
    """How a signal is judged, or in a sentence why it cannot be."""
    signal = story.signal
    side = _SIDES.get(signal.direction)
    if side is None:
        return f"the direction is {signal.direction!r}, neither LONG nor SHORT"
    if signal.type not in rules.horizon:
        return f"the type is {signal.type!r}, for which there is no horizon"
    first = levels_of(signal, side, rules.entry)
    if first is None:
        return "there is no entry zone"
    clock, clock_by = _clock(story, rules)
    versions = [(clock, first)]
    if rules.values == "revised":
        for at, revised in story.versions[1:]:
            levels = levels_of(replace(revised, direction=signal.direction), side, rules.entry)
            if levels is not None:
                versions.append((minute_after(at), levels))
    horizon = clock + rules.horizon[signal.type]
    closed = story.closed if rules.until_closed else None
    leverages = (version.leverage for _, version in story.versions)
    return Setup(
        side=side,
        clock=clock,
        clock_by=clock_by,
        end=horizon if closed is None else min(horizon, max(clock, minute_after(closed))),
        horizon=horizon,
        versions=tuple(versions),
        liquidation_first=_liquidation_first(signal, next(filter(None, leverages), None), first),
    )


def levels_of(signal: Signal, side: int, entry: str) -> Levels | None:
    """The levels of a signal as a side sees them; None where it has no entry zone.

    Sides are judged from the near edge. A stop or target on the wrong side is none.
    """
    zone = entry_zone(signal)
    if zone is None:
        return None
    far, near = sorted(units(bound) * side for bound in zone)
    stop = None if signal.stop_loss is None else units(signal.stop_loss) * side
    if stop is not None and stop >= near:
        stop = None
    sent = (signal.target1, signal.target2, signal.target3)
    targets = {units(target) * side for target in sent if target is not None}
    valid = tuple(sorted(target for target in targets if target > near))
    edges = (near,) if entry == "near" else (near, divided(near + far, 2), far)
    orders = tuple(edge for edge in edges if stop is None or edge > stop)
    usable = stop is not None and valid
    # an order that is not placed risks nothing
    risk = divided(sum(edge - stop for edge in orders), len(edges)) if usable and stop is not None else None
    return Levels(orders, stop, valid, risk)


def minute_after(moment: datetime) -> int:
    """The first minute that starts strictly later."""
    return (moment - _UNIX_START) // _MINUTE + 1


def moment_of(minute: int) -> datetime:
    """The start of a minute (UTC)."""
    return _UNIX_START + minute * _MINUTE


def _clock(story: Story, rules: Rules) -> tuple[int, str]:
    published, seen = story.signal.timestamp, story.first_seen
    if rules.clock == "published" or seen - published > _IMPORTED:
        return minute_after(published), "published"
    return minute_after(max(published, seen)), "seen"


def _liquidation_first(signal: Signal, leverage: Decimal | None, levels: Levels) -> bool:
    """Whether the margin is gone before the stop is reached: 1/leverage <= the stop's distance."""
    if leverage is None or levels.stop is None or signal.direction not in _SIDES:
        return False
    near = levels.orders[0]
    return unsigned(near) <= Fraction(leverage) * (near - levels.stop)
