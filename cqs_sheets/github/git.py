"""The few words of git that are needed, in a repository of our own beside any checkout."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cqs_sheets.core.secret import Secret
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy

_PATIENCE = 300.0  # seconds for one command: 100 MB on a slow line
_PAUSES = (2.0, 8.0, 20.0, 60.0)  # seconds between tries of what the network refused
_REFUSED = re.compile(
    r"error: 40[13]|Permission to .* denied|Authentication failed|could not read Username|[Rr]epository not found"
    r"|Write access to repository not granted|insufficient permission"
)
_WHO = "github-actions[bot]"
EMAIL = "41898282+github-actions[bot]@users.noreply.github.com"
WRITE_LINE = "contents: write"


class GitFailed(Exception):
    """A command of git ended with an error; `output` is all it said."""

    def __init__(self, output: str) -> None:
        super().__init__(output)
        self.output = output


class Git:
    """Runs git on a bare repository; the token goes in by the environment, and is in no address, argument or file."""

    def __init__(
        self,
        folder: Path,
        url: str,
        *,
        environ: Mapping[str, str],
        token: Secret | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url
        self._environ = {
            **{name: value for name, value in environ.items() if not name.startswith("GIT_DIR")},
            "GIT_DIR": str(folder),
            "GIT_INDEX_FILE": str(folder / "index"),
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
            **{f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER")
               for what, text in (("NAME", _WHO), ("EMAIL", EMAIL))},
        }  # fmt: skip
        self._token = token
        self._sleep = sleep
        if not (folder / "HEAD").exists():
            folder.mkdir(parents=True, exist_ok=True)
            self("init", "--quiet", "--bare", str(folder))

    def __call__(self, *arguments: str, given: bytes = b"") -> bytes:
        """What one command prints. Raises GitFailed."""
        return self._run(arguments, given, {})

    def text(self, *arguments: str, given: bytes = b"") -> str:
        """What one command prints, as a line. Raises GitFailed."""
        return self(*arguments, given=given).decode().strip()

    def ask(self, *arguments: str) -> str:
        """What a command says that talks to the server, which may be tried again.

        Raises AccessRefused if the token may not do that, TargetBusy if the server stays away.
        """
        for pause in (*_PAUSES, None):
            try:
                return self.tell(*arguments)
            except GitFailed as failed:
                error = failure(failed, self.url)
                if pause is None or isinstance(error, AccessRefused):
                    raise error from None
            self._sleep(pause)
        raise AssertionError("the last try returns or raises")

    def tell(self, *arguments: str) -> str:
        """What a command says that talks to the server. Raises GitFailed."""
        return self._run(arguments, b"", self._signed()).decode()

    def save(self, blob: str, file: Path) -> None:
        """Write a blob to a file, which is as before or whole."""
        file.parent.mkdir(parents=True, exist_ok=True)
        staged = file.with_name(f".{file.name}.state")
        try:
            with staged.open("wb") as out:
                subprocess.run(  # noqa: S603
                    ["git", "cat-file", "blob", blob],  # noqa: S607 - as PATH has it
                    env=self._environ, stdout=out, check=True, timeout=_PATIENCE,
                )  # fmt: skip
            staged.replace(file)
        finally:
            staged.unlink(missing_ok=True)

    def _run(self, arguments: Sequence[str], given: bytes, more: Mapping[str, str]) -> bytes:
        try:
            done = subprocess.run(  # noqa: S603
                ["git", *arguments],  # noqa: S607
                env={**self._environ, **more}, input=given, capture_output=True, check=False, timeout=_PATIENCE,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise GitFailed(f"git {arguments[0]} took longer than {_PATIENCE:.0f} s") from None
        if done.returncode:
            raise GitFailed((done.stdout + done.stderr).decode(errors="replace"))
        return done.stdout

    def _signed(self) -> dict[str, str]:
        """A header for this server alone, as actions/checkout sends it; nothing for a repository on this disk."""
        if self._token is None or not self.url.startswith("http"):
            return {}
        told = base64.b64encode(f"x-access-token:{self._token.reveal()}".encode()).decode()
        server = re.sub(r"(://[^/]+/).*", r"\1", self.url)
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{server}.extraheader",
            "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {told}",
        }


def failure(failed: GitFailed, url: str) -> CqsError:
    """What git's words mean to a person."""
    said = " ".join(failed.output.split())[-300:]
    if _REFUSED.search(failed.output):
        return AccessRefused(
            f"{url} does not let this run read and write its branch: {said}",
            meaning="What this run knows could not be kept for the next one.",
            hint=f"Add the line `{WRITE_LINE}` under `permissions:` of the job, and let"
            " Settings, Actions, General, Workflow permissions not forbid it.",
        )
    return TargetBusy(
        f"{url} cannot be reached: {said or os.strerror(0)}",
        meaning="What this run knows could not be fetched or kept; nothing was begun anew.",
        hint="It is tried again; see https://www.githubstatus.com if it stays so.",
    )
