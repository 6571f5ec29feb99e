"""A file that another program has opened for itself alone, as only Windows lets it."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_READ_AND_WRITE, _IF_IT_IS_THERE = 0xC0000000, 3


@contextmanager
def alone_with(file: Path) -> Iterator[None]:
    """Let nobody else open the file until the block ends."""
    system = ctypes.CDLL("kernel32")
    system.CreateFileW.restype = ctypes.c_void_p
    handle = system.CreateFileW(str(file), _READ_AND_WRITE, 0, None, _IF_IT_IS_THERE, 0, None)
    assert handle not in (None, ctypes.c_void_p(-1).value)
    try:
        yield
    finally:
        system.CloseHandle(ctypes.c_void_p(handle))
