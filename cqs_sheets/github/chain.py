"""A chain of runs: each starts the next one, a schedule starts one if none is there, and whatever ends it is told.

Nothing here needs more than Python's own library: it answers where an install failed.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy
from cqs_sheets.github.api import GitHubApi
from cqs_sheets.values import dataclass

Run = Mapping[str, Any]

_WORKFLOW_REF = re.compile(r"[^/]+/[^/]+/(.+?\.ya?ml)@")  # OWNER/REPO/FILE@REF

SANDBOX = "sandbox"  # how the title of a run with invented signals ends
LABEL = "cqs-sheets"
_MARK = "<!-- cqs-sheets: {} -->"
_TITLE = "The signals are not being written"
_ENDED = "completed"
_PAGE = "100"
_WAITS = (0.0, 30.0, 120.0, 300.0)  # seconds before a run is started after so many failures in a row
_LONGEST_WAIT = 600.0
_PATIENCE = (60.0, 300.0)  # seconds between tries of the last job that could start one
_GIVES_UP = 24  # failures in a row; then it is left to the schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The run that asks: its workflow's file name, its branch, its number and page, its job's limit in minutes."""

    workflow: str
    ref: str
    run_id: int
    page: str
    timeout_minutes: float = 360.0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Here:
        """As GitHub's variables tell."""
        repository = f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}"
        run = environ.get("GITHUB_RUN_ID", "0")
        return cls(
            workflow=workflow_file(environ).rpartition("/")[2],
            ref=environ.get("GITHUB_REF_NAME", ""),
            run_id=int(run),
            page=f"{repository}/actions/runs/{run}",
            timeout_minutes=float(environ.get("TIMEOUT_MINUTES") or 360),
        )


def workflow_file(environ: Mapping[str, str]) -> str:
    """The workflow's path inside the repository: `.github/workflows/cqs-sheets.yml`."""
    named = _WORKFLOW_REF.match(environ.get("GITHUB_WORKFLOW_REF", ""))
    return named[1] if named else ".github/workflows/cqs-sheets.yml"


class Chain:
    """The runs of one workflow that watch real signals; raises AccessRefused and TargetBusy as GitHub gives cause."""

    def __init__(
        self,
        api: GitHubApi,
        here: Here,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._api = api
        self._here = here
        self._now = now
        self._sleep = sleep
        self._workflow = f"/actions/workflows/{here.workflow}"

    def go_on(self) -> str:
        """Start a successor, unless one waits already; what was done, for people."""
        if any(self._others(ended=False)):
            return "A successor waits for this run to end."
        self._dispatch()
        return "A successor was started; it waits for this run to end."

    def start_if_none(self) -> str:
        """What the schedule does: start a run where none is there, unless somebody stopped the last one."""
        if any(self._others(ended=False)):
            return "A run watches or waits already: nothing to do."
        for last in self._others(ended=True):
            minutes = self._watched_minutes(last) if last.get("conclusion") == "cancelled" else 0.0
            if minutes is None:
                continue  # it never began: what ended before it counts
            if last.get("conclusion") == "cancelled" and self._stopped(minutes):
                return (
                    f"Somebody stopped the last run ({last.get('html_url', '')}), so none is started."
                    " To go on, press Run workflow."
                )
            break
        self._dispatch()
        return "No run was there: one was started."

    def after(self, result: str, *, final: bool, problem: str) -> str:
        """What to do once a run's watch did not end well: tell, and go on where that can help.

        `result` is GitHub's word for the job, `final` whether repeating is of no use, `problem` what the run
        itself had to say.
        """
        run = self._patiently(lambda: self._api.get(f"/actions/runs/{self._here.run_id}"))
        if str(run.get("display_title", "")).endswith(SANDBOX):
            return "A trial with invented signals: nothing goes on, nobody is told."
        if result == "cancelled" and (minutes := self._watched_minutes(run)) is None:
            return "It was cancelled while it waited, by a newer one or by somebody: the run that watches goes on."
        if result == "cancelled" and self._stopped(minutes):
            stopped = self._cancel_waiting()
            self.tell(f"Run {self._link()} was cancelled{stopped}. If that was you: nothing is to do."
                      " To go on, press **Run workflow** on the workflow's page.")  # fmt: skip
            return "Stopped."
        problem = problem or self._unexplained(result)
        untold = self._untold(problem)
        done = "Repeating cannot mend this: no successor is started." if final else self._revived()
        if untold:
            raise AccessRefused(
                f"No issue could be opened: {untold.message}",
                meaning=f"It would have said: {problem} {done}",
                hint="Issues have to be on (Settings, General, Features), and the job needs `issues: write`.",
            )
        return done

    def _untold(self, problem: str) -> CqsError | None:
        """Why the issue could not be opened or brought up to date, if so: the chain goes on all the same."""
        try:
            self.tell(problem)
        except CqsError as error:
            return error
        return None

    def _patiently(self, step: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the step gives
        """Do it, in the end minutes later: nobody comes after this job."""
        for pause in _PATIENCE:
            try:
                return step()
            except TargetBusy:
                self._sleep(pause)
        return step()

    def _revived(self) -> str:
        """Start a run after one that failed, the later the more failed before; what was done, for people."""
        if any(self._others(ended=False)):
            return "A successor waits already."
        failures = self._failures()
        if failures > _GIVES_UP:
            return f"{failures} runs failed in a row: it is left to the schedule to try again."
        self._sleep(_WAITS[failures - 1] if failures <= len(_WAITS) else _LONGEST_WAIT)
        self._patiently(self._dispatch)
        return "A successor was started."

    def tell(self, problem: str) -> None:
        """Open the issue, or bring it up to date; without a right to, the summary has to do."""
        body = (
            f"{_MARK.format(self._here.workflow)}\n{problem}\n\nLast seen {self._now():%Y-%m-%d %H:%M} UTC in"
            f" {self._link()}. This issue is closed once signals are written again."
        )
        known = self._issue()
        values: dict[str, object] = {"title": _TITLE, "body": body, "state": "open"}
        if known:
            self._api.send("PATCH", f"/issues/{known['number']}", values)
        else:
            self._api.send("POST", "/issues", {"title": _TITLE, "body": body, "labels": [LABEL]})

    def works_again(self) -> bool:
        """Close the issue, if there is an open one."""
        known = self._issue()
        if not known or known.get("state") != "open":
            return False
        body = f"{known['body']}\n\nIt works again: {self._link()}, {self._now():%Y-%m-%d %H:%M} UTC."
        self._api.send("PATCH", f"/issues/{known['number']}", {"state": "closed", "body": body})
        return True

    def is_public(self) -> bool:
        """Whether anybody can read the repository; what cannot be learnt counts as yes."""
        try:
            found = self._api.get("")
        except CqsError:
            return True
        return found.get("private") is not True

    def _others(self, *, ended: bool) -> Iterator[Run]:
        """The other runs that watch real signals, newest first; all but those that a schedule began."""
        for run in self._api.listed(f"{self._workflow}/runs", "workflow_runs", per_page=_PAGE):
            mine = run.get("id") == self._here.run_id
            watches = run.get("event") != "schedule" and not str(run.get("display_title", "")).endswith(
                SANDBOX
            )
            if watches and not mine and (run.get("status") == _ENDED) is ended:
                yield run

    def _failures(self) -> int:
        """How many runs failed one after the other, this one included."""
        count = 1
        for run in self._others(ended=True):
            if run.get("conclusion") in ("success", "neutral"):
                break
            count += run.get("conclusion") != "cancelled"
        return count

    def _dispatch(self) -> None:
        try:
            self._api.send("POST", f"{self._workflow}/dispatches", {"ref": self._here.ref})
        except AccessRefused as refused:
            raise AccessRefused(
                f"No successor could be started: {refused.message}",
                meaning="After this run nobody watches until the schedule strikes, hours later perhaps.",
                hint="The job needs `actions: write` under its `permissions:`. If GitHub says that the workflow is"
                " disabled: enable it on its page under Actions (after 60 quiet days GitHub disables it).",
            ) from None

    def _cancel_waiting(self) -> str:
        count = 0
        for run in self._others(ended=False):
            if run.get("status") != "in_progress":
                self._api.send("POST", f"/actions/runs/{run['id']}/cancel")
                count += 1
        return ", and with it the run that waited" if count else ""

    def _stopped(self, minutes: float | None) -> bool:
        """Whether somebody cancelled it: GitHub calls a job that ran out of time cancelled, too."""
        return minutes is not None and minutes < self._here.timeout_minutes - 1

    def _watched_minutes(self, run: Run) -> float | None:
        """How long the cancelled job of a run watched; None if it never had a runner."""
        longest = None
        for job in self._api.listed(f"/actions/runs/{run.get('id', self._here.run_id)}/jobs", "jobs"):
            if job.get("conclusion") == "cancelled" and job.get("steps") and job.get("started_at"):
                begun, ended = (
                    _moment(job["started_at"]),
                    _moment(job.get("completed_at") or "") or self._now(),
                )
                longest = max(longest or 0.0, (ended - (begun or ended)).total_seconds() / 60)
        return longest

    def _issue(self) -> Run | None:
        """The newest issue of ours, open or closed."""
        mark = _MARK.format(self._here.workflow)
        for narrowed in (
            {"labels": LABEL},
            {},
        ):  # GitHub drops a label, without a word, where one may not be set
            found = self._api.listed("/issues", state="all", per_page=_PAGE, **narrowed)
            ours = [each for each in found if str(each.get("body") or "").startswith(mark)]
            if ours:
                return ours[0]
        return None

    def _unexplained(self, result: str) -> str:
        if result == "cancelled":
            return (
                "A run ran out of its time and was cut off; what it knew was kept before, or is asked for anew, and the"
                " gap, if any, is told. If that happens again and again: `CQS_FOR` may be 2h50m at most."
            )
        why = {"failure": "failed"}.get(result, f"ended as {result!r}")
        return (
            f"A run {why} before it could say why: its runner was lost, or a step before the watch did not work"
            " (the log tells). What it had caught since the last push is asked for anew; the gap, if any, is told."
        )

    def _link(self) -> str:
        return f"[{self._here.run_id}]({self._here.page})"


def plain(text: str) -> str:
    """Anybody's text for a page in Markdown: one line, in which nothing is mark-up, a mention or a link.

    What cannot be seen is spelt out: controls, and signs that change the direction of writing.
    """
    seen = (sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in " ".join(text.split()))
    escaped = html.escape("".join(seen), quote=False)
    return "".join(f"&#{ord(sign)};" if sign in "\\`*_[]()#@|~!:$" else sign for sign in escaped)


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
