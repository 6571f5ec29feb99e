"""Where a service of this user, on this machine, is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from platformdirs import user_config_path

from cqs_sheets.service import Manager
from cqs_sheets.service.launchd import LaunchAgent
from cqs_sheets.service.systemd import SystemdUnit
from cqs_sheets.service.windows import ScheduledTask

_SYSTEM = Path("/etc/systemd/system")


def manager_here(name: str, *, system: bool = False) -> Manager:
    """The way to run services here; `system` counts on Linux only."""
    ours = user_config_path("cqs-sheets", appauthor=False)
    if sys.platform == "darwin":
        return LaunchAgent(name, home=Path.home(), uid=os.getuid())
    if sys.platform == "win32":
        return ScheduledTask(name, folder=ours)
    return SystemdUnit(name, folder=_SYSTEM if system else ours.parent / "systemd" / "user", system=system)
