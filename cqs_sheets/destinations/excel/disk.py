"""What the operating system does with files. Tests put another disk in its place, to be Windows or a full one."""

from __future__ import annotations

import errno
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path

from cqs_sheets.files import is_held

_HERE = -100  # AT_FDCWD: paths are as they are for any other call
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS


class Disk:
    """What the operating system does; tests put another in its place to be Windows or a full disk."""

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target` in one step."""
        source.replace(target)

    def place(self, source: Path, target: Path) -> None:
        """Put `source` where nothing is. Raises FileExistsError if something is; `source` may stay, too."""
        try:
            os.link(source, target)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links
            if target.exists():
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
            self.rename(source, target)

    def exchange(self, one: Path, other: Path) -> bool:
        """Let two files change places in one step; False where that cannot be done."""
        return _exchange(one, other)

    def now(self) -> float:
        """Seconds since 1970, as files are stamped."""
        return time.time()

    def remove(self, file: Path) -> None:
        """Delete a file, if there is one."""
        file.unlink(missing_ok=True)

    def holds_open_files(self) -> bool:
        """Whether a file that some program has open cannot be replaced or deleted."""
        return os.name == "nt"

    def is_held(self, file: Path) -> bool:
        """Whether that is why a file could not be opened, which is told as a matter of permissions."""
        return self.holds_open_files() and is_held(file)

    def sync_folder(self, folder: Path) -> None:
        """Make a rename last through a power cut, where the platform can."""
        if os.name == "posix":
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def host(self) -> str:
        """This machine's name."""
        return platform.node()

    def office_runs(self) -> bool:
        """Whether a LibreOffice runs on this machine; True where that cannot be told."""
        processes = Path("/proc")
        if not (processes / "self" / "comm").exists():
            return True
        return any(_command(entry) in ("soffice.bin", "oosplash", "soffice") for entry in processes.iterdir())


def _command(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip() if process.name.isdigit() else ""
    except OSError:
        return ""


def _exchange(one: Path, other: Path) -> bool:
    """Let two files change places; False if this system or file system cannot. Raises FileNotFoundError."""
    call = _system_call()
    if call is None:
        return False
    if call(os.fsencode(one), os.fsencode(other)) == 0:
        return True
    import ctypes  # noqa: PLC0415 - for writes only

    if ctypes.get_errno() == errno.ENOENT:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(other))
    return False


def _system_call() -> Callable[[bytes, bytes], int] | None:
    system = platform.system()
    if system not in ("Linux", "Darwin"):
        return None
    import ctypes  # noqa: PLC0415 - for writes only

    library = ctypes.CDLL(None, use_errno=True)
    rename = getattr(library, "renameat2" if system == "Linux" else "renamex_np", None)
    if rename is None:  # an old C library
        return None
    if system == "Linux":
        return lambda one, other: int(rename(_HERE, one, _HERE, other, _EXCHANGE))
    return lambda one, other: int(rename(one, other, _EXCHANGE))
