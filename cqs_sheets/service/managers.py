"""How each system runs a service: a unit of systemd, a LaunchAgent of macOS, a task of Windows."""

from __future__ import annotations

import os
import plistlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath
from xml.sax.saxutils import escape

from platformdirs import user_config_path

from cqs_sheets.patterns import regex
from cqs_sheets.service import Action, RemoveFile, RunProgram, ServiceManager, ServiceSpec, WriteFile
from cqs_sheets.values import dataclass

_SYSTEM = Path("/etc/systemd/system")
_PAUSE = 120  # seconds between two starts: a poll looks back further
_PLAIN = regex(r"[^\"'\\$%]*")
_LINGER = (
    "It stops when you log out, until an administrator runs `loginctl enable-linger` for you;"
    " `--system` makes one that needs none."
)
_LAUNCHER = """\
# written by `cqs-sheets service install`; the task of the same name runs it
import os
import runpy
import sys

os.chdir({folder!r})
os.environ.update({variables!r})
sys.stdout = open(os.devnull, "w")
sys.stderr = open({log!r}, "w", encoding="utf-8", errors="backslashreplace")
sys.argv = {arguments!r}
runpy.run_module("cqs_sheets", run_name="__main__")
"""
_TASK = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>Signals into your spreadsheets</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger>
      <Enabled>true</Enabled>
      <UserId>{user}</UserId>
    </LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <UserId>{user}</UserId>
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <Hidden>false</Hidden>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure>
      <Interval>PT1M</Interval>
      <Count>255</Count>
    </RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{command}</Command>
      <Arguments>{arguments}</Arguments>
      <WorkingDirectory>{folder}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


def manager_here(name: str, *, system: bool = False) -> ServiceManager:
    """The way to run services here; `system` counts on Linux only."""
    ours = user_config_path("cqs-sheets", appauthor=False)
    if sys.platform == "darwin":
        return LaunchAgent(name, home=Path.home(), uid=os.getuid())
    if sys.platform == "win32":
        return ScheduledTask(name, folder=ours)
    return SystemdUnit(name, folder=_SYSTEM if system else ours.parent / "systemd" / "user", system=system)


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

    def install(self, spec: ServiceSpec) -> list[Action]:
        """Write and load it, which starts it."""
        return [
            WriteFile(self.file, plist(spec, self._label)),
            RunProgram(["launchctl", "bootout", self._target], ""),
            RunProgram(["launchctl", "bootstrap", f"gui/{self.uid}", str(self.file)]),
        ]

    def uninstall(self) -> list[Action]:
        """Unload it, which stops it, and take the file away."""
        return [
            RunProgram(["launchctl", "bootout", self._target], "It was not known to launchd."),
            RemoveFile(self.file),
        ]

    def restart(self) -> list[Action]:
        """End it and start it anew."""
        return [RunProgram(["launchctl", "kickstart", "-k", self._target])]

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


def plist(spec: ServiceSpec, label: str) -> bytes:
    """The property list."""
    return plistlib.dumps(
        {
            "Label": label,
            "ProgramArguments": list(spec.command),
            "WorkingDirectory": str(spec.folder),
            "EnvironmentVariables": dict(spec.variables),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": _PAUSE,
            "ExitTimeOut": 120,
            "ProcessType": "Background",
            "StandardErrorPath": f"{spec.log}.err",
        },
        sort_keys=False,
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

    def install(self, spec: ServiceSpec) -> list[Action]:
        """Write, load, enable and start it; a user's own runs without being logged in from then on."""
        linger = [] if self.system else [RunProgram(["loginctl", "enable-linger"], _LINGER)]
        return [
            WriteFile(self.file, unit_text(spec, system=self.system).encode()),
            self._call("daemon-reload"),
            self._call("enable", self._unit),
            self._call("restart", self._unit),
            *linger,
        ]

    def uninstall(self) -> list[Action]:
        """Stop it and take the file away. Lingering stays: others may rest on it."""
        return [
            self._call("disable", "--now", self._unit, otherwise="It was not known to systemd."),
            RemoveFile(self.file),
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
        whose, on = [] if self.system else ["--user"], ["--follow"] if follow else []
        return ["journalctl", *whose, "--unit", self._unit, "--lines", str(lines), *on]

    @property
    def _unit(self) -> str:
        return f"{self.name}.service"

    def _call(self, *words: str, otherwise: str | None = None) -> RunProgram:
        return RunProgram(["systemctl", *([] if self.system else ["--user"]), *words], otherwise)


def unit_text(spec: ServiceSpec, *, system: bool) -> str:
    """The unit. Errors that only a person can mend (2: config, 77: key) are not tried again."""
    return "\n".join(_lines(spec, system=system)) + "\n"


def _lines(spec: ServiceSpec, *, system: bool) -> Iterator[str]:
    yield "[Unit]"
    yield f"Description=Signals into your spreadsheets ({spec.name})"
    if system:
        yield "Wants=network-online.target"
        yield "After=network-online.target"
    yield ""
    yield "[Service]"
    if spec.user:
        yield f"User={spec.user}"
    yield f"WorkingDirectory={_specifiers(str(spec.folder))}"
    for name, value in spec.variables.items():
        yield f"Environment={_quoted(f'{name}={value}')}"
    # systemd takes no special sign in a program's own path
    command = spec.command if _PLAIN.fullmatch(spec.command[0]) else ["/usr/bin/env", *spec.command]
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


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """A task, and the launcher that gives it its folder and variables: tasks have no environment."""

    name: str
    folder: Path

    @property
    def file(self) -> Path:
        """The launcher."""
        return self.folder / f"{self.name}-service.pyw"

    def install(self, spec: ServiceSpec) -> list[Action]:
        """Register the task and start it."""
        return [
            WriteFile(self.file, launcher(spec).encode()),
            WriteFile(self._xml, task_xml(spec, self.file).encode("utf-16")),
            RunProgram(["schtasks", "/Create", "/TN", self.name, "/XML", str(self._xml), "/F"]),
            RunProgram(["schtasks", "/End", "/TN", self.name], ""),
            RunProgram(["schtasks", "/Run", "/TN", self.name]),
        ]

    def uninstall(self) -> list[Action]:
        """End the task, which every step of a sync survives, and forget it."""
        return [
            RunProgram(["schtasks", "/End", "/TN", self.name], ""),
            RunProgram(["schtasks", "/Delete", "/TN", self.name, "/F"], "There was no such task."),
            RemoveFile(self.file),
            RemoveFile(self._xml),
        ]

    def restart(self) -> list[Action]:
        """End it and run it."""
        return [
            RunProgram(["schtasks", "/End", "/TN", self.name], ""),
            RunProgram(["schtasks", "/Run", "/TN", self.name]),
        ]

    def is_running(self) -> Sequence[str]:
        """Prints a number whatever language Windows speaks: 4 is running."""
        state = f"(Get-ScheduledTask -TaskName '{self.name}').State.value__"
        return ["powershell", "-NoProfile", "-NonInteractive", "-Command", state]

    def runs_by(self, output: str) -> bool:
        """By that number."""
        return output.strip() == "4"

    def logs(self, lines: int, *, follow: bool) -> Sequence[str]:
        """A file of ours."""
        del lines, follow
        return []

    @property
    def _xml(self) -> Path:
        return self.folder / f"{self.name}-service.xml"


def launcher(spec: ServiceSpec) -> str:
    """What pythonw runs."""
    return _LAUNCHER.format(
        folder=str(spec.folder),
        variables=dict(spec.variables),
        log=f"{spec.log}.err",
        arguments=["cqs-sheets", *spec.command[_module_at(spec.command) :]],
    )


def task_xml(spec: ServiceSpec, file: Path) -> str:
    """The task's definition."""
    python = PureWindowsPath(spec.command[0])
    windowless = python.with_name("pythonw.exe") if python.name.lower() == "python.exe" else python
    return _TASK.format(
        user=escape(spec.user or ""),
        command=escape(str(windowless)),
        arguments=escape(f'-P "{file}"'),
        folder=escape(str(spec.folder)),
    )


def _module_at(command: Sequence[str]) -> int:
    """Where the program's own options begin in `python -P -m cqs_sheets OPTION...`."""
    return list(command).index("cqs_sheets") + 1
