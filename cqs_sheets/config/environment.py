"""The environment variables that are not settings: what else the command line needs to know."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cqs_sheets.config.values import zone


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the process was started with. Empty variables count as unset.

    `home` is CQS_HOME as given. `step_summary` and `output` are GitHub's files to append to.
    `no_color` follows https://no-color.org. `google_credentials`: whether a file of them is named.
    """

    home: Path | None = None
    github_actions: bool = False
    step_summary: Path | None = None
    output: Path | None = None
    no_color: bool = False
    google_credentials: bool = False

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Environment:
        """The environment of this process, or another one."""
        return cls(
            home=_path(environ.get("CQS_HOME")),
            github_actions=environ.get("GITHUB_ACTIONS") == "true",
            step_summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
            output=_path(environ.get("GITHUB_OUTPUT")),
            no_color=bool(environ.get("NO_COLOR")),
            google_credentials=bool(environ.get("GOOGLE_APPLICATION_CREDENTIALS")),
        )


def process_environ() -> Mapping[str, str]:
    """The environment of this process, for `load`: nothing else of the project looks at it."""
    return os.environ


def name_google_credentials(file: Path) -> None:
    """For the rest of this process, as if GOOGLE_APPLICATION_CREDENTIALS had been set to the file."""
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)


def machine_zone() -> str:
    """The IANA name of this machine's time zone, such as "Europe/Berlin"; "UTC" where it tells none."""
    from tzlocal import get_localzone_name  # noqa: PLC0415 - init alone needs it

    with suppress(LookupError, ValueError, OSError):  # names that are none, or contradict each other
        name = get_localzone_name() or "UTC"
        zone(name)
        return "UTC" if name.endswith("/UTC") else name
    return "UTC"


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
