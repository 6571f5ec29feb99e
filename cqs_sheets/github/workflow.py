"""The workflow that `init --github` writes, and that a person pastes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from cqs_sheets.config import FILE_NAME, Settings
from cqs_sheets.errors import UsageError

WORKFLOW_FILE = Path(".github", "workflows", "cqs-sheets.yml")
_ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_ON_GITHUB = re.compile(
    r"(?:https://(?:[^/@]+@)?|(?:ssh://)?git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?"
)
_RELEASED = re.compile(r"Commit, https://github\.com/([\w.-]+/[\w.-]+)/tree/([0-9a-f]{40})")
_PATIENCE = 10.0  # seconds for git
_CACHED = re.compile(
    r"^ +workbooks: (?:\|\n(?:            .*\n)+|\"\"\n)", re.MULTILINE
)  # what the first version wrote
_PASTED = ("to: ${{ vars.CQS_SHEET }}",)
_CONFIGURED = ('to: "" # as the config says',)


def workflow_text(settings: Settings, root: Path, action: str, former: str = "") -> str:
    """The workflow's text for a config inside the repository `root`; `former` is the one it replaces.

    Raises UsageError.
    """
    if not _ACTION.fullmatch(action):
        raise UsageError(
            f"{action!r} is no action that can be relied on.",
            meaning="The workflow was not written.",
            hint="Give --action OWNER/REPO@COMMIT, the commit with all its 40 digits: a tag can be moved.",
        )
    for target in settings.targets:
        if target.path:
            _inside(target.path, root)
    config = _inside(settings.source, root) if settings.source else ""
    given = _CONFIGURED if config in ("", FILE_NAME) else (f"config: {_scalar(config)}",)
    cached = _CACHED.search(former)
    every = "          every:"
    return _text(action, given).replace(every, f"{cached[0] if cached else ''}{every}", 1)


def pasted_text(action: str) -> str:
    """The same for a repository without a config: the target is a variable's Google Sheet, else signals.xlsx."""
    return _text(action, _PASTED)


def _text(action: str, given: tuple[str, ...]) -> str:
    text = Path(__file__).with_name("workflow.yml").read_text(encoding="utf-8")
    name, _, commit = action.partition("@")
    lines = "".join(f"          {line}\n" for line in given)
    return (
        text.replace("@CHAIN@", f"{name}/.github/actions/chain@{commit}")
        .replace("@ACTION@", action)
        .replace("@WITH@\n", lines)
    )


def _inside(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        raise UsageError(
            f"{path} is outside of the repository {root}, so a run on GitHub cannot have it.",
            meaning="The workflow was not written.",
            hint="Keep the config and its workbooks inside the repository, and run init there.",
        ) from None


def _scalar(text: str) -> str:
    """Any path in quotes that YAML understands, and in which GitHub sees no expression."""
    return json.dumps(text, ensure_ascii=False).replace("${{", "${{ '${{' }}")


def needs(settings: Settings) -> Iterator[str]:
    """What to do on GitHub before the first run."""
    yield "1. Commit and push both files."
    yield "2. On GitHub, under Settings, Secrets and variables, Actions:"
    yield "     secret CQS_API_KEY              your subscription ID; without it,"
    yield "                                     the free signals"
    if any(target.place.spreadsheet for target in settings.targets):
        yield "     secret GOOGLE_SERVICE_ACCOUNT_KEY   the account's JSON"
        yield "   Share the sheet with that account's e-mail address as an editor."
    yield "3. Under Actions, cqs-sheets: press Run workflow. It goes on by itself;"
    yield "   cancel a run to stop it."
    yield "A private repository pays for about 45,000 minutes a month, a public one"
    yield "shows your signals to everybody. Read docs/unattended.md first."


def repository(folder: Path) -> Path:
    """The repository that a folder is in, else the folder itself."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def installed_action() -> str | None:
    """What a workflow has to use to run what runs here, if that is known and on GitHub.

    A release says so in its metadata, pip remembers the commit that it was given, and a checkout or fork has an origin.
    """
    return _of_package() or _of_checkout(Path(__file__).resolve().parents[2])


def _of_package() -> str | None:
    try:
        package = distribution("cqs-sheets")
    except PackageNotFoundError:
        return None
    for address in package.metadata.get_all("Project-URL") or ():
        if released := _RELEASED.fullmatch(address):
            return f"{released[1]}@{released[2]}"
    origin: Any = json.loads(package.read_text("direct_url.json") or "{}")
    url = str(origin.get("url", ""))
    if "dir_info" in origin:
        return _of_checkout(Path(url2pathname(urlsplit(url).path)))
    found = _ON_GITHUB.fullmatch(url)
    commit = origin.get("vcs_info", {}).get("commit_id")
    return f"{found[1]}@{commit}" if found and commit else None


def _of_checkout(folder: Path) -> str | None:
    """The same of a clone, if its commit is known to be on GitHub as well."""

    def git(*arguments: str) -> str:
        return subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607 - as PATH has it
            cwd=folder, capture_output=True, text=True, check=True, timeout=_PATIENCE,
        ).stdout.strip()  # fmt: skip

    if not (folder / ".git").exists():
        return None
    try:
        found = _ON_GITHUB.fullmatch(git("remote", "get-url", "origin"))
        pushed = git("branch", "--remotes", "--list", "origin/*", "--contains", "HEAD")
        return f"{found[1]}@{git('rev-parse', 'HEAD')}" if found and pushed else None
    except (OSError, subprocess.SubprocessError):
        return None


def action_problem(text: str) -> str | None:
    """Why this names no action that can be relied on, or None."""
    return None if _ACTION.fullmatch(text) else "It looks like OWNER/cqs-sheets@ and a commit of 40 digits."
