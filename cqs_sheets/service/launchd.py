"""macOS: a LaunchAgent, which runs from log-in on and starts anew when it ends with a failure."""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cqs_sheets.service import Action, Call, Job, Remove, Write

_PAUSE = 120  # seconds between two starts: a poll looks back further


@dataclass(frozen=True, slots=True)
class LaunchAgent:
    """A property list in the user's Library."""

    name: str
    home: Path
    uid: int

    @property
    def file(self) -> Path:
        """The property list."""
        return self.home / "Library" / "LaunchAgents" / f"{self._label}.plist"

    def install(self, job: Job) -> list[Action]:
        """Write and load it, which starts it."""
        return [
            Write(self.file, plist(job, self._label)),
            Call(["launchctl", "bootout", self._target], ""),
            Call(["launchctl", "bootstrap", f"gui/{self.uid}", str(self.file)]),
        ]

    def uninstall(self) -> list[Action]:
        """Unload it, which stops it, and take the file away."""
        return [
            Call(["launchctl", "bootout", self._target], "It was not known to launchd."),
            Remove(self.file),
        ]

    def restart(self) -> list[Action]:
        """End it and start it anew."""
        return [Call(["launchctl", "kickstart", "-k", self._target])]

    def is_running(self) -> Sequence[str]:
        """Prints a page."""
        return ["launchctl", "print", self._target]

    def runs_by(self, output: str) -> bool:
        """By the line on its state."""
        return "state = running" in output

    def logs(self, lines: int, *, follow: bool) -> Sequence[str]:
        """A file of ours."""
        del lines, follow
        return []

    @property
    def _label(self) -> str:
        return f"org.{self.name}.watch"

    @property
    def _target(self) -> str:
        return f"gui/{self.uid}/{self._label}"


def plist(job: Job, label: str) -> bytes:
    """The property list."""
    return plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": list(job.command),
            "WorkingDirectory": str(job.folder),
            "EnvironmentVariables": dict(job.variables),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": _PAUSE,
            "ExitTimeOut": 120,
            "ProcessType": "Background",
            "StandardErrorPath": f"{job.log}.err",
        },
        sort_keys=False,
    )
