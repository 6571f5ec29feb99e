"""Files written so that they are whole or as before, and those that another program on Windows has open."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy

if TYPE_CHECKING:
    from filelock import BaseFileLock


def opened(path: Path) -> BinaryIO:
    """A file to read that others made; OSError also for what is none: a pipe may never begin."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    code = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
    raise OSError(code, os.strerror(code) if code == errno.EISDIR else "it is no file", str(path))


def small_text(path: Path) -> str:
    """What a small file of text holds that others made; OSError as `opened`, ValueError for what is none."""
    with opened(path) as file:
        content = file.read(_SMALL + 1)
    if len(content) > _SMALL:
        raise ValueError(f"{path} is larger than any such file")
    return content.decode()


_SMALL = 1 << 20


@contextmanager
def replacing(path: Path, *, hint: str) -> Iterator[Path]:
    """A path beside `path` to write to; what is there in the end takes its place in one step.

    Raises TargetBusy for a full disk, AccessRefused with that `hint` for whatever else the system has against
    it, with everything as it was.
    """
    staged = path.with_name(f".{path.name}.new")
    try:
        with writing(path, meaning="It is as it was before.", hint=hint):
            yield staged
            staged.replace(path)
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)


@contextmanager
def writing(path: Path, *, meaning: str, hint: str) -> Iterator[None]:
    """Raises TargetBusy for a full disk, AccessRefused for whatever else the system has against writing there."""
    try:
        yield
    except OSError as error:
        raise cannot_be_written(path, error, meaning=meaning, hint=hint) from None


def cannot_be_written(path: Path, error: OSError, *, meaning: str, hint: str) -> CqsError:
    """A refusal of the system to write a file, as a failure for people; a full disk is no matter of permission."""
    reason = os.strerror(error.errno) if error.errno else error
    if error.errno in FULL:
        return TargetBusy(
            f"{path} cannot be written: {reason}.",
            meaning=meaning,
            hint="Free some space, then run it again.",
        )
    return AccessRefused(f"{path} cannot be written: {reason}.", meaning=meaning, hint=hint)


def let_go(lock: BaseFileLock) -> None:
    """Release a lock. A disk that fails just then undoes nothing of what was done under it."""
    for _ in range(2):  # what failed for once would hold it until the process ends
        with suppress(OSError):
            lock.release()
            return


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""The system's errors for a disk that has no room, or fails."""


HELD = (32, 33)
"""Windows' errors: another program has the file open, or a part of it locked."""


def is_held(file: Path) -> bool:
    """Whether another program has the file open so that nobody may put another in its place.

    Windows lets a program open a file for itself alone, and says no more to others than that it is not permitted.
    To be asked on Windows, after an `open` that was not permitted: to rename a file to its own name
    changes nothing, and fails by the true reason.
    """
    try:
        file.rename(file)
    except OSError as error:
        return getattr(error, "winerror", None) in HELD
    return False
