"""The system calls that leave a trace outside a process or ask for what is there, and what one of them is about."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from tests.faults.ptrace import Registers

Kind = Literal[
    "write",
    "sync",
    "replace",
    "make",
    "remove",
    "adjust",
    "connect",
    "send",
    "receive",
    "look",
    "read",
    "lock",
]

_WRITES = {1: "write", 18: "pwrite64", 20: "writev", 40: "sendfile", 296: "pwritev", 326: "copy_file_range"}
_SYNCS = {26: "msync", 74: "fsync", 75: "fdatasync", 162: "sync", 277: "sync_file_range", 306: "syncfs"}
_REPLACES = {82: "rename", 264: "renameat", 316: "renameat2"}
_MAKES = {
    2: "open", 257: "openat", 85: "creat", 83: "mkdir", 258: "mkdirat", 86: "link", 265: "linkat", 88: "symlink",
    266: "symlinkat",
}  # fmt: skip
_REMOVES = {87: "unlink", 263: "unlinkat", 84: "rmdir"}
_ADJUSTS = {
    76: "truncate", 77: "ftruncate", 285: "fallocate", 90: "chmod", 91: "fchmod", 268: "fchmodat", 92: "chown",
    93: "fchown", 94: "lchown", 260: "fchownat", 132: "utime", 235: "utimes", 280: "utimensat",
}  # fmt: skip
_CONNECTS = {42: "connect"}
_SENDS = {44: "sendto", 46: "sendmsg", 307: "sendmmsg"}
_RECEIVES = {45: "recvfrom", 47: "recvmsg"}
_LOOKS = {
    4: "stat",
    6: "lstat",
    262: "newfstatat",
    21: "access",
    269: "faccessat",
    332: "statx",
    439: "faccessat2",
}
_READS = {0: "read", 17: "pread64", 89: "readlink", 217: "getdents64", 267: "readlinkat"}
_LOCKS = {72: "fcntl", 73: "flock"}
_GROUPS: tuple[tuple[Kind, dict[int, str]], ...] = (
    ("write", _WRITES), ("sync", _SYNCS), ("replace", _REPLACES), ("make", _MAKES), ("remove", _REMOVES),
    ("adjust", _ADJUSTS), ("connect", _CONNECTS), ("send", _SENDS), ("receive", _RECEIVES), ("look", _LOOKS),
    ("read", _READS), ("lock", _LOCKS),
)  # fmt: skip

KINDS: dict[int, Kind] = {number: kind for kind, group in _GROUPS for number in group}
"""The kind of every call that is a point, by its number on x86-64."""

UNSEEN: tuple[Kind, ...] = ("look", "read", "lock")
"""What leaves nothing behind: points where a file of ours is meant, for Python looks at hundreds of its own."""

NAMES = {number: name for _, group in _GROUPS for number, name in group.items()}
"""Its name."""

_FCNTL = 72
_BY_DESCRIPTOR = {
    1, 18, 20, 40, 296, 326, 74, 75, 277, 306, 77, 285, 91, 93, 42, 44, 46, 307, 45, 47, 0, 17, 217, 72, 73,
}  # fmt: skip
_AT_FOLDER = {262, 269, 332, 439, 257, 258, 264, 316, 265, 266, 263, 268, 260, 280, 267}
_LENGTH_IN_RDX = {1, 18, 44}
_OPENS = (2, 257)
_TAKES_A_LOCK = (5, 6, 7, 36, 37, 38)  # F_GETLK to F_SETLKW, and those of open files
_CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True, slots=True)
class Point:
    """One call: its kind, its name, the path (or socket) it is about, and the bytes it was to move."""

    kind: Kind
    call: str
    path: str
    size: int

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        """From `as_json`."""
        return cls(**document)

    def as_json(self) -> dict[str, Any]:
        """For the wire between tracer and test."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.call} {self.path}" + (f" ({self.size} bytes)" if self.size else "")


def point_at(task: int, at: Registers) -> Point | None:
    """What a thread is about to do; None for what changes nothing and is about a file of others."""
    number = at.orig_rax
    if number == _FCNTL and at.rsi not in _TAKES_A_LOCK:
        return None
    kind = KINDS[number]
    if number in _OPENS and not (at.rsi if number == _OPENS[0] else at.rdx) & _CHANGING:
        kind = "read"
    path = _open_file(task, at.rdi) if number in _BY_DESCRIPTOR else _path(task, number, at)
    if path == os.devnull or (kind in UNSEEN and not is_ours(path)):
        return None
    size = at.rdx if number in _LENGTH_IN_RDX else 0
    return Point(kind, NAMES[number], path, size)


def is_ours(path: str) -> bool:
    """Whether it is a file that a sync is about."""
    return any(word in Path(path).name for word in ("cqs", "journal", "signals"))


def shortened(at: Registers) -> bool:
    """Have the call move half of its bytes, if it can move fewer; whether it can."""
    if at.orig_rax not in _LENGTH_IN_RDX or at.rdx < 2:
        return False
    at.rdx //= 2
    return True


def _open_file(task: int, descriptor: int) -> str:
    try:
        return str(Path(f"/proc/{task}/fd/{descriptor}").readlink())
    except OSError:
        return "?"


def _path(task: int, number: int, at: Registers) -> str:
    """The first path that the call names."""
    address = at.rsi if number in _AT_FOLDER else at.rdi
    process = Path(f"/proc/{task}")
    with (process / "mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        text = memory.read(4096).partition(b"\0")[0]
    return str((process / "cwd").readlink() / os.fsdecode(text))
