"""Carries out a plan: batch after batch, each verified by its own answer, and mended if a race misplaced it.

A write without a clear answer is never sent again before the spreadsheet was read again: the mark that
every batch leaves says whether it happened. The same mark makes a late twin of a batch fail at Google.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cqs_sheets.core.plan.plan import Add, Plan, made_after, record_text
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.cells import cells_of, read_boxes, shows_all
from cqs_sheets.destinations.google.read.layout import Cell, Layout, volume_of
from cqs_sheets.destinations.google.read.looking import read_names
from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.shapes import Json
from cqs_sheets.destinations.google.wire.sheets_http import Spreadsheet, Unanswered
from cqs_sheets.destinations.google.write import verification
from cqs_sheets.destinations.google.write.batches import Batch, Composer
from cqs_sheets.destinations.google.write.patches import Misplaced, Todo, scratch_title
from cqs_sheets.destinations.google.write.strays import left_moved, mistakes_of, strays_of, with_columns
from cqs_sheets.errors import CqsError, TargetBusy, TargetChanged
from cqs_sheets.values import dataclass, field, replace

_TRIES = 6  # batches refused or misplaced, by a person who rearranges all the time


@dataclass(frozen=True, slots=True, kw_only=True)
class _Happened:
    """The batch that took effect, and its patches that hit other rows."""

    batch: Batch
    wrong: Sequence[Misplaced]
    again: tuple[Add, ...] = ()  # new rows that hit other columns, and come anew once that is taken back


@dataclass(slots=True, kw_only=True)
class Writer:
    """Writes one plan. `look` reads the spreadsheet again, `titles` those of all its tabs.

    `nonce` tells this write's marks from those of another sync that had the same number.
    """

    spreadsheet: Spreadsheet
    composer: Composer
    look: Callable[[], Layout]
    titles: Callable[[], frozenset[str]]
    nonce: str
    warnings: list[str] = field(default_factory=list)
    _tries: int = 0
    _told_loose: bool = False

    def write(self, plan: Plan, layout: Layout, undo: tuple[Misplaced, ...] = ()) -> Layout:
        """Bring all of the plan's changes into the spreadsheet; returns how it stands then.

        `undo` are mistakes of an earlier write. Raises TargetChanged if another sync has written
        meanwhile, or CqsError.
        """
        todo, complete = Todo.of(plan, self._located(undo, layout)), False
        again: tuple[Add, ...] = ()
        self._told_loose = layout.loose
        if layout.loose:
            self.warnings += [
                f"the last sync ended in the very moment after it wrote to {title}, where somebody moved columns"
                " meanwhile: look through the rows it wrote last (version history), and add what is missing"
                " with --restore"
                for title in left_moved(self.spreadsheet, layout)
            ]
        while todo or not layout.marks:  # the tabs are made even if there is no row yet
            now, rest = todo.cut(self.composer.room(todo, layout))
            number = marks.free_batch(plan.sequence, layout.marks) if rest or complete else marks.LAST
            complete = complete or not rest
            shown = (layout.sequence or 0) if rest else plan.sequence
            try:
                done = self._done(now, layout, plan=plan, shown=shown, batch_number=number)
            except CqsError as error:
                raise _with_mistakes(error, now.undo) from error
            layout, todo = done.batch.after, rest
            self.warnings += done.batch.warnings
            if done.wrong or done.again:
                layout = replace(self._again(layout), titles=layout.titles)
                todo = self._mend(plan, done.wrong, rest, layout)
                again += done.again
            if again and not todo:
                layout = replace(self._again(layout), titles=layout.titles)
                todo, again = Todo(adds=again).without(layout), ()
        return layout

    def _done(self, todo: Todo, layout: Layout, *, plan: Plan, shown: int, batch_number: int) -> _Happened:
        """Do all of `todo` in one batch, however often it must be composed anew until it happens."""
        attempts: dict[str, Batch] = {}
        until = self.spreadsheet.http.budget()
        mark_id = marks.mark_id(plan.sequence, batch_number)
        while True:
            nonce = f"{self.nonce}.{self._tries}"
            lineage = plan.lineage if shown == plan.sequence else plan.snapshot.lineage
            batch = self.composer.compose(todo, layout, self._tries, nonce)
            batch.requests += marks.leave_mark(
                plan.sequence,
                lineage=lineage,
                shown=shown,
                batch=batch_number,
                nonce=nonce,
                before=layout.marks,
            )
            mark = marks.Mark(mark_id, shown, nonce, lineage)
            batch.after = replace(batch.after, marks=(*layout.marks, mark))
            _leave_record(batch, plan, layout)
            if layout.loose and not self._told_loose:
                batch.requests.append(marks.leave_loose())
            attempts[nonce] = batch
            try:
                return self._compared(_judged(batch, *self._send(batch)), todo)
            except (Unanswered, failures.Refused) as trouble:
                self._tries += 1
                fresh = replace(self._again(layout), titles=self._titles(trouble, todo, layout))
                if happened := self._happened(fresh, mark_id, attempts):
                    return self._compared(happened, todo)
                if layout.loose or _is_about_ids(trouble, fresh, layout):
                    fresh = replace(fresh, loose=True)
                self._check_worth_trying(trouble, fresh, layout, until)
                layout = fresh
                todo = replace(todo.without(fresh), undo=self._located(todo.undo, fresh))

    def _again(self, before: Layout) -> Layout:
        """Another look; the user's formulas are still known where no column has moved."""
        fresh = self.look()
        known = {
            name: replace(place, models=old.models, patterns=old.patterns)
            for name, place in fresh.tabs.items()
            if (old := before.tabs.get(name)) and old.columns == place.columns
        }
        return replace(fresh, tabs={**fresh.tabs, **known})

    def _titles(self, trouble: Exception, todo: Todo, layout: Layout) -> frozenset[str] | None:
        """A batch that makes tabs may be refused for a title that is taken: only then all are asked for."""
        refused = isinstance(trouble, failures.Refused) and layout.titles is None
        hidden = layout.scratch is None and (scratch_title(layout) in str(trouble) or self._tries > 1)
        return self.titles() if refused and (hidden or self.composer.creates(todo, layout)) else layout.titles

    def _send(self, batch: Batch) -> tuple[Mapping[Cell, Json], Mapping[str, Cell]]:
        """Send a batch; the cells that its answer shows, and the named ones.

        An answer that leaves out any is none: what has become of the batch must be read then.
        """
        body: Json = {"requests": batch.requests}
        fields = "spreadsheetId"
        keys = {} if batch.after.loose else batch.keys  # columns that moved are found out by strays.py
        areas = verification.verification_areas(batch.patches, batch.after, keys)
        if ranges := verification.verification_ranges(areas, batch.after):
            body |= {"includeSpreadsheetInResponse": True, "responseRanges": ranges}
            fields = f"updatedSpreadsheet({verification.VERIFICATION})"
        answer = self.spreadsheet.write(fields, body)
        shown: Json = answer.get("updatedSpreadsheet", {})
        if not shows_all(shown, areas):
            raise Unanswered("an answer without the cells that were asked for")
        cells = dict(cells_of(shown))
        verification.check_new_rows(keys, cells)
        return cells, dict(read_names(shown))

    def _happened(self, fresh: Layout, mark_id: int, attempts: Mapping[str, Batch]) -> _Happened | None:
        """The attempt whose mark is there, with what its lost answer would have shown."""
        nonce = next((mark.nonce for mark in fresh.marks if mark.id == mark_id), "")
        batch = attempts.get(nonce)
        if batch is None:
            return None
        areas = verification.verification_areas(batch.patches, batch.after)
        lines = read_boxes(self.spreadsheet, areas)
        return _judged(batch, verification.cells_read(lines), fresh.names, later=True)

    def _compared(self, done: _Happened, todo: Todo) -> _Happened:
        """The same, once it is known which columns a write hit that could not hold them; see strays.py."""
        if not done.batch.after.loose:
            return done
        self._told_loose = True
        found = strays_of(self.spreadsheet, done.batch, self.composer)
        if not found:
            return done
        fresh = self.look()
        wrong = [each for each in done.wrong if not any(strays.doubts(each) for strays in found)]
        wrong = with_columns(wrong, found)
        again: list[Add] = []
        for strays in found:
            adds = [add for add in todo.adds if add.tab == volume_of(strays.place.name)[0]]
            mistakes = mistakes_of(self.spreadsheet, strays, done.batch, adds, fresh, done.wrong)
            wrong += mistakes
            hit = {each.patch.key for each in mistakes if each.patch.slot is None}
            again += [add for add in adds if add.key in hit]
        return replace(done, wrong=wrong, again=tuple(again))

    def _check_worth_trying(self, trouble: Exception, fresh: Layout, layout: Layout, until: float) -> None:
        """Raises CqsError if the same batch, composed anew, would fail again or come too late."""
        if set(fresh.marks) - set(layout.marks):
            raise TargetChanged(
                "Another sync has written to the spreadsheet meanwhile.",
                meaning="The rows that are not there yet wait in the journal.",
                hint="Let one machine at a time write to a spreadsheet.",
            ) from trouble
        if isinstance(trouble, failures.Refused):
            if self._tries >= _TRIES or (fresh == layout and self._tries > 1):
                raise failures.refused(trouble, name=self.spreadsheet.id) from trouble
        elif not self.spreadsheet.http.rest(self._tries, until):
            raise failures.away(self.spreadsheet.id, str(trouble)) from trouble

    def _located(self, undo: Sequence[Misplaced], layout: Layout) -> tuple[Misplaced, ...]:
        return verification.located(self.spreadsheet, undo, layout)

    def _mend(self, plan: Plan, wrong: Sequence[Misplaced], rest: Todo, layout: Layout) -> Todo:
        """What is to do once misplaced patches are known: take them back, and write their changes anew."""
        self._tries += 1
        still = tuple(each.patch.undoes for each in wrong if each.patch.undoes)
        undo = (*still, *(each for each in wrong if each.before is not None))
        if lost := [each for each in wrong if each.before is None]:
            self.warnings.append(
                "someone rearranged and filtered the sheet during the write; check, as they may hold another"
                f" row's value: {_places(lost)}"
            )
        if self._tries >= _TRIES:
            raise _with_mistakes(_restless(), undo)
        rows = len({(each.patch.tab, each.patch.key) for each in wrong})
        self.warnings.append(
            f"someone rearranged the sheet during the write: {rows} row(s) were put right at once"
        )
        meant = {_name(each) for each in wrong if not each.patch.undoes}
        updates = tuple(each for each in plan.updates if (each.tab, each.key, each.column) in meant)
        return Todo(adds=rest.adds, updates=updates + rest.updates, undo=self._located(undo, layout))


def _is_about_ids(trouble: Exception, fresh: Layout, layout: Layout) -> bool:
    """Whether Google refuses to give an id out again in the batch that freed it: no column has moved."""
    return (
        isinstance(trouble, failures.Refused)
        and "DeveloperMetadata" in str(trouble)
        and {place.sheet_id: place.columns for place in fresh.tabs.values()}
        == {place.sheet_id: place.columns for place in layout.tabs.values()}
    )


def _leave_record(batch: Batch, plan: Plan, layout: Layout) -> None:
    record = record_text(made_after(plan))
    if record != layout.record:
        batch.requests.append(marks.leave_record(record, exists=bool(layout.record)))
        batch.after = replace(batch.after, record=record)


def _judged(
    batch: Batch, cells: Mapping[Cell, Json], names: Mapping[str, Cell], *, later: bool = False
) -> _Happened:
    return _Happened(
        batch=batch,
        wrong=tuple(verification.misplaced(batch.patches, batch.after, cells, names, later=later)),
    )


def _name(wrong: Misplaced) -> tuple[str, str, str]:
    return wrong.patch.tab, wrong.patch.key, wrong.patch.column


def _restless() -> CqsError:
    return TargetBusy(
        "The spreadsheet is being sorted or rearranged again and again while the sync writes.",
        meaning="What is not written yet waits in the journal.",
        hint="Run it again when nobody rearranges the sheet.",
    )


def _with_mistakes(error: CqsError, undo: Sequence[Misplaced]) -> CqsError:
    """The same failure, telling which cells wait to be put right."""
    if not undo:
        return error
    return TargetBusy(
        error.message,
        meaning="The sheet was rearranged during the write, and until the next sync these cells hold another"
        f" row's value: {_places(undo)}.",
        hint=error.hint,
    )


def _places(wrong: Sequence[Misplaced]) -> str:
    oldest = {(each.found, each.patch.column): each for each in reversed(wrong)}.values()
    return ", ".join(
        f"{each.patch.column} of {each.found or 'a row without id'}{_was(each)}" for each in oldest
    )


def _was(wrong: Misplaced) -> str:
    return "" if wrong.before is None else f" (was {next(iter(wrong.before.values()), 'blank')})"
