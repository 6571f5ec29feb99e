"""One run on GitHub, from the state of the last one to that for the next: restore, sync, watch, keep, go on."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from time import monotonic
from types import FrameType

from cqs_sheets.api.client import utc_now
from cqs_sheets.config import Overrides, Settings, load
from cqs_sheets.core.news import Happened, News
from cqs_sheets.core.outcomes.statistics import Summary, track_record
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.signal import Record, Status
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy, UsageError
from cqs_sheets.github import summary
from cqs_sheets.github.action import FINAL, Child, Inputs, Outputs
from cqs_sheets.github.api import GitHubApi
from cqs_sheets.github.chain import Chain, Here, plain
from cqs_sheets.github.git import Git
from cqs_sheets.github.state import Keeper, StateBranch
from cqs_sheets.journal import JOURNAL_FILE, Journal, JournalPlace
from cqs_sheets.run.journals import journal_place
from cqs_sheets.run.outcomes import known_outcomes

_BYTES_A_DAY = 200_000_000  # pushed at most
_DAY = 86_400.0
_QUIET = 4  # without news the branch is brought up to date so much more seldom
_ROUNDS = 3  # of taking what others left and syncing into it; then it is left to the next run
_GLANCE = 0.5  # seconds
_OF_A_RUN = re.compile(r"\d{6,}(-\d+)*")  # how a cache's key ends: another sync's name may stand before it
_NEWEST = 25  # signals on the branch's page


class Unattended:
    """One run. Raises UsageError for inputs that cannot be used."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._inputs = inputs = Inputs.read(environ)
        home = inputs.workspace / ".cqs-sheets"
        self._environ = {**environ, "CQS_HOME": str(home), **_google_key(environ, inputs.temp)}
        self._started = utc_now()
        self._told = Outputs()
        self._notes: dict[str, None] = {}
        self._record: Summary | None = None
        self._child: Child | None = None
        self._stopped = 0
        self._settings = _settings(inputs, self._environ)
        token = Secret(environ.get("INPUT_TOKEN", ""))
        repository = environ.get("GITHUB_REPOSITORY", "")
        self._api = GitHubApi.of_run(environ)
        self._chain = Chain(self._api, Here.read(environ))
        self._public = self._chain.is_public()
        self._url = f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
        git = Git(inputs.temp / "cqs-state", f"{self._url}.git", environ=environ, token=token)
        branch = StateBranch(git, inputs.branch or inputs.owner.branch, inputs.owner, inputs.workspace)
        file = Path(home, *(["sandbox"] if inputs.sandbox else []), JOURNAL_FILE)
        self._place: JournalPlace = file if inputs.sandbox else journal_place(self._settings)
        self._keeper = Keeper(
            branch=branch,
            root=inputs.workspace,
            journal=file,
            workbooks=[target.path for target in self._settings.targets if target.path],
            page=lambda: (
                "\n".join(summary.page_lines(self._look(), list(self._places()), list(self._notes))) + "\n"
            ),
            clock=utc_now,
        )
        self._begun = inputs.temp / "cqs-begun"

    def run(self) -> int:
        """All of it; the exit code. Raises CqsError for what ends it before its end."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        self._refuse_to_publish()
        self._begin()
        code = self._call("sync")
        if code in FINAL or self._stopped:
            return self._ended(code)
        self._keep()
        if code == 0:
            self._attempt(self._chain.works_again)
        for last in (False, True):
            self._attempt(self._go_on)
            code = self._call("watch", "--every", self._inputs.every, "--for", self._inputs.lasting)
            if code in FINAL or self._stopped:
                return self._ended(code)
            self._record = None
            code = self._settle(code, last=last)
        self._go_on()
        return self._ended(code)

    def _settle(self, code: int, *, last: bool) -> int:
        """Keep what a watch that ended with `code` learnt; what others left is synced into, and kept in turn."""
        taken = self._keep(last=last)
        for _ in range(_ROUNDS):
            if not taken and code == 0:
                break
            code = self._call("sync")
            taken = self._keep(last=last)
            if not taken:
                break
        return code

    def keep_once(self) -> int:
        """For a step that always runs: keep what a run that was cut off had not kept."""
        if self._inputs.keeps and self._begun.exists():
            self._keep(last=True)
        return 0

    def failed(self, error: CqsError) -> int:
        """A failure of the run itself, told as outputs and on the run's page; the exit code."""
        self._told.error = "\n\n".join(filter(None, (error.message, error.meaning, error.hint)))
        return self._ended(error.exit_code)

    def _refuse_to_publish(self) -> None:
        key, inputs = self._settings.api.key, self._inputs
        shown = self._public or inputs.page
        if key.is_free or inputs.sandbox or inputs.premium_in_public or not shown:
            return
        where = "The page is public" if inputs.page else "This repository is public, or not surely private"
        raise AccessRefused(
            f"{where}, and the key is a premium one.",
            meaning="Everybody could read your premium signals, so nothing was asked and nothing was written.",
            hint="Make the repository private (Settings, General, Danger Zone), or remove the secret CQS_API_KEY."
            " If you may publish them, add the line `premium-in-public: true` under the action's `with:`.",
        )

    def _begin(self) -> None:
        """Fetch the state; begin one only where there is none."""
        for book in self._keeper.workbooks:
            book.parent.mkdir(parents=True, exist_ok=True)  # git keeps no empty folder
        if not self._inputs.keeps:
            return
        if not self._keeper.restore() and not self._keeper.journal.exists() and self._cached():
            raise TargetBusy(
                "The version before this one kept its state in a cache, and that could not be fetched.",
                meaning="Nothing was begun anew and nothing was asked.",
                hint="It is tried again. To begin anew, delete the caches `cqs-sheets-...` (Actions, Caches).",
            )
        self._begun.touch()

    def _cached(self) -> bool:
        """Whether a version before the state branch left a cache; GitHub looks for what a key begins with."""
        begin = f"cqs-sheets-{self._inputs.owner.name or 'default'}-"
        if self._inputs.sandbox:
            return False
        with suppress(CqsError):
            found = self._api.listed("/actions/caches", "actions_caches", key=begin, per_page="100")
            keys = [str(each.get("key")) for each in found]
            return any(_OF_A_RUN.fullmatch(key.removeprefix(begin)) for key in keys)
        return False

    def _call(self, *arguments: str) -> int:
        """Run a command of ours to its end, and keep meanwhile what it learns; its exit code."""
        output = self._inputs.temp / "cqs-output"
        output.write_text("")
        environ = {**self._environ, "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": ""}
        self._child = child = Child([*arguments, *self._inputs.arguments], environ, self._inputs.workspace)
        if self._stopped:
            child.stop()
        kept, known = monotonic(), self._news()
        while (code := child.wait(_GLANCE)) is None:
            passed, pause = monotonic() - kept, self._pause()
            if passed < pause or self._stopped:
                continue
            if (news := self._news()) != known or passed > _QUIET * pause:
                self._keep()
                kept, known = monotonic(), news
        self._child = None
        self._told.take(output)
        if code:
            self._told.error = child.error or f"`cqs-sheets {arguments[0]}` ended with {code}."
        return code

    def _pause(self) -> float:
        """Seconds between two pushes: a day's stay within their bound, and where none is replaced there are few."""
        if self._keeper.branch.appends:
            return _DAY
        return max(self._inputs.keep_every, self._keeper.branch.last_bytes * _DAY / _BYTES_A_DAY)

    def _news(self) -> tuple[int, ...]:
        """What differs once there is something to show; refreshed prices are not."""
        with suppress(CqsError), Journal.open_readonly(self._place, clock=utc_now) as journal:
            return journal.changes()
        return ()

    def _keep(self, *, last: bool = False) -> bool:
        """Push what is known; whether something of others' was taken. What may pass by is raised only at the `last`."""
        taken = False
        if self._inputs.keeps:
            try:
                kept = self._keeper.keep()
            except AccessRefused:
                raise
            except CqsError as error:
                if last:
                    raise
                self._warn(error.message)
            else:
                taken = bool(kept.taken)
                if last:
                    self._begun.unlink(missing_ok=True)  # nothing is left to a later step
                for warning in kept.warnings:
                    self._warn(warning)
        self._write_summary()
        return taken

    def _go_on(self) -> None:
        if self._inputs.renew and not self._stopped:
            say(self._chain.go_on())

    def _attempt(self, step: Callable[[], object]) -> None:
        """Do what the run can do without."""
        try:
            step()
        except CqsError as error:
            self._warn(f"{error.message} {error.hint}")

    def _ended(self, code: int) -> int:
        """Keep it, tell it; the exit code of the run."""
        if self._stopped:
            self._attempt(self._keep)
            code = 128 + self._stopped
            self._told.error = ""  # who looks after the run knows why; a child that was stopped does not
            self._notes["This run was stopped: somebody cancelled it, or its time was up."] = None
        problem = self._told.error if code else ""
        self._told.write(self._environ.get("GITHUB_OUTPUT"), code)
        if problem:
            self._notes[problem] = None
        self._write_page()
        self._write_summary()
        return code

    def _write_summary(self) -> None:
        if file := self._environ.get("GITHUB_STEP_SUMMARY"):
            lines = summary.run_lines(self._look(), list(self._places()), list(self._notes))
            Path(file).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _write_page(self) -> None:
        """The page with the open signals, where a later step takes it from."""
        if self._inputs.page:
            with Journal.open_readonly(self._place, clock=utc_now) as journal:
                records = list(journal.records(status=Status.OPEN))
            folder = self._inputs.temp / "cqs-page"
            folder.mkdir(exist_ok=True)
            page = summary.html_page(self._look(), records)
            Path(folder, "index.html").write_text(page, encoding="utf-8")

    def _look(self) -> summary.RunSummary:
        with Journal.open_readonly(self._place, clock=utc_now) as journal:
            changed = [
                record for record in journal.changed_since(self._started) if record.status is not Status.AGED
            ]
            return summary.RunSummary(
                newest=journal.newest(_NEWEST),
                news=[_news(record, journal, self._started) for record in changed],
                until=utc_now(),
                coverage=journal.coverage(),
                zone=self._settings.zone,
                symbols=self._settings.targets[0].symbols,
                record=self._track_record(journal),
            )

    def _track_record(self, journal: Journal) -> Summary | None:
        """The feed's, if a config has outcomes judged; computed anew after each watch, as it reads every signal."""
        if self._settings.outcomes and self._record is None:
            self._record = track_record(known_outcomes(journal, self._settings.outcomes.rules))[0]
        return self._record

    def _places(self) -> Iterator[str]:
        """Where the spreadsheets are. A public page names no Google Sheet: who has the address may be let in."""
        for target in self._settings.targets:
            if target.path and not self._inputs.keeps:
                yield f"Your workbook: {plain(target.path.name)}, where your workflow keeps it"
            elif target.path:
                path = summary.quoted(target.path.relative_to(self._inputs.workspace).as_posix())
                branch = summary.quoted(self._keeper.branch.branch)
                shown = plain(target.path.name)
                yield f"Your workbook: [{shown}]({self._url}/raw/{branch}/{path}) (bookmark it: always the newest)"
            elif not self._public:
                yield f"Your Google Sheet: <https://docs.google.com/spreadsheets/d/{target.place.spreadsheet}>"
            else:
                yield "Your Google Sheet is up to date."

    def _warn(self, text: str) -> None:
        self._notes[text] = None
        say(f"::warning title=cqs-sheets::{summary.escaped(text)}")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        """Cancel means stop: the command finishes its step, what it learnt is kept, and that is all."""
        del frame
        self._stopped = self._stopped or number
        if self._child:
            self._child.stop()


def _news(record: Record, journal: Journal, since: datetime) -> News:
    """What happened to a signal since then, compared with what it was before."""
    if record.first_seen >= since:
        return News(what=Happened.NEW, record=record)
    what = Happened.CLOSED if record.status is Status.CLOSED else Happened.CHANGED
    before = [revision.record for revision in journal.revisions(record.signal.key) if revision.at < since]
    return News(what=what, record=record, before=before[-1] if before else None)


def _settings(inputs: Inputs, environ: Mapping[str, str]) -> Settings:
    settings = load(
        config=Path(inputs.config) if inputs.config else None,
        environ=environ,
        cwd=inputs.workspace,
        overrides=Overrides(to=inputs.to, template=inputs.template or None),
    )
    for target in settings.targets:
        if target.path and not target.path.is_relative_to(inputs.workspace):
            raise UsageError(
                f"{target.path} is outside of the repository.",
                meaning="Nothing was asked and nothing was written.",
                hint="A run on GitHub can keep workbooks inside the repository alone.",
            )
    return settings


def _google_key(environ: Mapping[str, str], temp: Path) -> dict[str, str]:
    """A service account's key out of a secret into a file that only this runner's user can read."""
    key = environ.get("GOOGLE_SERVICE_ACCOUNT_KEY", "").strip()
    if not key:
        return {}
    file = temp / "cqs-google-key.json"
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(key, encoding="utf-8")
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(file), "GOOGLE_SERVICE_ACCOUNT_KEY": ""}


def say(line: str) -> None:
    """A line of the log."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
