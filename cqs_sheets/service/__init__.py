"""A watch that runs by itself, as what each system calls a service; what is to be done can be shown first."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cqs_sheets.config import Settings
from cqs_sheets.errors import UsageError
from cqs_sheets.values import dataclass, field

NAME = "cqs-sheets"
"""What a service is called that is given no other name."""

PATIENCE = 120.0
"""Seconds that a program of the system may take."""

# what is carried over from the terminal, none of it a secret
_CARRIED = (
    "CQS_HOME", "CQS_API_URL", "CQS_SHEETS_URL", "GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY", "NO_PROXY",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PATH",
)  # fmt: skip
_PATHS = ("CQS_HOME", "GOOGLE_APPLICATION_CREDENTIALS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_MEANING = "Nothing was installed."


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
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
class WriteFile:
    """Make a file, and its folder."""

    path: Path
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Take a file away, if it is there."""

    path: Path


@dataclass(frozen=True, slots=True)
class RunProgram:
    """Run a program of the system; `otherwise`: it may fail, and this is what that means."""

    words: Sequence[str]
    otherwise: str | None = None


Action = WriteFile | RemoveFile | RunProgram


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceManager:
    """The way one system runs a service: what puts it there, takes it away and starts it anew.

    `file` is there as long as the service is installed. `install` also puts a changed one in its place, and starts it.
    `is_running` is a command whose output `runs_by` understands, `log` one that shows the system's log; without one
    the log is a file of ours.
    """

    file: Path
    install: Callable[[ServiceSpec], list[Action]]
    uninstall: Sequence[Action]
    restart: Sequence[Action]
    is_running: Sequence[str]
    runs_by: Callable[[str], bool]
    log: Sequence[str] = ()

    def logs(self, lines: int, *, follow: bool) -> Sequence[str]:
        """A command that shows the last of the log; empty where that is a file of ours."""
        return [*self.log, "--lines", str(lines), *(["--follow"] if follow else [])] if self.log else []


def runs(manager: ServiceManager) -> bool:
    """Whether a service that is installed runs; not, if the system does not tell."""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(  # noqa: S603 - words of our own
            manager.is_running, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        return manager.runs_by(done.stdout)
    return False


def spec_of(
    settings: Settings, environ: Mapping[str, str], *, name: str, every: str, system: bool, log_file: bool
) -> ServiceSpec:
    """What to install; `log_file`: where the system keeps no log of its own.

    Raises UsageError where there is no config, or where a secret is only in this terminal's environment.
    """
    if settings.source is None:
        raise UsageError(
            "There is no cqs-sheets.toml here: a service needs one, as nobody gives it options.",
            meaning=_MEANING,
            hint="Write one with `cqs-sheets init`, or name it with --config.",
        )
    _refuse_secrets(settings, environ)
    source = settings.source
    log = settings.home / f"{name}.log"
    own = ["--log-file", str(log), "-q"] if log_file else []
    return ServiceSpec(
        name=name,
        command=[*_program(), "watch", "--every", every, "--config", str(source), *own],
        folder=source.parent,
        variables=_variables(environ),
        log=log,
        user=_user(source, system=system),
    )


def _refuse_secrets(settings: Settings, environ: Mapping[str, str]) -> None:
    if environ.get("CQS_API_KEY") and not settings.api.key.is_free:
        raise UsageError(
            "The key is in CQS_API_KEY of this terminal: a service does not see it, and it is written nowhere for you.",
            meaning=_MEANING,
            hint='Put it into a file that only you can read, name that in the config (`[api] key_file = "..."`),'
            " and unset CQS_API_KEY.",
        )
    variables = [(alert.name, alert.variable) for alert in settings.alerts]
    unseen = [name for name, variable in variables if variable and variable not in _CARRIED]
    if unseen:
        raise UsageError(
            f"A service does not see the variables of this terminal, and so no address of: {', '.join(unseen)}.",
            meaning=_MEANING,
            hint="Put the address into a file that only you can read, and name it with to_file instead of to_env.",
        )


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """A proxy with a password in it is left out."""
    given = {name: environ[name] for name in _CARRIED if environ.get(name) and "@" not in environ[name]}
    return given | {name: os.path.abspath(given[name]) for name in _PATHS if name in given}  # noqa: PTH100


def _program() -> Sequence[str]:
    """A command that lasts: the one on the PATH outlives a new Python below it, where it is this very program."""
    found = None if sys.platform == "win32" else shutil.which(Path(sys.argv[0]).name)
    if found and Path(found).name == "cqs-sheets" and Path(found).resolve() == Path(sys.argv[0]).resolve():
        return [os.path.abspath(found)]  # noqa: PTH100 - the link itself
    return [sys.executable, "-P", "-m", "cqs_sheets"]


def _user(source: Path, *, system: bool) -> str | None:
    """Whom it runs as: of the whole system's, the owner of the config."""
    if system:
        return source.owner()
    return getpass.getuser() if sys.platform == "win32" else None
