"""One writer of the journal at a time, and who it is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from cqs_sheets.errors import TargetBusy
from cqs_sheets.journal.database import file_error


@contextmanager
def writer_lock(path: Path, *, wait: float, now: datetime) -> Iterator[None]:
    """Be the only writer of the journal `path`; the system frees it if the process is killed.

    Waits up to `wait` seconds, then raises TargetBusy with who holds it. Raises AccessRefused if
    the folder is not writable.
    """
    lock = FileLock(_beside(path, "lock"), mode=0o600)
    owner = _beside(path, "owner")  # beside the lock, for the lock itself is truncated by who waits for it
    try:
        lock.acquire(timeout=wait)
    except Timeout:
        raise TargetBusy(
            f"The journal {path} is in use{_holder(owner)}.",
            meaning="Nothing was written.",
            hint="Wait until it has finished, or stop it, then run again.",
        ) from None
    except OSError as error:
        raise file_error(error, str(path)) from error
    try:
        _sign(owner, now)
        yield
    finally:
        with suppress(OSError):
            owner.unlink()
        lock.release()


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(f"{path.name}.{suffix}")


def _sign(owner: Path, now: datetime) -> None:
    """Say who holds the lock; only a message rests on it, so a disk that refuses is no failure yet."""
    signed = {"process": os.getpid(), "since": f"{now:%Y-%m-%d %H:%M:%S} UTC"}
    with (
        suppress(OSError),
        os.fdopen(os.open(owner, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file,
    ):
        json.dump(signed, file)


def _holder(owner: Path) -> str:
    """`" by process N since ..."`, or nothing while the holder has not signed yet."""
    try:
        signed = json.loads(owner.read_text())
        return f" by process {signed['process']} since {signed['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
