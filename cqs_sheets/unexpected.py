"""What nobody foresaw where it happened: a disk or a mount that failed, a name that no system takes, or a bug."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from cqs_sheets import __version__
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy, UsageError

_SAFE = "Every step is safe to repeat: what was caught is in the journal, your sheets are whole."
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_NO_NAME = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR)
_PASSING = frozenset(  # full, failing, or a mount that dropped out; not every system has every name
    getattr(errno, name)
    for name in (
        "ENOSPC", "EDQUOT", "EFBIG", "EIO", "ENOTCONN", "ESTALE", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN",
        "ENETUNREACH", "ETIMEDOUT", "EINTR", "EAGAIN", "ENODEV", "ENXIO", "EREMOTEIO", "EMFILE", "ENFILE", "ENOMEM",
    )
    if hasattr(errno, name)
)  # fmt: skip
_written: dict[str, Path | None] = {}


def explained(error: Exception, place: str = "") -> CqsError:
    """Any failure as one for people; `place` is what was being worked on, where the error names no file.

    For a bug a file is written that tells where in the code it was, one for each such place.
    """
    if isinstance(error, CqsError):
        return error
    told = _of_the_system(error, place) if isinstance(error, OSError) else None
    if told is None and isinstance(error, MemoryError):
        told = TargetBusy(
            "This computer has no memory left for it.",
            meaning=_SAFE,
            hint="End what else needs memory, or raise the limit, then run it again.",
            kind="memory",
        )
    return told or _bug(error, place)


def out_of_reach(error: OSError, place: str) -> TargetBusy | None:
    """The failure to tell where a disk is full or fails, or a mount dropped out: it may be back in a minute."""
    if error.errno not in _PASSING:
        return None
    return TargetBusy(
        f"{place} is out of reach: {error.strerror}.",
        meaning=_SAFE,
        hint="Look after the disk or mount, then run it again.",
        kind="disk",
    )


def _of_the_system(error: OSError, place: str) -> CqsError | None:
    kind: type[CqsError]
    if error.errno in _REFUSED:
        kind, hint = AccessRefused, "Make it writable for you, then run it again."
    elif error.errno in _NO_NAME:
        kind, hint = UsageError, "Name another file or folder; links must not lead in circles."
    elif error.errno in _PASSING:
        kind, hint = TargetBusy, "Free some space, or look after the disk or mount, then run it again."
    else:
        return None
    where = f"The file {os.fsdecode(error.filename)}" if error.filename else place or "The output"
    told = {"meaning": _SAFE, "hint": hint, "kind": "disk"}
    return kind(f"{where} cannot be used: {error.strerror}.", **told)


def _bug(error: Exception, place: str) -> CqsError:
    file = _crash_file(error)
    return CqsError(
        f"A bug in cqs-sheets ({type(error).__name__}{f', at {place}' if place else ''}).",
        meaning=_SAFE,
        hint=f"Report it with {file}; it holds no key and no signal." if file else "Report it.",
    )


def _crash_file(error: Exception) -> Path | None:
    """The traceback, in a file only its owner can read; the same place in the code writes but one.

    Places in the code only: neither messages nor values, as those could hold a key. None if it cannot
    be written.
    """
    lines = [f"cqs-sheets {__version__}, Python {sys.version}, {sys.platform}\n"]
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}\n")
        lines.extend(traceback.StackSummary.extract(traceback.walk_tb(cause.__traceback__)).format())
        cause = cause.__cause__ or cause.__context__
    text = "".join(lines)
    if text not in _written:
        _written[text] = _write(text)
    return _written[text]


def _write(text: str) -> Path | None:
    name = f"cqs-sheets-crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
    for again in ("", *(f"-{number}" for number in range(2, 10))):
        path = Path(tempfile.gettempdir()) / f"{name}{again}.txt"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
        except FileExistsError:
            continue
        except OSError:
            return None
        return path
    return None
