"""Two files change places in one step, where the system can: so nothing that was replaced is ever out of sight."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
from collections.abc import Callable
from pathlib import Path

_HERE = -100  # AT_FDCWD: paths are as they are for any other call
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


def exchange(one: Path, other: Path) -> bool:
    """Let two files change places; False if this system or file system cannot. Raises FileNotFoundError."""
    call = _system_call()
    if call is None:
        return False
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    if ctypes.get_errno() == errno.ENOENT:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(other))
    return False


def _system_call() -> Callable[[bytes, bytes], int] | None:
    system = platform.system()
    if system not in ("Linux", "Darwin"):
        return None
    library = ctypes.CDLL(None, use_errno=True)
    rename = getattr(library, "renameat2" if system == "Linux" else "renamex_np", None)
    if rename is None:  # an old C library
        return None
    if system == "Linux":
        return lambda one, other: int(rename(_HERE, one, _HERE, other, _EXCHANGE))
    return lambda one, other: int(rename(one, other, _EXCHANGE))
