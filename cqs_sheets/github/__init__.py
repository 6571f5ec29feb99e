"""On GitHub Actions: the workflow that init writes, the summary and the outputs of a run."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from cqs_sheets.config import Environment, Settings
from cqs_sheets.core.render import coverage_text, moment_text
from cqs_sheets.core.report import Report
from cqs_sheets.errors import UsageError

WORKFLOW_FILE = Path(".github", "workflows", "cqs-sheets.yml")
_HERE = Path(__file__)
_ACTION = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
_ON_GITHUB = re.compile(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?")
_ID_TOKEN = re.compile(r"^ +id-token: .*\n", re.MULTILINE)
_WHERE = "Settings, Secrets and variables, Actions"


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


def needs(settings: Settings) -> Iterator[str]:
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


def repository(folder: Path) -> Path:
    """The repository that a folder is in, else the folder itself."""
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def installed_action() -> str | None:
    """Where this installation came from, if that was a commit on GitHub."""
    from importlib.metadata import PackageNotFoundError, distribution  # noqa: PLC0415 - for init only

    try:
        text = distribution("cqs-sheets").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    origin: Any = json.loads(text or "{}")
    found = _ON_GITHUB.fullmatch(str(origin.get("url", "")))
    commit = origin.get("vcs_info", {}).get("commit_id")
    return f"{found[1]}@{commit}" if found and commit else None


def action_problem(text: str) -> str | None:
    """Why this names no action that can be relied on, or None."""
    return None if _ACTION.fullmatch(text) else "It looks like OWNER/cqs-sheets@ and a commit of 40 digits."


def _snippet(name: str) -> str:
    return _HERE.with_name(name).read_text(encoding="utf-8")


_MOST_ANNOTATIONS = 10  # of each kind, GitHub shows no more
_RECENT = timedelta(days=1)  # a gap is told to one day's runs; the report and `status` keep it


def tell_github(report: Report, environment: Environment) -> None:
    """Write what GitHub shows; nothing elsewhere. Annotations go to stderr, as stdout may be JSON."""
    if not environment.github_actions:
        return
    for line in _annotations(report):
        sys.stderr.write(f"{line}\n")
    _append(environment.step_summary, "\n".join(_summary(report)) + "\n")
    _append(environment.output, "\n".join(_outputs(report)) + "\n")


def _annotations(report: Report) -> Iterator[str]:
    for error in report.errors[:_MOST_ANNOTATIONS]:
        yield f"::error title=cqs-sheets::{_escaped(f'{error.message} {error.hint}'.strip())}"
    recent = [gap for gap in report.coverage.gaps if gap.end > report.started - _RECENT]
    for gap in recent[-_MOST_ANNOTATIONS:]:
        missed = f"Signals may have been missed from {moment_text(gap.start)} to {moment_text(gap.end)}."
        yield f"::warning title=cqs-sheets gap::{_escaped(missed)}"


def _summary(report: Report) -> Iterator[str]:
    yield f"### cqs-sheets: {report.outcome}"
    yield ""
    yield "| target | added | updated | closed | unchanged | pending |"
    yield "|---|---:|---:|---:|---:|---:|"
    for target in report.targets:
        counts = (target.added, target.updated, target.closed, target.unchanged, target.pending)
        yield f"| {_cell(target.target)} | {' | '.join(map(str, counts))} |"
    yield ""
    yield coverage_text(report.coverage)
    for text in (*(error.message for error in report.errors), *report.warnings):
        yield f"- {_cell(text)}"


def _outputs(report: Report) -> Iterator[str]:
    yield f"outcome={report.outcome}"
    yield f"added={sum(target.added for target in report.targets)}"
    yield f"updated={sum(target.updated for target in report.targets)}"
    yield f"gap_seconds={report.coverage.gap_seconds}"


def _append(path: Path | None, text: str) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(text)


def _escaped(text: str) -> str:
    """As workflow commands need it: one line, `%` kept."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())
