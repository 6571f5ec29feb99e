"""The workflow that keeps a sheet in sync on GitHub Actions, for the user's own config."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import click

from cqs_sheets.cli.asking import ask_text
from cqs_sheets.cli.new_file import write_new
from cqs_sheets.config import Settings
from cqs_sheets.errors import UsageError

_FILE = Path(".github", "workflows", "cqs-sheets.yml")
_HERE = Path(__file__)
_ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_ON_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_ID_TOKEN = re.compile(r"^ +id-token: .*\n", re.MULTILINE)
_WHERE = "Settings, Secrets and variables, Actions"


def write_workflow(settings: Settings, *, action: str | None, force: bool, asking: bool) -> None:
    """Write the workflow into this repository, and tell what it needs there. Raises UsageError."""
    root = _repository(Path.cwd())
    path = root / _FILE
    if path.exists() and not force:
        raise UsageError(
            f"{path} exists already.", meaning="It was left as it is.", hint="Replace it with --force."
        )
    write_new(path, workflow_text(settings, root, action or _found_action() or _asked_action(asking=asking)))
    click.echo(f"Wrote {path}.\n")
    for line in _needs(settings):
        click.echo(line)


def workflow_text(settings: Settings, root: Path, action: str) -> str:
    """The workflow's text for a config inside the repository `root`. Raises UsageError."""
    if not _ACTION.fullmatch(action):
        raise UsageError(
            f"{action!r} is no action that can be relied on.",
            meaning="The workflow was not written.",
            hint="Give --action OWNER/REPO@COMMIT, the commit with all its 40 digits: a tag can be moved.",
        )
    text = _snippet("workflow.yml")
    if not _writes_google(settings):
        text = _ID_TOKEN.sub("", text)
    google = _snippet("workflow_google.yml") if _writes_google(settings) else ""
    given = "".join(f"          {line}\n" for line in _inputs(settings, root))
    return text.replace("@GOOGLE@\n", google).replace("@ACTION@", action).replace("@WITH@\n", given)


def _inputs(settings: Settings, root: Path) -> Iterator[str]:
    if settings.source:
        yield f"config: {_inside(settings.source, root)}"
    books = [_inside(target.path, root) for target in settings.targets if target.path]
    yield "workbooks: |" if books else 'workbooks: ""'
    yield from (f"  {book}" for book in books)
    if not books:
        yield 'artifact: "false"'


def _inside(path: Path, root: Path) -> str:
    try:
        return json.dumps(path.relative_to(root).as_posix()).strip('"')
    except ValueError:
        raise UsageError(
            f"{path} is outside of the repository {root}, so a run on GitHub cannot have it.",
            meaning="The workflow was not written.",
            hint="Keep the config and its workbooks inside the repository, and run init there.",
        ) from None


def _needs(settings: Settings) -> Iterator[str]:
    """What to set on GitHub before the first run."""
    yield f"On GitHub, under {_WHERE}:"
    yield "  variable CQS_SYNC = true        switches it on"
    yield "  variable CQS_RENEW = true       keeps it running without a gap;"
    yield "                                  read docs/unattended.md first"
    yield "  secret CQS_API_KEY              your subscription ID; without it,"
    yield "                                  the free signals"
    if _writes_google(settings):
        yield "  variable CQS_GOOGLE = keyless   with the variables CQS_GOOGLE_PROVIDER"
        yield "                                  and CQS_GOOGLE_ACCOUNT,"
        yield "                     or = key     with the secret GOOGLE_SERVICE_ACCOUNT_KEY"
        yield "                                  (the account's JSON)"
        yield "Share the sheet with that account's e-mail address as an editor."
    yield "Commit and push both files. A private repository pays for its minutes,"
    yield "about 43,000 a month."


def _writes_google(settings: Settings) -> bool:
    return any(target.place.spreadsheet for target in settings.targets)


def _repository(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def _found_action() -> str | None:
    """Where this installation came from, if that was a commit on GitHub."""
    try:
        text = distribution("cqs-sheets").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    origin: Any = json.loads(text or "{}")
    found = _ON_GITHUB.fullmatch(str(origin.get("url", "")))
    commit = origin.get("vcs_info", {}).get("commit_id")
    return f"{found[1]}@{commit}" if found and commit else None


def _asked_action(*, asking: bool) -> str:
    if asking:
        return ask_text("Where is this project's action? (OWNER/REPO@COMMIT)", problem=_action_problem)
    raise UsageError(
        "Which repository holds this project's action is not known.",
        meaning="The workflow was not written.",
        hint="Give --action OWNER/REPO@COMMIT: the repository that you got cqs-sheets from, and its commit.",
    )


def _action_problem(text: str) -> str | None:
    return None if _ACTION.fullmatch(text) else "It looks like OWNER/cqs-sheets@ and a commit of 40 digits."


def _snippet(name: str) -> str:
    return _HERE.with_name(name).read_text(encoding="utf-8")
