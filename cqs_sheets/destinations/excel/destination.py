"""The Excel destination: reads a workbook's rows by key, and edits the file in place."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from cqs_sheets.core.rows.plan import NewColumn, Plan
from cqs_sheets.core.rows.table import Stamp, Table
from cqs_sheets.core.rows.upgrade import made_after
from cqs_sheets.core.templates.template import Template
from cqs_sheets.destinations.base import Applied
from cqs_sheets.destinations.excel.draw import create
from cqs_sheets.destinations.excel.edit.editor import Editor
from cqs_sheets.destinations.excel.edit.upgrade import upgrade
from cqs_sheets.destinations.excel.filesystem import Disk, WorkbookFile
from cqs_sheets.destinations.excel.graft.missing import graft_missing, is_optional
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.workbook import Workbook
from cqs_sheets.destinations.excel.read.reader import Reader
from cqs_sheets.destinations.excel.read.scan import Scan
from cqs_sheets.errors import DataRefused

_SIGNATURES = "_xmlsignatures/"


class ExcelDestination:
    """A workbook file (.xlsx, .xlsm) as a destination; see destinations.base.Destination.

    `backups` earlier versions are kept as `name.bak.xlsx`, `name.bak2.xlsx`...; `force` goes past an
    editor's lock file and a digital signature; a lock is waited for `lock_wait` seconds.
    """

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
        self._scans: tuple[str, Mapping[str, Scan]] = ("", {})

    def stamp(self, known_version: str) -> Stamp:
        """The cheap look: a file that still is `known_version` is not opened."""
        self._file.sweep()
        version = self._file.version()
        if version == known_version and version is not None:
            return Stamp(exists=True, version=version)
        version = self._file.settled_version()
        if version is None:
            return Stamp(exists=False)
        with self._opened() as draft:
            return Stamp(exists=True, lineage=Workbook(draft).lineage, version=version)

    def read(self, template: Template, keys: Mapping[str, Collection[str]]) -> Table:
        """What the workbook holds of these keys and of the synced settings."""
        self._file.sweep()
        version = self._file.settled_version()
        if version is None:
            return Table(exists=False)
        with self._opened() as draft:
            reader = Reader(draft, template)
            tabs = reader.tabs(keys)
            self._scans = (version, reader.scans)
            return Table(
                exists=True,
                sequence=reader.sequence,
                lineage=reader.lineage,
                version=version,
                tabs=tabs,
                made=reader.made,
            )

    def open_keys(self, template: Template) -> Mapping[str, Collection[str]]:
        """See base.Destination: some seconds for 100,000 rows."""
        with self._opened() as draft:
            return Reader(draft, template).open_keys()

    def apply(self, plan: Plan) -> Applied:
        """Edit the file in place, or make it from the template if there is none."""
        if plan.refusals:
            raise DataRefused(
                plan.refusals[0], meaning="Nothing was written.", hint="Look, then run with --force."
            )
        expected = plan.table.version if plan.table.exists else None
        with self._file.locked():
            self._file.check(expected)
            if expected is not None and plan.empty:
                return Applied(version=expected)
            with self._opened() if expected is not None else self._made(plan) as draft:
                warnings = self._edit(draft, plan)
                self._file.stage(draft.write)
            version = self._file.commit(expected)
            return Applied(version=version, warnings=(*warnings(), *self._file.told))

    def _edit(self, draft: Draft, plan: Plan) -> Callable[[], list[str]]:
        """Carry out a plan in a draft; returns what tells the warnings once the draft has been written."""
        if not self._force and any(name.lower().startswith(_SIGNATURES) for name in draft.names):
            raise DataRefused(
                f"{self._file.path.name} carries a digital signature, which any change makes invalid.",
                meaning="The file was left as it was.",
                hint="Name another target, or run with --force and sign it again.",
            )
        version, scans = self._scans
        left_out, warnings = upgrade(draft, plan)
        made = graft_missing(draft, plan) if plan.table.exists else _tabs_of_a_new_one(plan)
        untouched = version == plan.table.version and not (made or plan.new_columns)
        editor = Editor(draft, plan.template, scans if untouched else {})
        possible = [each for each in plan.updates if NewColumn(each.tab, each.column) not in left_out]
        editor.apply(replace(plan, updates=tuple(possible)), made_after(plan, made, left_out))
        return lambda: [*warnings, *editor.warnings]

    @contextmanager
    def _opened(self) -> Iterator[Draft]:
        before = self._file.version()
        try:
            with self._package() as package:
                yield Draft(package)
        except DataRefused:
            if before is None or not self._file.rests_at(before):  # caught in the middle of a person's save
                raise self._file.changed() from None
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
        if self._file.path.suffix.lower() != ".xlsx":
            raise DataRefused(
                f"{self._file.path.name} does not exist, and a new workbook can only be an .xlsx.",
                meaning="Nothing was written.",
                hint="Name the target something.xlsx, or save a macro workbook (.xlsm) there first.",
            )
        with Package.open(create.build_workbook(plan.template, tabs=_tabs_of_a_new_one(plan))) as package:
            yield Draft(package)


def _tabs_of_a_new_one(plan: Plan) -> list[str]:
    used = {add.tab for add in plan.adds}
    return [tab.name for tab in plan.template.tabs if tab.name in used or not is_optional(tab)]
