"""Every failure a person can meet, with its exit code (sysexits.h numbers) and what to do.

CqsError                    1  a bug: anything below is more precise
├── UsageError              2  flags, config or environment hold something we cannot use
├── AccessRefused          77  the key, or a permission on a file or sheet, was refused
├── DataRefused            65  a target, template or journal holds what we refuse to touch
├── ApiUnavailable         69  the API is unreachable, broken or says "unavailable"
├── TargetBusy             75  locked, over quota, full or away: nothing lost, run again
│   └── TargetChanged      75  somebody saved between our read and our write
└── Interrupted       130, 143  the user or the system asked us to stop; the step was finished
"""

from __future__ import annotations

ROWS_WAIT = "Nothing was written; the rows wait in the journal."
"""The meaning of most failures of a target."""


class CqsError(Exception):
    """A failure told in three lines: what happened, what it means for the data, what to do.

    `kind` is a stable word for scripts (section "errors" of the JSON report).
    """

    exit_code = 1
    kind = "bug"

    def __init__(self, message: str, *, meaning: str = "", hint: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.meaning = meaning
        self.hint = hint
        self.kind = kind or type(self).kind

    def __str__(self) -> str:
        return "\n".join(line for line in (self.message, self.meaning, self.hint) if line)


class UsageError(CqsError):
    """Flags, config or environment hold something we cannot use."""

    exit_code = 2
    kind = "usage"


class AccessRefused(CqsError):
    """The key, or a permission on a file or sheet, was refused: repeating will not help."""

    exit_code = 77
    kind = "access"


class DataRefused(CqsError):
    """A target, template or journal holds what we refuse to touch; it is left as it was."""

    exit_code = 65
    kind = "data"


class ApiUnavailable(CqsError):
    """The API is unreachable, broken or says "unavailable": repeating later may help."""

    exit_code = 69
    kind = "api"


class TargetBusy(CqsError):
    """A target or the journal is locked, over quota, full or away: nothing lost, run again."""

    exit_code = 75
    kind = "busy"


class TargetChanged(TargetBusy):
    """Somebody saved the target between our read and our write: read it again and plan anew."""

    kind = "changed"


class Interrupted(CqsError):
    """SIGINT or SIGTERM came; what had begun was finished first."""

    kind = "interrupted"

    def __init__(self, signal_number: int) -> None:
        super().__init__(
            "Stopped on request.",
            meaning="What had begun was finished; nothing caught so far is lost.",
            hint="Run it again to go on.",
        )
        self.exit_code = 128 + signal_number


# Several failures in one run: the first of these that occurred is the exit code.
PRECEDENCE = (130, 143, 1, 2, 77, 65, 75, 69)


def combined_exit_code(codes: list[int]) -> int:
    """The exit code of a run in which each of `codes` occurred; 0 for none."""
    return next((code for code in PRECEDENCE if code in codes), 0)
