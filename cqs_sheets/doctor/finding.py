"""One line of the doctor: what was looked at, how it is, and what mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from cqs_sheets.errors import CqsError, combined_exit_code


class Level(StrEnum):
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
    level: Level
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
    return Finding(subject=subject, check=check, level=Level.OK, what=what, details=tuple(details))


def warn(
    subject: str, check: str, what: str, mend: str, *,
    details: Sequence[str] = (), fix: Callable[[], None] | None = None,
) -> Finding:  # fmt: skip
    """Worth a look."""
    return Finding(
        subject=subject, check=check, level=Level.WARN, what=what, mend=mend, details=tuple(details), fix=fix
    )


def fail(subject: str, check: str, error: CqsError) -> Finding:
    """What a sync would fail with."""
    first, *rest = error.message.splitlines()
    return Finding(
        subject=subject,
        check=check,
        level=Level.FAIL,
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
    return replace(finding, level=Level.OK, exit_code=0, fixed=True)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 if nothing fails, else the first of the contract's codes that does."""
    return combined_exit_code([finding.exit_code for finding in findings])


def findings_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """All of it for scripts. `outcome` is the worst level of any."""
    levels = {finding.level for finding in findings}
    worst = next((level for level in (Level.FAIL, Level.WARN) if level in levels), Level.OK)
    return {
        "version": 1,
        "outcome": worst.value,
        "exit_code": exit_code(findings),
        "findings": [finding.as_json() for finding in findings],
    }
