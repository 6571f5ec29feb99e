"""A watch that runs by itself, as what each system calls a service; what is to be done can be shown first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What runs: a command (absolute, its options with it) in a folder, with variables that hold no secret.

    `log` is the file it writes where the system keeps no log. `user` is whom it runs as: of a service of the
    whole system only.
    """

    name: str
    command: Sequence[str]
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    log: Path
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """Make a file, and its folder."""

    path: Path
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Remove:
    """Take a file away, if it is there."""

    path: Path


@dataclass(frozen=True, slots=True)
class Call:
    """Run a program of the system; `otherwise`: it may fail, and this is what that means."""

    words: Sequence[str]
    otherwise: str | None = None


Action = Write | Remove | Call


class Manager(Protocol):
    """The way one system runs services."""

    @property
    def file(self) -> Path:
        """The file that there is as long as the service is installed."""
        ...

    def install(self, job: Job) -> list[Action]:
        """What puts it there, or puts a changed one in its place, and starts it."""
        ...

    def uninstall(self) -> list[Action]:
        """What stops it and leaves nothing of it."""
        ...

    def restart(self) -> list[Action]:
        """What starts it anew."""
        ...

    def is_running(self) -> Sequence[str]:
        """A command that ends with 0 if it runs now, or whose output says so (`runs_by`)."""
        ...

    def runs_by(self, output: str) -> bool:
        """Whether the output of `is_running` says that it runs."""
        ...

    def logs(self, lines: int, *, follow: bool) -> Sequence[str]:
        """A command that shows the log; empty where the log is a file of ours."""
        ...


NAME = "cqs-sheets"
"""What a service is called that is given no other name."""
