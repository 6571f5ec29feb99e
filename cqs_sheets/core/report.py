"""The report of one sync: the contract of `--json`, and what people and CI are shown of it.

Times are aware (UTC) and written as `2026-05-24T14:32:05Z`; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from cqs_sheets.core.signals.coverage import Coverage
from cqs_sheets.core.signals.signal import Reject
from cqs_sheets.errors import CqsError, combined_exit_code
from cqs_sheets.values import asdict, dataclass, field, replace

VERSION = 1
_FOR_PEOPLE = ("title", "made", "told", "offered", "declined")


class RunOutcome(StrEnum):
    """`DEGRADED`: something failed or is pending, and something was done."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiReport:
    """What the API answered: counts of HTTP requests and of signals by what became of them; `aged` is for people."""

    requests: int = 0
    signals: int = 0
    new: int = 0
    changed: int = 0
    closed: int = 0
    aged: int = 0
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReport:
    """What one target got: counts of rows. All below `seconds` is for people.

    `title` is what they call it. `made` is what its template gained, `told` what else was done. Of the signals that
    were `offered` to it for the first time, so many it `declined`.
    """

    target: str
    template: str
    outcome: RunOutcome
    added: int = 0
    updated: int = 0
    closed: int = 0
    unchanged: int = 0
    left_deleted: int = 0
    pending: int = 0
    requests: int = 0
    seconds: float = 0.0
    title: str = ""
    made: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    offered: int = 0
    declined: int = 0

    @property
    def name(self) -> str:
        """What people are told it is called."""
        return self.title or self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One sync from start to end."""

    started: datetime
    seconds: float
    dry_run: bool
    api: ApiReport
    coverage: Coverage
    targets: tuple[TargetReport, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[CqsError, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """Section 5's code: the first by precedence of those that occurred, 0 for none."""
        return combined_exit_code([error.exit_code for error in self.errors])

    @property
    def outcome(self) -> RunOutcome:
        """`FAILED` if nothing worked, `DEGRADED` if something did, `OK` if all did."""
        if not self.errors:
            return RunOutcome.OK
        anything = self.api.requests > 0 and any(t.outcome is RunOutcome.OK for t in self.targets)
        return RunOutcome.DEGRADED if anything else RunOutcome.FAILED

    def as_json(self) -> dict[str, Any]:
        """The contract's object, ready for json.dumps."""
        return {
            "version": VERSION,
            "outcome": self.outcome.value,
            "exit_code": self.exit_code,
            "dry_run": self.dry_run,
            "started": utc_text(self.started),
            "seconds": round(self.seconds, 3),
            "api": _api_json(self.api),
            "coverage": coverage_json(self.coverage),
            "targets": [_target_json(target) for target in self.targets],
            "warnings": list(self.warnings),
            "errors": [_error_json(error) for error in self.errors],
        }


def utc_text(moment: datetime) -> str:
    """An aware time as `2026-05-24T14:32:05Z`."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def coverage_json(coverage: Coverage) -> dict[str, Any]:
    """Section 6's coverage object; `since` is null before the first good poll."""
    return {
        "since": utc_text(coverage.since) if coverage.since else None,
        "covered_seconds": round(coverage.covered_seconds),
        "gap_seconds": round(coverage.gap_seconds),
        "gaps": [{"from": utc_text(gap.start), "to": utc_text(gap.end)} for gap in coverage.gaps],
    }


def _api_json(api: ApiReport) -> dict[str, Any]:
    counts = {name: getattr(api, name) for name in ("requests", "signals", "new", "changed", "closed")}
    rejects = [{"id": reject.id, "reason": reject.reason} for reject in api.rejects]
    return {**counts, "rejected": len(rejects), "rejects": rejects}


def _target_json(target: TargetReport) -> dict[str, Any]:
    values = asdict(target)
    for name in _FOR_PEOPLE:
        del values[name]
    return {**values, "outcome": target.outcome.value, "seconds": round(target.seconds, 3)}


def _error_json(error: CqsError) -> dict[str, str]:
    message = f"{error.message} {error.meaning}".strip()
    return {"kind": error.kind, "message": message, "hint": error.hint}


def merged_rejects(rejects: Sequence[Reject]) -> tuple[Reject, ...]:
    """One entry per distinct reject: the same broken signal comes with every poll of its window."""
    return tuple(dict.fromkeys(rejects))


def in_total(earlier: Report | None, latest: Report) -> Report:
    """The work of both added up, with the state (coverage, errors, what is pending) of the latest."""
    if earlier is None:
        return latest
    before = {target.target: target for target in earlier.targets}
    now = {target.target: target for target in latest.targets}
    return replace(
        latest,
        started=earlier.started,
        seconds=earlier.seconds + latest.seconds,
        api=_api(earlier.api, latest.api),
        targets=tuple(_target(before.get(name), now.get(name)) for name in before | now),
        warnings=tuple(dict.fromkeys((*earlier.warnings, *latest.warnings))),
    )


def _api(earlier: ApiReport, latest: ApiReport) -> ApiReport:
    names = ("requests", "new", "changed", "closed", "aged")
    sums: dict[str, Any] = {name: getattr(earlier, name) + getattr(latest, name) for name in names}
    return replace(latest, **sums, rejects=merged_rejects([*earlier.rejects, *latest.rejects]))


def _target(earlier: TargetReport | None, latest: TargetReport | None) -> TargetReport:
    both = [target for target in (earlier, latest) if target]
    names = ("added", "updated", "closed", "requests", "seconds", "offered", "declined")
    sums: dict[str, Any] = {name: sum(getattr(target, name) for target in both) for name in names}
    made = dict.fromkeys(what for target in both for what in target.made)
    told = dict.fromkeys(what for target in both for what in target.told)
    return replace(both[-1], **sums, made=tuple(made), told=tuple(told))
