"""What can go wrong with a request, before or after it took effect."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind`: status, timeout, reset, truncate or slow; `after_commit`: the write has happened all the same."""

    kind: str
    after_commit: bool = False
    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    seconds: float = 30.0
    reason: str = ""


def status(code: int, *, after_commit: bool = False, retry_after: int | None = None) -> Fault:
    """429, 500, 502, 503, 401 … instead of the answer."""
    headers = () if retry_after is None else (("Retry-After", str(retry_after)),)
    return Fault("status", after_commit, code, headers)


def used_up(reason: str = "rateLimitExceeded") -> Fault:
    """403 with a reason, as Google's older services say that there were too many requests."""
    return Fault("status", status=403, reason=reason)


def timeout(*, after_commit: bool = False, seconds: float = 30.0) -> Fault:
    """No answer until the client gives up, or `seconds`, then the connection is closed."""
    return Fault("timeout", after_commit, seconds=seconds)


def reset(*, after_commit: bool = False) -> Fault:
    """The connection is reset."""
    return Fault("reset", after_commit)


def truncate() -> Fault:
    """The request takes effect, half of the answer arrives."""
    return Fault("truncate", after_commit=True)


def slow(seconds: float) -> Fault:
    """The answer comes, `seconds` late."""
    return Fault("slow", after_commit=True, seconds=seconds)
