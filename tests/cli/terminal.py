"""A command on a pseudo-terminal, with a person who reads and types."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import subprocess
import sys
from types import TracebackType
from typing import Self

import pytest

from tests.cli.command import HANGS, Shell

if sys.platform != "win32":
    import fcntl
    import pty
    import termios


class Terminal:
    """`read` waits for a text on the screen, `type` answers; leaving the block waits for the end."""

    def __init__(self, shell: Shell, *arguments: str, columns: int = 100, **variables: str) -> None:
        if sys.platform == "win32":
            pytest.skip("pseudo-terminals are POSIX")
        self.screen = ""
        self._read_up_to = 0
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self._process = subprocess.Popen(
            shell.command(*arguments), env=shell.environ | {"TERM": "xterm", "BROWSER": "true"} | variables,
            cwd=shell.folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.finish()
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def read(self, text: str) -> str:
        """What came up to this text, the text included."""
        while text not in self.screen[self._read_up_to :]:
            assert self._more(), f"{text!r} never came; on the screen:\n{self.screen}"
        start, self._read_up_to = (
            self._read_up_to,
            self.screen.index(text, self._read_up_to) + len(text),
        )
        return self.screen[start : self._read_up_to]

    def type(self, line: str = "") -> None:
        os.write(self._master, f"{line}\n".encode())

    def leave(self) -> None:
        """End the input, as Ctrl-D does."""
        os.write(self._master, b"\x04")

    def answer(self, question: str, line: str = "") -> None:
        self.read(question)
        self.type(line)

    def finish(self) -> int:
        """The exit code, once all is on the screen."""
        while self._more():
            pass
        return self._process.wait(HANGS)

    def _more(self) -> bool:
        ready, _, _ = select.select([self._master], [], [], HANGS)
        assert ready, f"nothing more came; on the screen:\n{self.screen}"
        with contextlib.suppress(OSError):  # Linux: the other side is closed
            more = os.read(self._master, 65536)
            self.screen += more.decode()
            return bool(more)
        return False
