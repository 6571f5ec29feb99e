"""A runner's files and the state branch, brought to one: at the start of a run, and whenever it is kept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cqs_sheets.errors import DataRefused, TargetBusy
from cqs_sheets.github.state import MEGABYTE, Raced, StateBranch, Tip
from cqs_sheets.journal import JOURNAL_FILE, Journal, carrying
from cqs_sheets.values import dataclass, field

PAGE = "README.md"
_LONG, _SHORT = timedelta(days=30), timedelta(days=2)  # how long polls and old revisions are kept
_SMALL = 20 * MEGABYTE  # a journal that is larger keeps the shorter time
_TOLD = 50 * MEGABYTE
_RACES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
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

    def keep(self) -> Kept:
        """Push journal, workbooks and page. What others left meanwhile is taken first, and is to be synced into."""
        taken: tuple[str, ...] = ()
        self.warnings.clear()
        for race in range(_RACES):
            tip, base = self.branch.look(), self.branch.base()
            if tip and (base is None or tip.sha != base.sha):
                taken += self._take(tip, base)
            files = self._files(tip)
            if tip and all(tip.files.get(path) == blob for path, blob in files.items()):
                return Kept(taken=taken, warnings=tuple(self.warnings))
            try:
                self.branch.put(
                    files, tip, f"Signals until {self.clock().astimezone(UTC):%Y-%m-%d %H:%M} UTC"
                )
            except Raced:
                self.sleep(race)
            else:
                return Kept(pushed=True, taken=taken, warnings=tuple(self.warnings))
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
                carrying.rest_on(self.journal, theirs, clock=self.clock)
        for path in sorted(news & books.keys()):
            self.branch.save(tip, path, books[path])
        self.branch.rests_on(tip)
        return tuple(sorted(news & {JOURNAL_FILE, *books}))

    def _files(self, tip: Tip | None) -> Mapping[str, str]:
        """The blobs of what is kept, by path in the branch; what is too large stays there as it was."""
        files = {PAGE: self._blob_of_text(self.page())}
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
            carrying.copy(self.journal, copied, clock=self.clock, since=self.clock() - _LONG)
            if copied.stat().st_size > _SMALL:
                carrying.copy(self.journal, copied, clock=self.clock, since=self.clock() - _SHORT)
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
