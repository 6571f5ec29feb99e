"""Windows: a task that starts at log-on, without a console window, and again when it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from xml.sax.saxutils import escape

from cqs_sheets.service import Action, Call, Job, Remove, Write

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


@dataclass(frozen=True, slots=True)
class ScheduledTask:
    """A task, and the launcher that gives it its folder and variables: tasks have no environment."""

    name: str
    folder: Path

    @property
    def file(self) -> Path:
        """The launcher."""
        return self.folder / f"{self.name}-service.pyw"

    def install(self, job: Job) -> list[Action]:
        """Register the task and start it."""
        return [
            Write(self.file, launcher(job).encode()),
            Write(self._xml, task_xml(job, self.file).encode("utf-16")),
            Call(["schtasks", "/Create", "/TN", self.name, "/XML", str(self._xml), "/F"]),
            Call(["schtasks", "/End", "/TN", self.name], ""),
            Call(["schtasks", "/Run", "/TN", self.name]),
        ]

    def uninstall(self) -> list[Action]:
        """End the task, which every step of a sync survives, and forget it."""
        return [
            Call(["schtasks", "/End", "/TN", self.name], ""),
            Call(["schtasks", "/Delete", "/TN", self.name, "/F"], "There was no such task."),
            Remove(self.file),
            Remove(self._xml),
        ]

    def restart(self) -> list[Action]:
        """End it and run it."""
        return [
            Call(["schtasks", "/End", "/TN", self.name], ""),
            Call(["schtasks", "/Run", "/TN", self.name]),
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


def launcher(job: Job) -> str:
    """What pythonw runs."""
    return _LAUNCHER.format(
        folder=str(job.folder),
        variables=dict(job.variables),
        log=f"{job.log}.err",
        arguments=["cqs-sheets", *job.command[_module_at(job.command) :]],
    )


def task_xml(job: Job, file: Path) -> str:
    """The task's definition."""
    python = PureWindowsPath(job.command[0])
    windowless = python.with_name("pythonw.exe") if python.name.lower() == "python.exe" else python
    return _TASK.format(
        user=escape(job.user or ""),
        command=escape(str(windowless)),
        arguments=escape(f'-P "{file}"'),
        folder=escape(str(job.folder)),
    )


def _module_at(command: Sequence[str]) -> int:
    """Where the program's own options begin in `python -P -m cqs_sheets OPTION...`."""
    return list(command).index("cqs_sheets") + 1
