"""What a service runs: the watch of now, with this config, folder and journal, and no secret in it."""

from __future__ import annotations

import getpass
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from cqs_sheets.config import Settings
from cqs_sheets.errors import UsageError
from cqs_sheets.service import Job

# what is carried over from the terminal, none of it a secret
_CARRIED = (
    "CQS_HOME", "CQS_API_URL", "CQS_SHEETS_URL", "GOOGLE_APPLICATION_CREDENTIALS", "HTTPS_PROXY", "NO_PROXY",
    "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "PATH",
)  # fmt: skip
_PATHS = ("CQS_HOME", "GOOGLE_APPLICATION_CREDENTIALS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
_MEANING = "Nothing was installed."


def job_of(
    settings: Settings, environ: Mapping[str, str], *, name: str, every: str, system: bool, log_file: bool
) -> Job:
    """The job; `log_file`: where the system keeps no log of its own.

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
    return Job(
        name=name,
        command=[
            *_program(windows=sys.platform == "win32"),
            "watch",
            "--every",
            every,
            "--config",
            str(source),
            *own,
        ],
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
    unseen = [alert.name for alert in settings.alerts if alert.variable and not _is_carried(alert.variable)]
    if unseen:
        raise UsageError(
            f"A service does not see the variables of this terminal, and so no address of: {', '.join(unseen)}.",
            meaning=_MEANING,
            hint="Put the address into a file that only you can read, and name it with to_file instead of to_env.",
        )


def _is_carried(variable: str) -> bool:
    return variable in _CARRIED


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """A proxy with a password in it is left out."""
    given = {name: environ[name] for name in _CARRIED if environ.get(name) and "@" not in environ[name]}
    return given | {name: os.path.abspath(given[name]) for name in _PATHS if name in given}  # noqa: PTH100


def _program(*, windows: bool) -> Sequence[str]:
    """A command that lasts: the one on the PATH outlives a new Python below it, where it is this very program."""
    found = None if windows else shutil.which(Path(sys.argv[0]).name)
    if found and Path(found).name == "cqs-sheets" and Path(found).resolve() == Path(sys.argv[0]).resolve():
        return [os.path.abspath(found)]  # noqa: PTH100 - the link itself
    return [sys.executable, "-P", "-m", "cqs_sheets"]


def _user(source: Path, *, system: bool) -> str | None:
    """Whom it runs as: of the whole system's, the owner of the config."""
    if system:
        return source.owner()
    return getpass.getuser() if sys.platform == "win32" else None
