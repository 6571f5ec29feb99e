"""What each way of running catches, and what it costs, with real pacing and coverage code and an invented clock.

Run: python benchmarks/coverage_simulator.py [--days 180] [--seed 1] [--json] [benchmarks/delays/pessimistic.json]

A poll is worth something only once it is kept: what a lost runner had not pushed is asked of nobody
again. Signals stay open for two minutes and more; shorter ones are nobody's promise.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

from cqs_sheets.core.signals.coverage import REACH, Window, coverage, look_back
from cqs_sheets.core.text import duration
from cqs_sheets.run.sync import Pace, Step

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MONTH = 30 * 86_400.0
HERE = Path(__file__).parent
SECONDS_BETWEEN_SIGNALS = 90.0
MINUTES_OPEN = ((0.0, 2.0), (0.1, 5.0), (0.5, 30.0), (1.0, 240.0))
TARGET = 0.999
TRIES_AFTER = 3
RENEWING = "renewing watch of 2 x 55m"

Quantiles = Sequence[tuple[float, float]]  # (share of the cases, at most this much), rising, from 0 to 1
Stretches = Sequence[tuple[float, float]]  # sorted (start, end), seconds since BEGIN


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """An input file of `delays/`: what the world does to a run. Quantiles are [share, at most] pairs."""

    reasoning: Sequence[str]
    minutes_between_scheduled_starts: Quantiles
    seconds_to_start_when_dispatched: Quantiles
    dispatches_failing: float
    setups_failing: float
    seconds_of_setup: Quantiles
    seconds_of_saving: Quantiles
    runners_lost_in_1000_hours: float
    minutes_until_a_lost_runner_is_noticed: Quantiles
    api_outages_a_month: float
    minutes_of_api_outage: Quantiles
    machine_outages_a_month: float
    minutes_of_machine_outage: Quantiles

    @classmethod
    def read(cls, path: Path) -> Circumstances:
        """The file's; TypeError if a name is missing or unknown."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way of running: scheduled every `period` (None: on a machine of one's own), watching for `lasting`.

    What it learnt is kept after each of its `halves`, and its successor is asked for once more. With `keeps_every`
    it is kept while it watches, too, and a job that comes after a run that ended badly starts the next one.
    """

    name: str
    period: float | None = None
    lasting: float = 0.0
    halves: int = 1
    renews: bool = False
    every: float = 60.0
    keeps_every: float | None = None


WAYS = (
    Way(name="one sync, */15", period=15 * 60),
    Way(name="one sync, */5", period=5 * 60),
    Way(name="schedule + watch of 2 x 2h50m", period=20 * 60, lasting=2 * 170 * 60, halves=2),
    Way(
        name="renewing watch of 2 x 2h50m",
        period=20 * 60,
        lasting=2 * 170 * 60,
        halves=2,
        renews=True,
        keeps_every=20 * 60,
    ),
    Way(name=RENEWING, period=20 * 60, lasting=2 * 55 * 60, halves=2, renews=True, keeps_every=20 * 60),
    Way(name="watch on a machine of one's own"),
)


@dataclass(frozen=True, kw_only=True)
class Poll:
    """A good poll that was kept: when (seconds since BEGIN), and its look-back in minutes."""

    at: float
    minutes: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A way's figures. `unreported_seconds`: missed by every window, and by every reported gap."""

    way: str
    caught: float
    longest_gap_seconds: float
    gap_seconds: float
    unreported_seconds: float
    job_minutes_a_month: float


class World:
    """The same misfortunes and signals for every way, from one seed."""

    def __init__(self, given: Circumstances, days: float, seed: int) -> None:
        self.given = given
        self.end = days * 86_400.0
        self.seed = seed
        self.api_away = self._outages("api", given.api_outages_a_month, given.minutes_of_api_outage)
        machine = self._outages("machine", given.machine_outages_a_month, given.minutes_of_machine_outage)
        self.own_away = _joined([*self.api_away, *machine])
        self.signals = list(self._signals())

    def dice(self, what: str) -> Random:
        """A stream of chances of its own for each matter."""
        return Random(f"{self.seed} {what}")

    def scheduled(self, period: float) -> list[float]:
        """When scheduled runs really start: at the first beat of the schedule once GitHub gets round to it."""
        dice, found, free = self.dice(f"schedule {period}"), [], 0.0
        while (start := math.ceil(free / period) * period) < self.end:
            found.append(start)
            free = start + max(1.0, 60 * _draw(self.given.minutes_between_scheduled_starts, dice))
        return found

    def _outages(self, what: str, a_month: float, minutes: Quantiles) -> list[tuple[float, float]]:
        dice, found = self.dice(what), []
        at = dice.expovariate(a_month / MONTH)
        while at < self.end:
            length = 60 * _draw(minutes, dice)
            found.append((at, at + length))
            at += length + dice.expovariate(a_month / MONTH)
        return found

    def _signals(self) -> Iterator[tuple[float, float]]:
        """When each signal enters the feed and when it leaves it: closed, or older than the API's reach."""
        dice, at = self.dice("signals"), 0.0
        while (at := at + dice.expovariate(1 / SECONDS_BETWEEN_SIGNALS)) < self.end:
            yield at, at + min(60 * _draw(MINUTES_OPEN, dice), REACH.total_seconds())


def simulate(way: Way, world: World) -> Outcome:
    """Play one way through the world."""
    if way.period is None:
        kept, minutes = _watched(way, 0.0, world.end, None, world.own_away, world.dice(way.name)), 0
    else:
        kept, minutes = _on_runners(way, way.period, world)
    return _judged(way, world, [poll for poll in kept if poll.at < world.end], minutes)


def _on_runners(way: Way, period: float, world: World) -> tuple[list[Poll], int]:
    """The polls that were kept, and the minutes billed, of one job after the other."""
    given, dice, schedule = world.given, world.dice(way.name), world.scheduled(period)
    kept: list[Poll] = []
    minutes, start = 0, schedule[0]
    while start < world.end:
        lost_at = start + dice.expovariate(given.runners_lost_in_1000_hours / 3.6e6)
        end = start + _draw(given.seconds_of_setup, dice)
        if dice.random() < given.setups_failing:
            minutes += math.ceil((end - start) / 60)
            start = _next_start(schedule, start, end, _looked_after(way, given, dice), given, dice, world)
            continue
        renewed = way.renews and lost_at > end and dice.random() >= given.dispatches_failing
        for _ in range(way.halves):
            over = end + way.lasting / way.halves
            polls = _watched(way, end, over, kept[-1].at if kept else None, world.api_away, dice)
            end = max(over, polls[-1].at if polls else end) + _draw(given.seconds_of_saving, dice)
            if lost_at < end:
                kept += _kept_in_time(way, polls, over - way.lasting / way.halves, lost_at)
                renewed = renewed or _looked_after(way, given, dice)
                end = lost_at + 60 * _draw(given.minutes_until_a_lost_runner_is_noticed, dice)
                break
            kept += polls
            renewed = renewed or (way.renews and dice.random() >= given.dispatches_failing)
        minutes += math.ceil((end - start) / 60)
        start = _next_start(schedule, start, end, renewed, given, dice, world)
    return kept, minutes


def _kept_in_time(way: Way, polls: Sequence[Poll], begin: float, lost_at: float) -> list[Poll]:
    """The polls that were pushed before the runner was lost."""
    if way.keeps_every is None:
        return []
    pushed = begin + (lost_at - begin) // way.keeps_every * way.keeps_every
    return [poll for poll in polls if poll.at <= pushed]


def _looked_after(way: Way, given: Circumstances, dice: Random) -> bool:
    """Whether the job that comes after a bad end started the next run; it tries for minutes."""
    failed = all(dice.random() < given.dispatches_failing for _ in range(TRIES_AFTER))
    return way.keeps_every is not None and not failed


def _next_start(
    schedule: Sequence[float],
    start: float,
    end: float,
    renewed: bool,
    given: Circumstances,
    dice: Random,
    world: World,
) -> float:
    """When the run after one of [start, end) begins: as its successor, or as the schedule strikes."""
    following = bisect_right(schedule, start)
    if renewed or (following < len(schedule) and schedule[following] <= end):
        return end + _draw(given.seconds_to_start_when_dispatched, dice)
    return schedule[following] if following < len(schedule) else world.end


def _watched(
    way: Way, begin: float, end: float, last: float | None, away: Stretches, dice: Random
) -> list[Poll]:
    """The good polls of one watch, by the pace of the real one; `last` is the last good one that it knows of."""
    pace, began, found = Pace(way.every, begin), begin, list[Poll]()
    while began <= end:
        at = _answered(began, min(pace.every, max(30.0, end - began)), away, dice)
        if at is not None:
            asked = look_back(_moment(last), BEGIN + timedelta(seconds=at), "auto")
            found.append(Poll(at=at, minutes=asked))
            last = at
        now = began + pace.every if at is None else at + 1
        began = pace.next_due(began, now, Step(exit_code=69 if at is None else 0, good=at is not None))
    return found


def _answered(began: float, budget: float, away: Stretches, dice: Random) -> float | None:
    """When a step's poll got its answer: at once, or by a retry soon after an outage, or never."""
    index = bisect_right(away, (began, math.inf)) - 1
    back = away[index][1] if index >= 0 else began
    if back <= began:
        return began
    retried = back + dice.uniform(0, 30)
    return retried if retried <= began + budget else None


def _judged(way: Way, world: World, kept: Sequence[Poll], minutes: int) -> Outcome:
    windows = [
        Window(BEGIN + timedelta(seconds=poll.at - 60 * poll.minutes), BEGIN + timedelta(seconds=poll.at))
        for poll in kept
    ]
    seen = coverage([windows], BEGIN + timedelta(seconds=world.end))
    gaps = [(_seconds(gap.start), _seconds(gap.end)) for gap in seen.gaps]
    moments = [poll.at for poll in kept]
    begun = kept[0].at - REACH.total_seconds() if kept else 0.0
    offered = [signal for signal in world.signals if begun <= signal[0] < world.end - REACH.total_seconds()]
    caught = sum(_catches(kept, moments, *signal) for signal in offered)
    return Outcome(
        way=way.name,
        caught=caught / len(offered),
        longest_gap_seconds=max((end - start for start, end in gaps), default=0.0),
        gap_seconds=seen.gap_seconds,
        unreported_seconds=_unreported(kept, gaps, world.end),
        job_minutes_a_month=minutes * MONTH / world.end,
    )


def _catches(kept: Sequence[Poll], moments: Sequence[float], opened: float, left: float) -> bool:
    """Whether a kept poll fell into the signal's time in the feed, and looked back far enough."""
    polls = kept[bisect_left(moments, opened) : bisect_left(moments, left)]
    return any(poll.at - 60 * poll.minutes <= opened for poll in polls)


def _unreported(kept: Sequence[Poll], gaps: Stretches, end: float) -> float:
    """Seconds that no kept poll looked at and no gap tells, found without the coverage code's help.

    Between two polls nothing was looked at from the earlier one to where the later one's look-back
    begins, unless a later, wider one reaches over it.
    """
    missed, reaches = [], end - REACH.total_seconds()
    if kept:
        missed.append((kept[-1].at, reaches))
    for poll, later in reversed(list(pairwise(kept))):
        reaches = min(reaches, later.at - 60 * later.minutes)
        missed.append((poll.at, reaches))
    total = 0.0
    for start, stop in missed:
        told = sum(max(0.0, min(stop, right) - max(start, left)) for left, right in _near(gaps, start, stop))
        total += max(0.0, stop - start) - told
    return round(total, 3)


def _near(gaps: Stretches, start: float, stop: float) -> Stretches:
    return [gap for gap in gaps if gap[0] < stop and gap[1] > start] if start < stop else []


def _draw(quantiles: Quantiles, dice: Random) -> float:
    """A random value of that distribution, linear between its points."""
    share = dice.random()
    for (low, least), (high, most) in pairwise(quantiles):
        if share <= high:
            return least + (most - least) * (share - low) / (high - low)
    return quantiles[-1][1]


def _joined(stretches: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for start, end in sorted(stretches):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else BEGIN + timedelta(seconds=seconds)


def _seconds(moment: datetime) -> float:
    return (moment - BEGIN).total_seconds()


def print_table(outcomes: Sequence[Outcome]) -> None:
    """A table for people, as docs/unattended.md has it."""
    print(
        f"{'way of running':<34}{'caught':>9}{'longest gap':>14}{'unreported':>12}{'job minutes/month':>19}"
    )
    for one in outcomes:
        print(
            f"{one.way:<34}{one.caught:>9.2%}{duration(one.longest_gap_seconds):>14}"
            f"{one.unreported_seconds:>10.0f} s{one.job_minutes_a_month:>19,.0f}"
        )


def main(arguments: Sequence[str]) -> int:
    """Exit code 1 if the renewing watch misses its target or any way misses a second unreported."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("delays", type=Path, nargs="?", default=HERE / "delays" / "pessimistic.json")
    parser.add_argument("--days", type=float, default=180)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args(arguments)
    world = World(Circumstances.read(given.delays), given.days, given.seed)
    outcomes = [simulate(way, world) for way in WAYS]
    if given.as_json:
        print(json.dumps([asdict(one) for one in outcomes]))
    else:
        print_table(outcomes)
    return 0 if _holds(outcomes) else 1


def _holds(outcomes: Sequence[Outcome]) -> bool:
    [caught] = [one.caught for one in outcomes if one.way == RENEWING]
    return caught >= TARGET and not any(one.unreported_seconds for one in outcomes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
