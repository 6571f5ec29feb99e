"""One line of the doctor: what was looked at, how it is, and what mends it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from cqs_sheets.errors import CqsError, combined_exit_code
from cqs_sheets.values import dataclass, field, replace

_OTHERS = 0o077


class Severity(StrEnum):
    """How it is: nothing to do, worth a look, or in the way of the next sync."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    `check` is a stable word for scripts, `subject` (see `about`) a target, or what of the program. `mend` says what
    to do, `exit_code` is what a sync would end with (level FAIL only), `details` are lines of their own.
    `fix` puts it right safely; it may raise CqsError or OSError.
    """

    check: str
    level: Severity
    what: str
    mend: str = ""
    exit_code: int = 0
    details: tuple[str, ...] = ()
    fixed: bool = False
    subject: str = ""
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


def ok(check: str, what: str, *details: str) -> Finding:
    """Nothing to do."""
    return Finding(check=check, level=Severity.OK, what=what, details=details)


def warn(check: str, what: str, mend: str, *details: str, fix: Callable[[], None] | None = None) -> Finding:
    """Worth a look."""
    return Finding(check=check, level=Severity.WARN, what=what, mend=mend, details=details, fix=fix)


def fail(check: str, error: CqsError) -> Finding:
    """What a sync would fail with."""
    first, *rest = error.message.splitlines()
    return Finding(
        check=check, level=Severity.FAIL, what=first, mend=error.hint, exit_code=error.exit_code,
        details=tuple(line.strip() for line in rest),
    )  # fmt: skip


def about(subject: str, found: Iterable[Finding]) -> Iterator[Finding]:
    """What was found, as of this subject."""
    for finding in found:
        yield replace(finding, subject=subject)


def open_to_others(check: str, file: Path, what: str) -> Iterator[Finding]:
    """A warning `what`, if others can read a file that is nobody else's business."""
    if os.name == "posix" and file.exists() and file.stat().st_mode & _OTHERS:
        yield warn(check, what, f"Run `chmod 600 {file}`.", fix=lambda: file.chmod(0o600))


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
