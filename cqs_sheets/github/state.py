"""What one run leaves for the next: a branch that holds the journal, the workbooks and a page to look at.

Only a tip of our own, known by its trailer, is amended; a person's commit stays as the parent. Each push tells the tip
that it replaces, so that of two runs one wins; the other takes what the winner left as its base.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cqs_sheets.errors import AccessRefused, DataRefused, TargetBusy, UsageError
from cqs_sheets.github.git import EMAIL, Git, GitFailed, failure
from cqs_sheets.journal import JOURNAL_FILE, Journal, copy_compact, rest_on
from cqs_sheets.values import dataclass, field

MEGABYTE = 1_000_000
LARGEST = 95 * MEGABYTE
"""Of one file; GitHub refuses 100 MB."""

_TRAILER, _ROOT = "Cqs-Sheets-State", "Cqs-Sheets-Root"
_BASE, _TIP = "refs/cqs/base", "refs/cqs/tip"
_OF = " of "
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}")
_PAGE = "README.md"
_LONG, _SHORT = timedelta(days=30), timedelta(days=2)  # how long polls and old revisions are kept
_SMALL = 20 * MEGABYTE  # a journal that is larger keeps the shorter time
_TOLD = 50 * MEGABYTE
_RACES = 8


class Raced(Exception):
    """Somebody else moved the branch meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose state it is: the workflow's file, the name of the sync in it, invented signals or real ones."""

    workflow: str
    name: str = ""
    sandbox: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for a name that cannot be part of a branch's."""
        if self.name and (
            not _NAME.fullmatch(self.name)
            or self.name.endswith((".", ".lock", "sandbox"))
            or ".." in self.name
        ):
            raise UsageError(
                f"{self.name!r} cannot be the name of a sync.",
                meaning="Nothing was asked and nothing was written.",
                hint="Use letters, digits, - and _, and not `sandbox` at its end.",
            )

    @property
    def branch(self) -> str:
        """The branch's default name."""
        return "-".join(filter(None, ("cqs-sheets", self.name, "sandbox" if self.sandbox else "")))

    def __str__(self) -> str:
        return f"{self.name or 'default'}{' sandbox' if self.sandbox else ''}{_OF}{self.workflow}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """A commit of the branch: its files' blobs by path, and, if it is ours, whose and from which folder."""

    sha: str
    parents: tuple[str, ...] = ()
    owner: str = ""
    root: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


class StateBranch:
    """The branch, by way of a shallow repository; raises AccessRefused and TargetBusy as the server gives cause."""

    def __init__(self, git: Git, branch: str, owner: Owner, root: Path) -> None:
        self.branch = branch
        self.appends = False  # where a rule of the repository forbids to replace a commit
        self.last_bytes = 0
        self._git = git
        self._ref = f"refs/heads/{branch}"
        self._owner = owner
        self._root = root

    def base(self) -> Tip | None:
        """The tip that this runner's files rest on; None before the first."""
        try:
            return self._tip(self._git.text("rev-parse", "--verify", "--quiet", _BASE))
        except GitFailed:
            return None

    def rests_on(self, tip: Tip) -> None:
        """From now on this runner's files rest on that tip."""
        self._git("update-ref", _BASE, tip.sha)

    def look(self) -> Tip | None:
        """The branch's tip now; None if the server says that there is none. Raises UsageError for another's."""
        listed = self._git.ask("ls-remote", self._git.url, self._ref).split()
        if not listed:
            return None
        base = self.base()
        if base and base.sha == listed[0]:
            return base
        self._git.ask("fetch", "--quiet", "--depth=2", "--no-tags", self._git.url, f"+{self._ref}:{_TIP}")
        tip = self._tip(self._git.text("rev-parse", _TIP))
        self._refuse_others(tip)
        return tip

    def save(self, tip: Tip, path: str, file: Path) -> None:
        """Write what the tip holds at `path` to `file`."""
        self._git.save(tip.files[path], file)

    def blob(self, file: Path) -> str:
        """A file's id, as `Tip.files` has it; the file is kept in this runner's repository. Raises DataRefused."""
        size = file.stat().st_size
        if size > LARGEST:
            raise DataRefused(
                f"{file.name} has {size / MEGABYTE:,.0f} MB, and GitHub takes no file of 100 MB.",
                meaning="It is not kept from run to run any more; the branch holds it as it was before.",
                hint="Begin a new workbook (rename the target), or write to a Google Sheet; a journal of that size"
                " is better kept in PostgreSQL (CQS_JOURNAL).",
            )
        return self._git.text("hash-object", "-w", "--no-filters", "--", str(file))

    def put(self, files: Mapping[str, str], tip: Tip | None, title: str) -> Tip:
        """Push these files (path -> blob) over the `tip`, whose other files stay; what is the tip then.

        Raises Raced if the branch has moved meanwhile.
        """
        amends = tip is not None and tip.owner == str(self._owner) and not self.appends
        new = self._commit(files, tip, title, amends=amends)
        try:
            self._git.tell("push", "--porcelain", f"--force-with-lease={self._ref}:{tip.sha if tip else ''}",
                           self._git.url, f"{new}:{self._ref}")  # fmt: skip
        except GitFailed as failed:
            now = self._git.ask("ls-remote", self._git.url, self._ref).split()
            if now[:1] != [new]:  # else it was taken, and the answer was lost
                if now[:1] != ([tip.sha] if tip else []):
                    raise Raced from None
                return self._appended(failed, files, tip, title, amended=amends)
        self.last_bytes = self._size(new, tip)
        pushed = self._tip(new)
        self.rests_on(pushed)
        return pushed

    def _appended(
        self, failed: GitFailed, files: Mapping[str, str], tip: Tip | None, title: str, *, amended: bool
    ) -> Tip:
        """Once more after a refusal, with the tip as parent: a rule may forbid to replace commits."""
        if amended and "remote rejected" in failed.output:
            self.appends = True
            return self.put(files, tip, title)
        if "remote rejected" in failed.output:
            raise AccessRefused(
                f"The repository refuses a push to its branch {self.branch}: {failed.output.strip()[-300:]}",
                meaning="What this run knows could not be kept for the next one.",
                hint="Leave this branch out of the repository's rules (Settings, Rules).",
            )
        raise failure(failed, self._git.url)

    def _commit(self, files: Mapping[str, str], tip: Tip | None, title: str, *, amends: bool) -> str:
        self._git("read-tree", tip.sha if tip else "--empty")
        entries = "".join(f"100644 {blob}\t{path}\0" for path, blob in files.items())
        self._git("update-index", "-z", "--index-info", given=entries.encode())
        parents = () if tip is None else tip.parents if amends else (tip.sha,)
        return self._git.text(
            "commit-tree", self._git.text("write-tree"),
            *(argument for parent in parents for argument in ("-p", parent)),
            given=f"{title}\n\n{_TRAILER}: {self._owner}\n{_ROOT}: {self._root}\n".encode(),
        )  # fmt: skip

    def _tip(self, sha: str) -> Tip:
        head, _, message = self._git("cat-file", "commit", sha).decode(errors="replace").partition("\n\n")
        trailers = dict(
            line.split(": ", 1) for line in message.strip().rpartition("\n\n")[2].split("\n") if ": " in line
        )
        ours = trailers if f"<{EMAIL}>" in head else {}
        listed = self._git("ls-tree", "-r", "-z", sha).decode(errors="surrogateescape").split("\0")
        entries = (line.split("\t", 1) for line in listed if line)
        return Tip(
            sha=sha,
            parents=tuple(re.findall(r"^parent (\w+)$", head, re.MULTILINE)),
            owner=ours.get(_TRAILER, ""),
            root=ours.get(_ROOT, ""),
            files={path: what.split()[2] for what, path in entries if what.split()[1] == "blob"},
        )

    def _refuse_others(self, tip: Tip) -> None:
        """Two workflows with one branch would take turns in losing each other's signals."""
        if tip.owner in ("", str(self._owner)):
            return
        workflow = tip.owner.partition(_OF)[2]
        if workflow == self._owner.workflow or (self._root / workflow).exists():
            raise UsageError(
                f"The branch {self.branch} holds what {tip.owner!r} knows, and this is {str(self._owner)!r}.",
                meaning="It was left as it is; nothing was asked and nothing was written.",
                hint="Give one of the two a `name:` of its own, under `with:` of its step.",
            )

    def _size(self, new: str, tip: Tip | None) -> int:
        """The bytes of what was pushed: what the server has serves as the base of what is new."""
        wanted = f"{new}\n^{tip.sha}\n" if tip else f"{new}\n"
        packing = (
            "pack-objects",
            "--quiet",
            "--stdout",
            "--revs",
            "--thin",
            "--shallow",
            "--delta-base-offset",
        )
        return len(self._git(*packing, given=wanted.encode()))


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepResult:
    """What came of keeping: whether anything was pushed, and whether anything of others' was taken, to be synced."""

    pushed: bool = False
    taken: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Keeper:
    """The `journal` and the workbooks of one runner, all inside the folder `root`; `page` is the text to look at.

    `clock` gives aware times. Methods raise AccessRefused, TargetBusy or DataRefused.
    """

    branch: StateBranch
    root: Path
    journal: Path
    workbooks: Sequence[Path]
    page: Callable[[], str]
    clock: Callable[[], datetime]
    sleep: Callable[[float], None] = time.sleep
    warnings: list[str] = field(default_factory=list)

    def restore(self) -> bool:
        """Bring here what the branch holds; whether there is one. An unreachable server is never taken for none."""
        tip = self.branch.look()
        if tip is None:
            return False
        self._take(tip, None)
        return True

    def keep(self) -> KeepResult:
        """Push journal, workbooks and page. What others left meanwhile is taken first, and is to be synced into."""
        taken: tuple[str, ...] = ()
        self.warnings.clear()
        for race in range(_RACES):
            tip, base = self.branch.look(), self.branch.base()
            if tip and (base is None or tip.sha != base.sha):
                taken += self._take(tip, base)
            files = self._files(tip)
            if tip and all(tip.files.get(path) == blob for path, blob in files.items()):
                return KeepResult(taken=taken, warnings=tuple(self.warnings))
            try:
                self.branch.put(
                    files, tip, f"Signals until {self.clock().astimezone(UTC):%Y-%m-%d %H:%M} UTC"
                )
            except Raced:
                self.sleep(race)
            else:
                return KeepResult(pushed=True, taken=taken, warnings=tuple(self.warnings))
        raise TargetBusy(
            f"The branch {self.branch.branch} was moved by somebody else {_RACES} times in a row.",
            meaning="What this run knows is not kept yet.",
            hint="It is tried again; look who else writes to that branch.",
        )

    def _take(self, tip: Tip, base: Tip | None) -> tuple[str, ...]:
        """Bring here what others put there since `base`: their workbook stands, their journal is the new base."""
        before = base.files if base else {}
        news = {path for path in tip.files if tip.files[path] != before.get(path)}
        books = {self._path(book): book for book in self.workbooks}
        if JOURNAL_FILE in news:
            with tempfile.TemporaryDirectory(dir=self.journal.parent.parent, prefix=".cqs-") as folder:
                theirs = Path(folder, JOURNAL_FILE)
                self.branch.save(tip, JOURNAL_FILE, theirs)
                if tip.root and tip.root != str(self.root):
                    with Journal.open(theirs, clock=self.clock) as journal:
                        journal.move_folder(tip.root, str(self.root))
                rest_on(self.journal, theirs, clock=self.clock)
        for path in sorted(news & books.keys()):
            self.branch.save(tip, path, books[path])
        self.branch.rests_on(tip)
        return tuple(sorted(news & {JOURNAL_FILE, *books}))

    def _files(self, tip: Tip | None) -> Mapping[str, str]:
        """The blobs of what is kept, by path in the branch; what is too large stays there as it was."""
        files = {_PAGE: self._blob_of_text(self.page())}
        if self.journal.exists():
            files[JOURNAL_FILE] = self._journal_blob()
        for book in self.workbooks:
            path = self._path(book)
            try:
                if book.exists():
                    self._tell_of_size(book, path)
                    files[path] = self.branch.blob(book)
            except DataRefused as refused:
                self.warnings.append(f"{refused.message} {refused.meaning} {refused.hint}")
                if tip and path in tip.files:
                    files[path] = tip.files[path]
        return files

    def _journal_blob(self) -> str:
        with tempfile.TemporaryDirectory() as folder:
            copied = Path(folder, JOURNAL_FILE)
            copy_compact(self.journal, copied, clock=self.clock, since=self.clock() - _LONG)
            if copied.stat().st_size > _SMALL:
                copy_compact(self.journal, copied, clock=self.clock, since=self.clock() - _SHORT)
            self._tell_of_size(copied, "The journal")
            return self.branch.blob(copied)

    def _tell_of_size(self, file: Path, name: str) -> None:
        if (size := file.stat().st_size) > _TOLD:
            self.warnings.append(
                f"{name} has {size / MEGABYTE:,.0f} MB; GitHub takes no file of 100 MB. Write to a Google Sheet,"
                " begin a new workbook, or keep the journal elsewhere."
            )

    def _blob_of_text(self, text: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "text")
            file.write_text(text, encoding="utf-8", newline="\n")
            return self.branch.blob(file)

    def _path(self, file: Path) -> str:
        return file.relative_to(self.root).as_posix()
