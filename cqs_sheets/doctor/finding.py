"""One line of the doctor: what was looked at, how it is, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any

from cqs_sheets.core.plan.binding import How
from cqs_sheets.core.plan.plan import USERS_OWN
from cqs_sheets.core.render import plural
from cqs_sheets.core.templates.template import Column
from cqs_sheets.destinations import InspectedTab
from cqs_sheets.errors import CqsError, combined_exit_code
from cqs_sheets.values import dataclass, field, replace

_MOST_LINES = 8


class Severity(StrEnum):
    """How it is: nothing to do, worth a look, or in the way of the next sync."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    `subject` is a target, or what of the program; `check` a stable word for scripts. `mend` says what to
    do, `exit_code` is what a sync would end with (level FAIL only), `details` are lines of their own.
    `fix` puts it right safely; it may raise CqsError or OSError.
    """

    subject: str
    check: str
    level: Severity
    what: str
    mend: str = ""
    exit_code: int = 0
    details: tuple[str, ...] = ()
    fixed: bool = False
    fix: Callable[[], None] | None = field(default=None, compare=False, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The finding for scripts."""
        return {
            "subject": self.subject,
            "check": self.check,
            "level": self.level.value,
            "what": self.what,
            "mend": self.mend,
            "details": list(self.details),
            "fixable": self.fix is not None,
            "fixed": self.fixed,
        }


def ok(subject: str, check: str, what: str, *, details: Sequence[str] = ()) -> Finding:
    """Nothing to do."""
    return Finding(subject=subject, check=check, level=Severity.OK, what=what, details=tuple(details))


def warn(
    subject: str, check: str, what: str, mend: str, *,
    details: Sequence[str] = (), fix: Callable[[], None] | None = None,
) -> Finding:  # fmt: skip
    """Worth a look."""
    return Finding(
        subject=subject,
        check=check,
        level=Severity.WARN,
        what=what,
        mend=mend,
        details=tuple(details),
        fix=fix,
    )


def fail(subject: str, check: str, error: CqsError) -> Finding:
    """What a sync would fail with."""
    first, *rest = error.message.splitlines()
    return Finding(
        subject=subject,
        check=check,
        level=Severity.FAIL,
        what=first,
        mend=error.hint,
        exit_code=error.exit_code,
        details=tuple(line.strip() for line in rest),
    )


def mended(finding: Finding) -> Finding:
    """The finding after its safe fix, if it has one; it stays as it was, and says why, if that fails."""
    if finding.fix is None:
        return finding
    try:
        finding.fix()
    except (CqsError, OSError) as error:
        reason = error.message if isinstance(error, CqsError) else error.strerror or str(error)
        return replace(finding, details=(*finding.details, f"It could not be mended: {reason}"))
    return replace(finding, level=Severity.OK, exit_code=0, fixed=True)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 if nothing fails, else the first of the contract's codes that does."""
    return combined_exit_code([finding.exit_code for finding in findings])


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """All of it for scripts. `outcome` is the worst level of any."""
    levels = {finding.level for finding in findings}
    worst = next((level for level in (Severity.FAIL, Severity.WARN) if level in levels), Severity.OK)
    return {
        "version": 1,
        "outcome": worst.value,
        "exit_code": exit_code(findings),
        "findings": [finding.as_json() for finding in findings],
    }


def check_tab(subject: str, facts: InspectedTab) -> Iterator[Finding]:
    """The header map, what is missing in it, and keys in more than one row."""
    tab = facts.tab
    there = [column for column in tab.columns if column.id in facts.columns]
    how = (
        "known by hidden marks"
        if facts.how is How.MARKS
        else f"known by {facts.how}; the next sync marks them"
    )
    where = f"tab {facts.title}" + (f" (the template's {tab.name})" if facts.title != tab.name else "")
    yield ok(
        subject,
        "target.columns",
        f"{where}: {plural(facts.rows, 'row')} below the header in row {facts.header_row};"
        f" {len(there)} of {plural(len(tab.columns), 'column')} found, {how}",
        details=[", ".join(f"{facts.columns[column.id]}={column.header}" for column in there)],
    )
    yield from _missing(subject, where, facts)
    yield from _twice(subject, where, facts)


def _missing(subject: str, where: str, facts: InspectedTab) -> Iterator[Finding]:
    absent = [column for column in facts.tab.columns if column.id not in facts.columns]
    if not absent:
        return
    if facts.made == USERS_OWN or facts.how is not How.MARKS:
        yield ok(subject, "target.unbound", f"{where}: no header for {_headers(absent)}; not written")
        return
    deleted = [column for column in absent if facts.made is not None and column.id in facts.made]
    if deleted:
        yield ok(subject, "target.deleted", f"{where}: you deleted {_headers(deleted)}; left out since")
    new = [column for column in absent if column not in deleted]
    if new and facts.made is not None:
        what = f"{where}: the template has {_headers(new)} by now."
        yield warn(subject, "target.drift", what, "Nothing to do: the next sync adds them at the right.")
    elif new:
        yield ok(subject, "target.deleted", f"{where}: {_headers(new)} is not there; left out")


def _twice(subject: str, where: str, facts: InspectedTab) -> Iterator[Finding]:
    twice = facts.duplicates
    if not twice:
        return
    lines = [f"{key} in rows {', '.join(map(str, rows))}" for key, rows in list(twice.items())[:_MOST_LINES]]
    more = [f"and {len(twice) - _MOST_LINES:,} more"] if len(twice) > _MOST_LINES else []
    yield warn(
        subject,
        "target.duplicates",
        f"{where}: {plural(len(twice), 'key')} in more than one row; only the first is kept up to date.",
        "Delete the rows that are too many.",
        details=[*lines, *more],
    )


def _headers(columns: Sequence[Column]) -> str:
    return ", ".join(column.header for column in columns)
