"""How each system runs a service: a unit of systemd, a LaunchAgent of macOS, a task of Windows."""

from __future__ import annotations

import os
import plistlib
import sys
from pathlib import Path, PureWindowsPath
from xml.sax.saxutils import escape

from platformdirs import user_config_path

from cqs_sheets.patterns import regex
from cqs_sheets.service import RemoveFile, RunProgram, ServiceManager, ServiceSpec, WriteFile

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
        return launch_agent(name, home=Path.home(), uid=os.getuid())
    if sys.platform == "win32":
        return scheduled_task(name, folder=ours)
    return systemd_unit(name, folder=_SYSTEM if system else ours.parent / "systemd" / "user", system=system)


def launch_agent(name: str, *, home: Path, uid: int) -> ServiceManager:
    """A property list in the user's Library, loaded from then on; its log is a file of ours."""
    label = f"org.{name}.watch"
    file, target = home / "Library" / "LaunchAgents" / f"{label}.plist", f"gui/{uid}/{label}"
    return ServiceManager(
        file=file,
        install=lambda spec: [
            WriteFile(file, plist(spec, label)),
            RunProgram(["launchctl", "bootout", target], ""),
            RunProgram(["launchctl", "bootstrap", f"gui/{uid}", str(file)]),
        ],
        uninstall=[
            RunProgram(["launchctl", "bootout", target], "It was not known to launchd."),
            RemoveFile(file),
        ],
        restart=[RunProgram(["launchctl", "kickstart", "-k", target])],
        is_running=["launchctl", "print", target],
        runs_by=lambda output: "state = running" in output,
    )


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


def systemd_unit(name: str, *, folder: Path, system: bool) -> ServiceManager:
    """A unit file in a folder; a user's own runs without being logged in from then on.

    Lingering stays when it is taken away: others may rest on it.
    """
    unit, whose = f"{name}.service", [] if system else ["--user"]

    def call(*words: str, otherwise: str | None = None) -> RunProgram:
        return RunProgram(["systemctl", *whose, *words], otherwise)

    return ServiceManager(
        file=folder / unit,
        install=lambda spec: [
            WriteFile(folder / unit, unit_text(spec, system=system).encode()),
            call("daemon-reload"),
            call("enable", unit),
            call("restart", unit),
            *([] if system else [RunProgram(["loginctl", "enable-linger"], _LINGER)]),
        ],
        uninstall=[
            call("disable", "--now", unit, otherwise="It was not known to systemd."),
            RemoveFile(folder / unit),
            call("daemon-reload"),
            call("reset-failed", unit, otherwise=""),
        ],
        restart=[call("restart", unit)],
        is_running=call("is-active", unit).words,
        runs_by=lambda output: output.strip() in ("active", "activating", "reloading"),
        log=["journalctl", *whose, "--unit", unit],
    )


_UNIT = """\
[Unit]
Description=Signals into your spreadsheets ({name})
{after}
[Service]
{user}WorkingDirectory={folder}
{variables}ExecStart={command}
Restart=on-failure
RestartSec=30
RestartPreventExitStatus=2 77
SuccessExitStatus=130 143
TimeoutStopSec=120
NoNewPrivileges=yes

[Install]
WantedBy={target}
"""


def unit_text(spec: ServiceSpec, *, system: bool) -> str:
    """The unit. Errors that only a person can mend (2: config, 77: key) are not tried again."""
    # systemd takes no special sign in a program's own path
    command = spec.command if _PLAIN.fullmatch(spec.command[0]) else ["/usr/bin/env", *spec.command]
    variables = (f"Environment={_quoted(f'{name}={value}')}\n" for name, value in spec.variables.items())
    return _UNIT.format(
        name=spec.name,
        after="Wants=network-online.target\nAfter=network-online.target\n" if system else "",
        user=f"User={spec.user}\n" if spec.user else "",
        folder=str(spec.folder).replace("%", "%%"),
        variables="".join(variables),
        command=" ".join(_quoted(word).replace("$", "$$") for word in command),
        target="multi-user.target" if system else "default.target",
    )


def _quoted(text: str) -> str:
    """A word as unit files spell it: in quotes, and nothing in it means anything else."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def scheduled_task(name: str, *, folder: Path) -> ServiceManager:
    """A task, and the launcher that gives it its folder and variables: tasks have no environment.

    To end it is safe, as every step of a sync survives that. Its state is a number whatever language Windows speaks:
    4 is running. Its log is a file of ours.
    """
    file, xml = folder / f"{name}-service.pyw", folder / f"{name}-service.xml"
    end, run = (
        RunProgram(["schtasks", "/End", "/TN", name], ""),
        RunProgram(["schtasks", "/Run", "/TN", name]),
    )
    state = f"(Get-ScheduledTask -TaskName '{name}').State.value__"
    return ServiceManager(
        file=file,
        install=lambda spec: [
            WriteFile(file, launcher(spec).encode()),
            WriteFile(xml, task_xml(spec, file).encode("utf-16")),
            RunProgram(["schtasks", "/Create", "/TN", name, "/XML", str(xml), "/F"]),
            end,
            run,
        ],
        uninstall=[
            end,
            RunProgram(["schtasks", "/Delete", "/TN", name, "/F"], "There was no such task."),
            RemoveFile(file),
            RemoveFile(xml),
        ],
        restart=[end, run],
        is_running=["powershell", "-NoProfile", "-NonInteractive", "-Command", state],
        runs_by=lambda output: output.strip() == "4",
    )


def launcher(spec: ServiceSpec) -> str:
    """What pythonw runs: the options behind `python -P -m cqs_sheets`."""
    options = spec.command[list(spec.command).index("cqs_sheets") + 1 :]
    return _LAUNCHER.format(
        folder=str(spec.folder),
        variables=dict(spec.variables),
        log=f"{spec.log}.err",
        arguments=["cqs-sheets", *options],
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
