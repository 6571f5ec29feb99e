"""One sync, its steps in order; and the loop around syncs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from cqs_sheets.config import Settings, TargetSettings
from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.news import Happened, News
from cqs_sheets.core.report import ApiReport, Report, RunOutcome, TargetReport, merged_rejects
from cqs_sheets.core.signals.coverage import coverage
from cqs_sheets.core.signals.fields import wall_time
from cqs_sheets.core.signals.query import MAX_INTERVAL, selection
from cqs_sheets.errors import CqsError, Interrupted
from cqs_sheets.journal import Journal, Trouble
from cqs_sheets.run.poll import FeedPoll, FeedPoller, second_life_text
from cqs_sheets.run.rest import Delivery, remembered
from cqs_sheets.unexpected import explained
from cqs_sheets.values import replace

if TYPE_CHECKING:
    from cqs_sheets.core.plan.plan import Plan
    from cqs_sheets.run.deliver import Deliverer
    from cqs_sheets.run.looking import Target
    from cqs_sheets.run.outcomes import Judge, Judged

_DAY = timedelta(hours=24)
_SIDE_BY_SIDE = 8
_API = "the signals API"
_FINAL = frozenset({1, 2, 65, 77})  # exit codes of what goes on until somebody looks after it


class Run(NamedTuple):
    """The tools of one sync.

    `deliverer` and `open_target`, which makes a target's destination and template ready (CqsError if it cannot),
    are asked for only if a target is not `at_rest`: what they need is slow to import. `clock` gives aware UTC times,
    `progress` tells a person what is going on, `stop` gives the reason to begin no further step, once there is one.
    `judge` judges what became of signals, None: nothing does;
    `shows_outcomes` says which targets show it.
    """

    settings: Settings
    poller: FeedPoller
    deliverer: Callable[[], Deliverer]
    dry_run: bool
    journal: Journal
    open_target: Callable[[TargetSettings], Target]
    at_rest: Callable[[TargetSettings], Delivery | None]
    clock: Callable[[], datetime]
    progress: Callable[[str], None]
    stop: Callable[[], CqsError | None]
    judge: Judge | None = None
    shows_outcomes: Callable[[TargetSettings], bool] = lambda _: False


class SyncResult(NamedTuple):
    """The report, by target the plan that was (or would be) carried out, and what happened to which signal."""

    report: Report
    plans: Mapping[str, Plan]
    news: tuple[News, ...] = ()


class Turn(NamedTuple):
    """One target after its turn; `before` is its first one, where outcomes gave it a second."""

    settings: TargetSettings
    delivery: Delivery
    seconds: float
    before: Delivery | None = None


def run_once(run: Run) -> SyncResult:
    """Poll every feed, then bring every target up to date; one failing part never stops the others."""
    started = run.clock()
    digested, polls = poll_feeds(run)
    answered = any(poll.error is None for poll in polls)
    failed = [f"{poll.feed.name}: {poll.error.kind}" for poll in polls if poll.error]
    shown = settings_values(run, failed)
    written = _written(run, shown, make_empty=answered)
    judged = judge(run)
    if judged and judged.changed:
        written = _with_outcomes(run, written, shown)
    stopped = run.stop()
    note_troubles(run, polls, written)
    report = Report(
        started=started,
        seconds=(run.clock() - started).total_seconds(),
        dry_run=run.dry_run,
        api=_api_report(polls),
        coverage=run.journal.coverage(_covered(run)),
        targets=tuple(_target_report(target, polls) for target in written),
        warnings=tuple(
            dict.fromkeys(
                (*digested.warnings, *_warnings(polls, written), *(judged.warnings if judged else ()))
            )
        ),
        errors=tuple(dict.fromkeys((*digested.errors, *_errors(polls, written, stopped)))),
    )
    plans = {_name(target): plan for target in written for plan in _plans(target)[:1]}
    return SyncResult(report=report, plans=plans, news=_news(polls))


def _news(polls: Sequence[FeedPoll]) -> tuple[News, ...]:
    """What happened in all polls: what ended last."""
    told = [news for poll in polls for news in poll.result.news]
    return tuple(sorted(told, key=lambda news: (news.what is Happened.CLOSED, news.record.arrival)))


def _name(written: Turn) -> str:
    return written.delivery.title or written.settings.name


def surely_told(
    work: Callable[[], SyncResult], clock: Callable[[], datetime], *, dry_run: bool
) -> SyncResult:
    """What `work` comes to; where it could not begin, or nobody foresaw its failure, a report that says so."""
    started = clock()
    try:
        return work()
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - whoever reads the report reads one whatever happened
        result = not_begun(explained(error), started, dry_run=dry_run)
        seconds = (clock() - started).total_seconds()
        return result._replace(report=replace(result.report, seconds=seconds))


def not_begun(error: CqsError, now: datetime, *, dry_run: bool) -> SyncResult:
    """What there is to tell of a sync that could not begin."""
    nothing = Report(
        started=now, seconds=0, dry_run=dry_run, api=ApiReport(), coverage=coverage([], now), errors=(error,)
    )
    return SyncResult(report=nothing, plans={})


class Digested(NamedTuple):
    """What came of the answers that killed runs left."""

    warnings: tuple[str, ...] = ()
    errors: tuple[CqsError, ...] = ()


def _digested(run: Run) -> Digested:
    """Take in the answers whose run was killed; what a bug stumbles on stays for the version without it."""
    warnings, errors = list[str](), list[CqsError]()
    for kept in run.journal.undigested():
        try:
            warnings += map(second_life_text, run.poller.digest(kept).second_lives)
        except Exception as error:  # noqa: BLE001 - what is new is asked for all the same, before it is gone
            errors.append(explained(error, f"an answer kept on {kept.at:%Y-%m-%d %H:%M} UTC"))
    return Digested(tuple(warnings), tuple(errors))


def note_troubles(run: Run, polls: Sequence[FeedPoll], written: Sequence[Turn]) -> None:
    """What fails now and what does not, for alerts; nothing where there are none."""
    if not run.settings.alerts:
        return
    asked = [(_API, poll.error) for poll in polls]
    given = [(target.settings.name, target.delivery.error) for target in written]
    failing = {
        what: Trouble(
            message=f"{error.message} {error.meaning}".strip(),
            hint=error.hint,
            final=error.exit_code in _FINAL,
        )
        for what, error in (*asked, *given)
        if error and not isinstance(error, Interrupted)
    }
    run.journal.note_troubles(run.clock(), failing, {what for what, error in (*asked, *given) if not error})


def poll_feeds(run: Run) -> tuple[Digested, tuple[FeedPoll, ...]]:
    """Take in what a killed run left, as far as it can be read, then ask for every feed."""
    return _digested(run), tuple(_polls(run))


def _polls(run: Run) -> Iterator[FeedPoll]:
    for feed in run.settings.feeds:
        if run.stop():
            return
        run.progress(f"asking the API for {feed.name}")
        yield run.poller.poll(feed, run.clock())


def _written(run: Run, shown: Mapping[str, CellValue], *, make_empty: bool) -> list[Turn]:
    """Every target after its turn, in their order; several are written side by side."""

    def write(settings: TargetSettings) -> Turn | None:
        return None if run.stop() else write_target(run, settings, shown, make_empty=make_empty)

    targets = run.settings.targets
    run.progress(f"writing {', '.join(settings.name for settings in targets)}")
    if len(targets) == 1:
        turns = [write(targets[0])]
    else:
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - for several targets

        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            turns = list(pool.map(write, targets))
    return [written for written in turns if written]


def judge(run: Run) -> Judged | None:
    """What judging came to, once the targets have their signals: it delays none. None where it is not due."""
    if run.judge is None or run.dry_run or run.stop() or not run.judge.due():
        return None
    shown = [
        remembered(run.journal, settings).id
        for settings in run.settings.targets
        if run.shows_outcomes(settings)
    ]
    return run.judge.judge_open(shown)


def _with_outcomes(run: Run, written: Sequence[Turn], shown: Mapping[str, CellValue]) -> list[Turn]:
    """The targets after those that show outcomes, and were written, had another turn."""

    def again(target: Turn) -> Turn:
        if target.delivery.error or run.stop() or not run.shows_outcomes(target.settings):
            return target
        second = write_target(run, target.settings, shown, make_empty=False)
        return second._replace(before=target.delivery, seconds=target.seconds + second.seconds)

    return [again(target) for target in written]


def _turns(written: Turn) -> list[Delivery]:
    return [turn for turn in (written.before, written.delivery) if turn]


def _plans(written: Turn) -> list[Plan]:
    """What was, or would be, carried out in a target, in order."""
    return [turn.plan for turn in _turns(written) if turn.plan]


def write_target(
    run: Run, settings: TargetSettings, shown: Mapping[str, CellValue], *, make_empty: bool
) -> Turn:
    """Bring one target up to date; what went wrong is in its delivery."""
    begun = run.clock()
    delivery = run.at_rest(settings) or _delivered(run, settings, shown, make_empty=make_empty)
    return Turn(settings=settings, delivery=delivery, seconds=(run.clock() - begun).total_seconds())


def _delivered(
    run: Run, settings: TargetSettings, shown: Mapping[str, CellValue], *, make_empty: bool
) -> Delivery:
    deliverer = run.deliverer()
    try:
        target = run.open_target(settings)
    except Exception as error:  # noqa: BLE001 - the other targets have their turn, whatever it was
        return deliverer.failed_to_open(settings, explained(error, settings.name))
    return deliverer.deliver(target, shown, make_empty=make_empty)


def _covered(run: Run) -> list[tuple[str, str]]:
    free = run.settings.api.key.is_free
    return [(feed.name, selection(feed, free=free)) for feed in run.settings.feeds]


def settings_values(run: Run, failed: Sequence[str]) -> dict[str, CellValue]:
    """The cells of a Settings tab that the sync writes, by name; `failed` says which feeds did, and why."""
    now = run.clock()
    return {
        "Time_zone": str(run.settings.zone),
        "Last_sync": wall_time(now.replace(microsecond=0), run.settings.zone),
        "Feed_status": "; ".join(failed) or "ok",
        "Gap_minutes": Decimal(run.journal.coverage(_covered(run), since=now - _DAY).gap_minutes),
    }


def _warnings(polls: Sequence[FeedPoll], written: Sequence[Turn]) -> Iterator[str]:
    for poll in polls:
        yield from poll.warnings
    for target in written:
        for turn in _turns(target):
            yield from (f"{_name(target)}: {warning}" for warning in turn.warnings)


def _errors(
    polls: Sequence[FeedPoll], written: Sequence[Turn], stopped: CqsError | None
) -> Iterator[CqsError]:
    yield from (poll.error for poll in polls if poll.error)
    yield from (target.delivery.error for target in written if target.delivery.error)
    if stopped:
        yield stopped


def _api_report(polls: Sequence[FeedPoll]) -> ApiReport:
    return ApiReport(
        requests=sum(poll.requests for poll in polls),
        signals=len({key for poll in polls for key in poll.result.seen}),
        new=sum(poll.result.new for poll in polls),
        changed=sum(poll.result.changed for poll in polls),
        closed=sum(poll.result.closed for poll in polls),
        aged=sum(poll.result.aged for poll in polls),
        rejects=merged_rejects([reject for poll in polls for reject in poll.rejects]),
    )


def _target_report(written: Turn, polls: Sequence[FeedPoll]) -> TargetReport:
    settings, delivery = written.settings, written.delivery
    plans = _plans(written) if delivery.error is None else []
    added, updated, closed, made = _counted(plans, settings)
    return TargetReport(
        target=settings.name,
        template=settings.template,
        outcome=RunOutcome.FAILED if delivery.error else RunOutcome.OK,
        added=added,
        updated=updated,
        closed=closed,
        unchanged=0 if delivery.error else max(0, _seen(settings, polls) - added - updated),
        left_deleted=plans[0].left_deleted if plans else 0,
        pending=delivery.pending,
        requests=sum(turn.requests for turn in _turns(written)),
        seconds=written.seconds,
        title=delivery.title,
        made=made,
        told=tuple(what for turn in _turns(written) for what in turn.told) if plans else (),
        offered=_turns(written)[0].offered,
        declined=_turns(written)[0].declined,
    )


def _counted(plans: Sequence[Plan], settings: TargetSettings) -> tuple[int, int, int, tuple[str, ...]]:
    if not plans:
        return 0, 0, 0, ()
    from cqs_sheets.core.changes import counted  # noqa: PLC0415 - only what plans needs it

    return counted(plans, new_file=settings.path is not None)


def _seen(settings: TargetSettings, polls: Sequence[FeedPoll]) -> int:
    """How many open signals the feeds of a target showed."""
    feeding = (poll for poll in polls if settings.feeds is None or poll.feed.name in settings.feeds)
    return len({key for poll in feeding for key in poll.result.seen})


GOES_ON = frozenset({0, 1, 65, 69, 75})
"""The exit codes that a later step may mend; 1, too: what a bug stumbled on is often gone a minute later, and a
watch that nobody watches would catch no signal any more."""

LONGEST_PAUSE = (MAX_INTERVAL - 2) * 60.0
"""Seconds from one good poll to the next: asking takes a while."""

_SLOWEST = 5 * 60.0  # seconds between failing polls, so that the first good one comes soon
_HURRY = 30.0  # seconds between polls once every further one costs signals
_DOUBLINGS = 4
_NAP = 30.0  # seconds: a computer that was asleep is noticed this soon after it woke


class Beat(NamedTuple):
    """When to poll: every `every` seconds, for `lasting` seconds (None: until stopped)."""

    every: float
    lasting: float | None


class Step(NamedTuple):
    """What one sync came to.

    `good`: every feed was polled in full. `limited`: the API asked for fewer requests, even if it
    answered in the end.
    """

    exit_code: int
    good: bool
    limited: bool = False


class Pace:
    """Says when the next poll is due; times are seconds of one clock.

    Polls lie on the grid of whole beats after `begun`, whatever a step took. After failures, and
    when the API asks for it, the pauses double, up to a few minutes. No pause outlasts the API's
    memory: a beat that is too long is shortened, and LONGEST_PAUSE after the last good poll the
    next one is due without waiting for the grid.
    """

    def __init__(self, every: float, begun: float) -> None:
        self.every = min(every, LONGEST_PAUSE)
        self._begun = self._due = self._good = begun
        self._failures = self._limits = 0

    def next_due(self, began: float, now: float, step: Step) -> float:
        """When to poll again after a step that ran from `began` to `now`."""
        if step.good:
            self._good, self._failures = began, 0
        else:
            self._failures += 1
        self._limits = self._limits + 1 if step.limited else max(0, self._limits - 1)
        due = self._on_grid(max(now, self._due + self._slowed(self._failures + self._limits)))
        rest = 0.0 if step.good else self._slowed(self._limits) if self._limits else min(self.every, _HURRY)
        self._due = min(due, max(self._good + LONGEST_PAUSE, now + rest))
        return self._due

    def _slowed(self, times: int) -> float:
        return min(self.every * 2.0 ** min(times, _DOUBLINGS), max(self.every, _SLOWEST))

    def _on_grid(self, moment: float) -> float:
        beats = math.ceil(round((moment - self._begun) / self.every, 6))
        return max(moment, self._begun + beats * self.every)  # rounded, a beat may lie a hair before it


def watch(
    beat: Beat,
    step: Callable[[float], Step],
    *,
    elapsed: Callable[[], float],
    sleep: Callable[[float], None],
    waits: Callable[[float], None] = lambda _: None,
) -> int:
    """Run `step` on the beat; returns the last one's exit code, or that of the signal that ended it.

    `step` gets the seconds until the next poll is due, or the watch ends: its budget for retries.
    Ends after `lasting`, on a signal (`sleep` raises Interrupted), and on exit codes that repeating cannot
    mend. `elapsed` counts seconds, those the computer was asleep included; `waits` is told how many there are
    before the next poll.
    """
    begun = elapsed()
    end = math.inf if beat.lasting is None else begun + beat.lasting
    pace = Pace(beat.every, begun)
    while True:
        began = elapsed()
        done = step(min(pace.every, end - began))
        due = pace.next_due(began, elapsed(), done)
        if due > end or done.exit_code not in GOES_ON:
            return done.exit_code
        waits(due - elapsed())
        try:
            _rest(due, elapsed, sleep)
        except Interrupted as stopped:
            return stopped.exit_code


def _rest(due: float, elapsed: Callable[[], float], sleep: Callable[[float], None]) -> None:
    """Sleep until `due`, in naps: the clock may jump while the computer itself is asleep."""
    while True:
        left = due - elapsed()
        sleep(min(max(0.0, left), _NAP))
        if left <= _NAP:
            return
