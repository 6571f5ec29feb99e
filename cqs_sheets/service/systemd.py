"""Linux: a unit of the user's systemd that lingers after log-out, or one of the whole system."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cqs_sheets.service import Action, Call, Job, Remove, Write

_PLAIN = re.compile(r"[^\"'\\$%]*")
_LINGER = (
    "It stops when you log out, until an administrator runs `loginctl enable-linger` for you;"
    " `--system` makes one that needs none."
)


@dataclass(frozen=True, slots=True)
class SystemdUnit:
    """A unit file in a folder."""

    name: str
    folder: Path
    system: bool

    @property
    def file(self) -> Path:
        """The unit."""
        return self.folder / self._unit

    def install(self, job: Job) -> list[Action]:
        """Write, load, enable and start it; a user's own runs without being logged in from then on."""
        linger = [] if self.system else [Call(["loginctl", "enable-linger"], _LINGER)]
        return [
            Write(self.file, unit_text(job, system=self.system).encode()),
            self._call("daemon-reload"),
            self._call("enable", self._unit),
            self._call("restart", self._unit),
            *linger,
        ]

    def uninstall(self) -> list[Action]:
        """Stop it and take the file away. Lingering stays: others may rest on it."""
        return [
            self._call("disable", "--now", self._unit, otherwise="It was not known to systemd."),
            Remove(self.file),
            self._call("daemon-reload"),
            self._call("reset-failed", self._unit, otherwise=""),
        ]

    def restart(self) -> list[Action]:
        """Start it anew."""
        return [self._call("restart", self._unit)]

    def is_running(self) -> Sequence[str]:
        """Prints a word."""
        return self._call("is-active", self._unit).words

    def runs_by(self, output: str) -> bool:
        """`active`, or what it says while it starts."""
        return output.strip() in ("active", "activating", "reloading")

    def logs(self, lines: int, *, follow: bool) -> Sequence[str]:
        """From systemd's journal."""
        whose = [] if self.system else ["--user"]
        return [
            "journalctl",
            *whose,
            "--unit",
            self._unit,
            "--lines",
            str(lines),
            *(["--follow"] if follow else []),
        ]

    @property
    def _unit(self) -> str:
        return f"{self.name}.service"

    def _call(self, *words: str, otherwise: str | None = None) -> Call:
        return Call(["systemctl", *([] if self.system else ["--user"]), *words], otherwise)


def unit_text(job: Job, *, system: bool) -> str:
    """The unit. Errors that only a person can mend (2: config, 77: key) are not tried again."""
    return "\n".join(_lines(job, system=system)) + "\n"


def _lines(job: Job, *, system: bool) -> Iterator[str]:
    yield "[Unit]"
    yield f"Description=Signals into your spreadsheets ({job.name})"
    if system:
        yield "Wants=network-online.target"
        yield "After=network-online.target"
    yield ""
    yield "[Service]"
    if job.user:
        yield f"User={job.user}"
    yield f"WorkingDirectory={_specifiers(str(job.folder))}"
    for name, value in job.variables.items():
        yield f"Environment={_quoted(f'{name}={value}')}"
    # systemd takes no special sign in a program's own path
    command = job.command if _PLAIN.fullmatch(job.command[0]) else ["/usr/bin/env", *job.command]
    yield f"ExecStart={' '.join(_quoted(word).replace('$', '$$') for word in command)}"
    yield "Restart=on-failure"
    yield "RestartSec=30"
    yield "RestartPreventExitStatus=2 77"
    yield "SuccessExitStatus=130 143"
    yield "TimeoutStopSec=120"
    yield "NoNewPrivileges=yes"
    yield ""
    yield "[Install]"
    yield f"WantedBy={'multi-user.target' if system else 'default.target'}"


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    """A word as unit files spell it: in quotes, and nothing in it means anything else."""
    escaped = _specifiers(text.replace("\\", "\\\\").replace('"', '\\"'))
    return f'"{escaped}"'
