"""A workbook as a destination."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Facts, Where
from cqs_sheets.core.plan.plan import NewColumn, Plan, Snapshot, Stamp, made_after
from cqs_sheets.destinations import Applied, InspectedTab
from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.destinations.excel.edit.editor import Editor, mark
from cqs_sheets.destinations.excel.edit.newsettings import upgrade
from cqs_sheets.destinations.excel.edit.tabs import add_tabs
from cqs_sheets.destinations.excel.filesystem import WorkbookFile, check_place
from cqs_sheets.destinations.excel.parts import segments
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.read.reader import Reader, read_facts, with_headers
from cqs_sheets.destinations.excel.read.scan import Scan
from cqs_sheets.errors import DataRefused
from cqs_sheets.values import replace

_SIGNATURES = "_xmlsignatures/"


class ExcelDestination:
    """A workbook file (.xlsx, .xlsm) as a destination; see destinations.base.Destination.

    `backups` earlier versions are kept as `name.bak.xlsx`, `name.bak2.xlsx`...; `force` goes past an
    editor's lock file and a digital signature; a lock is waited for `lock_wait` seconds.
    """

    requests = 0

    def __init__(
        self,
        path: Path,
        *,
        backups: int = 1,
        force: bool = False,
        lock_wait: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
        disk: Disk | None = None,
    ) -> None:
        self._file = WorkbookFile(
            path, backups=backups, force=force, lock_wait=lock_wait, sleep=sleep, disk=disk or Disk()
        )
        self._force = force
        self._memory = segments.Memory(b"")

    def stamp(self, known_version: str, *, brief: bool = False) -> Stamp:
        """The cheap look: a file that still is `known_version` is not opened."""
        del brief
        self._file.sweep()
        version = self._file.version()
        if version == known_version and version is not None:
            return Stamp(exists=True, version=version)
        version = self._file.settled_version()
        if version is None:
            return Stamp(exists=False)
        with self._opened() as draft:
            return Stamp(exists=True, lineage=Workbook(draft).lineage, version=version)

    def recall(self, memory: bytes) -> None:
        """See base.Destination: where the rows of sheets lie in the file, if it still is the one that was written."""
        self._memory = segments.Memory(memory)

    def look(self, stamp: Stamp, marks: Collection[str]) -> Facts:
        """See base.Destination."""
        if not stamp.exists:
            return Facts(exists=False)
        with self._opened() as draft:
            return read_facts(draft, stamp.version, marks)

    def headers(self, facts: Facts, titles: Collection[str]) -> Facts:
        """See base.Destination."""
        with self._opened() as draft:
            return with_headers(draft, facts, titles)

    def read(self, facts: Facts, bindings: Bindings, keys: Mapping[str, Collection[str]]) -> Snapshot:
        """What the workbook holds of these keys and of the synced settings."""
        self._file.check(facts.version if facts.exists else None)
        if not facts.exists:
            return Snapshot(exists=False, bindings=bindings)
        with self._opened() as draft:
            reader = Reader(draft, bindings)
            tabs = reader.tabs(keys)
            return Snapshot(
                exists=True,
                sequence=facts.sequence,
                lineage=facts.lineage,
                version=facts.version,
                tabs=tabs,
                bindings=bindings,
                titles=tuple(Workbook(draft).order),
                made=facts.made,
                seen=reader.scans,
            )

    def keys_where(
        self, facts: Facts, bindings: Bindings, wanted: Mapping[str, Where]
    ) -> Mapping[str, Collection[str]]:
        """See base.Destination: some seconds for 100,000 rows."""
        del facts
        with self._opened() as draft:
            return Reader(draft, bindings).keys_where(wanted)

    def entries(
        self, facts: Facts, bindings: Bindings, columns: Mapping[str, Collection[str]]
    ) -> Mapping[str, Sequence[Mapping[str, CellValue]]]:
        """See base.Destination."""
        del facts
        with self._opened() as draft:
            return Reader(draft, bindings).entries(columns)

    def all_keys(self, facts: Facts, bindings: Bindings) -> Mapping[str, Collection[str]]:
        """See base.Destination: some seconds for 100,000 rows."""
        del facts
        with self._opened() as draft:
            return Reader(draft, bindings).all_keys()

    def inspect(self, facts: Facts, bindings: Bindings) -> Sequence[InspectedTab]:
        """What a doctor wants to know of the tabs that are fed."""
        with self._opened() as draft:
            return list(Reader(draft, bindings).inspect(facts.made))

    def apply(self, plan: Plan) -> Applied:
        """Edit the file in place, or make it from the template if there is none."""
        if plan.refusals:
            raise DataRefused(
                plan.refusals[0], meaning="Nothing was written.", hint="Look, then run with --force."
            )
        expected = plan.snapshot.version if plan.snapshot.exists else None
        with self._file.locked():
            self._file.check(expected)
            if expected is not None and plan.empty:
                return Applied(version=expected)
            with self._opened() if expected is not None else self._made(plan) as draft:
                warnings = self._edit(draft, plan)
                self._file.stage(draft.write)
            version = self._file.commit(expected)
            memory = segments.to_bytes(version, draft.directory, draft.layouts)
            told = (*self._file.told, *self._file.conflicts())
            return Applied(version=version, warnings=(*warnings(), *told), memory=memory)

    def _edit(self, draft: Draft, plan: Plan) -> Callable[[], list[str]]:
        """Carry out a plan in a draft; returns what tells the warnings once the draft has been written."""
        if not self._force and any(name.lower().startswith(_SIGNATURES) for name in draft.names):
            raise DataRefused(
                f"{self._file.path.name} carries a digital signature, which any change makes invalid.",
                meaning="The file was left as it was.",
                hint="Name another target, or run with --force and sign it again.",
            )
        seen = cast("Mapping[str, Scan]", plan.snapshot.seen or {})
        for found in seen.values():
            draft.package.take(found.resealed)
        mark(draft, plan.snapshot.bindings)
        left_out, warnings = upgrade(draft, plan)
        titles = {new.tab: new.title for new in plan.new_tabs}
        if titles and plan.snapshot.exists:
            add_tabs(draft, plan.template, titles)
        scans = {} if titles or plan.new_columns else seen
        editor = Editor(draft, plan.template, scans)
        possible = [each for each in plan.updates if NewColumn(each.tab, each.column) not in left_out]
        editor.apply(replace(plan, updates=tuple(possible)), made_after(plan, left_out))
        return lambda: [*warnings, *editor.warnings]

    @contextmanager
    def _opened(self) -> Iterator[Draft]:
        before = self._file.version()
        try:
            with self._package() as package:
                package.layouts = self._memory.of(before, package.directory)
                yield Draft(package)
        except DataRefused:
            if before is None or not self._file.rests_at(before):  # caught in the middle of a person's save
                raise self._file.changed() from None
            if busy := self._file.half_synced():
                raise busy from None
            raise

    def _package(self) -> Package:
        try:
            return Package.open(self._file.path)
        except OSError as error:
            raise self._file.explained(error) from error
        except DataRefused as refused:
            raise DataRefused(
                f"{self._file.path.name}: {refused.message}", meaning=refused.meaning, hint=refused.hint
            ) from None

    @contextmanager
    def _made(self, plan: Plan) -> Iterator[Draft]:
        check_place(self._file.path)
        with Package.open(build_workbook(plan.template, tabs=[new.tab for new in plan.new_tabs])) as package:
            yield Draft(package)
