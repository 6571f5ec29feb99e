"""Google Sheets as a destination."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import cast

from cqs_sheets.core.cells import Alike, Alikes, CellType, CellValue, is_alike, key_text
from cqs_sheets.core.plan.binding import Bindings
from cqs_sheets.core.plan.facts import Facts, Where
from cqs_sheets.core.plan.plan import SETTING_VALUE, HeldRow, Plan, Snapshot, Stamp, TabState, is_users_own
from cqs_sheets.core.templates.template import SettingsTab, TableTab, Template
from cqs_sheets.destinations import Applied
from cqs_sheets.destinations.google.read import cells, looking, survey
from cqs_sheets.destinations.google.read.cells import Line, decode
from cqs_sheets.destinations.google.read.layout import Layout, TabPlace
from cqs_sheets.destinations.google.read.marks import lineage_of
from cqs_sheets.destinations.google.wire.shapes import GridRange
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp, Spreadsheet
from cqs_sheets.destinations.google.write import Writer, verification
from cqs_sheets.destinations.google.write.batches import MOST_TAB_CELLS, Composer
from cqs_sheets.destinations.google.write.patches import Misplaced, Patch
from cqs_sheets.errors import ROWS_WAIT, DataRefused, TargetChanged
from cqs_sheets.values import dataclass, replace

Held = dict[str, dict[str, dict[str, CellValue]]]

_UNSURE = "?"  # follows the version while nobody knows whether its write hit the right rows
_TIMES = frozenset({"DATE", "TIME", "DATE_TIME"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What travels from one step to the next: how things stand, and which version is known to be verified.

    `mistakes` of an earlier write are to be taken back by the next one. Of a `brief` look the layout has marks only.
    """

    layout: Layout
    known: str
    brief: bool = False
    mistakes: tuple[Misplaced, ...] = ()

    @property
    def suspects(self) -> list[Patch]:
        """The patches of a write that nobody has verified yet, as far as we know."""
        return [] if self.layout.version == self.known else verification.noted(self.layout)

    @property
    def version(self) -> str:
        """Names the newest write, and whether it hit the right rows is still open."""
        return self.layout.version + _UNSURE if self.suspects else self.layout.version


class GoogleDestination:
    """A spreadsheet in Google Sheets; see destinations.Destination.

    `zone_name` is shown in Settings. A tab goes on in another one at `most_cells`. A person's edits never make
    apply refuse: what they displace is found by the write's own answer and put right, or by the next run if
    this one dies before it is. TargetChanged is raised when another sync has written.
    """

    def __init__(
        self,
        spreadsheet_id: str,
        *,
        http: SheetsHttp,
        zone_name: str = "UTC",
        most_cells: int = MOST_TAB_CELLS,
        nonce: Callable[[], str] = lambda: uuid.uuid4().hex[:8],
    ) -> None:
        self._spreadsheet = Spreadsheet(http, spreadsheet_id)
        self._zone_name = zone_name
        self._most_cells = most_cells
        self._nonce = nonce

    @property
    def requests(self) -> int:
        """See Destination."""
        return self._spreadsheet.http.requests

    def recall(self, memory: bytes) -> None:
        """Nothing is remembered."""

    def stamp(self, known_version: str, *, brief: bool = False) -> Stamp:
        """One read, which the `look` that may follow makes use of; a `brief` one does not grow with the sheet."""
        layout = looking.look_briefly(self._spreadsheet) if brief and known_version else None
        seen = _Seen(layout=layout, known=known_version, brief=True) if layout else None
        if layout is None or seen is None or seen.version != known_version:
            layout = looking.look(self._spreadsheet, written=bool(known_version))
            seen = _Seen(layout=layout, known=known_version)
        lineage = lineage_of(layout.marks)
        return Stamp(
            exists=bool(layout.marks), lineage=lineage, version=seen.version, title=layout.title, seen=seen
        )

    def look(self, stamp: Stamp, marks: Collection[str]) -> Facts:
        """See Destination; no request, but one where the stamp was brief."""
        seen = cast("_Seen", stamp.seen)
        if seen.brief:
            seen = _Seen(layout=looking.look(self._spreadsheet, written=True), known=seen.known)
        return replace(seen.layout.facts(marks), version=seen.version, seen=seen)

    def headers(self, facts: Facts, titles: Collection[str]) -> Facts:
        """See Destination; two reads."""
        seen = cast("_Seen", facts.seen)
        layout, sheets = survey.read_headers(self._spreadsheet, seen.layout, titles)
        return replace(facts, sheets=sheets, seen=replace(seen, layout=layout))

    def read(self, facts: Facts, bindings: Bindings, keys: Mapping[str, Collection[str]]) -> Snapshot:
        """What the spreadsheet holds of these keys and of the synced settings; one more read at most.

        A sheet that is bound without marks takes one more: once.
        """
        seen = cast("_Seen", facts.seen)
        template = bindings.template
        adopted = self._adopted(seen.layout, bindings)
        layout, alike = _respelt(seen.layout.bound(bindings, adopted), keys)
        seen = replace(seen, layout=layout)
        held, seen = self._held(bindings, facts, seen, keys)
        layout = seen.layout
        tabs = {}
        for tab in template.tabs:
            if isinstance(tab, TableTab) and any(layout.volumes(tab.name)):
                snapshot = _table_state(tab.name, list(layout.volumes(tab.name)), held.get(tab.name, {}))
                tabs[tab.name] = replace(snapshot, alike=alike.get(tab.name, {}))
            elif isinstance(tab, SettingsTab) and (state := _settings_state(tab, layout)):
                tabs[tab.name] = state
        return Snapshot(
            exists=bool(layout.marks),
            sequence=layout.sequence,
            lineage=facts.lineage,
            version=facts.version,
            bindings=bindings,
            tabs=tabs,
            titles=tuple(sheet.title for sheet in facts.sheets),
            made=facts.made,
            seen=seen,
        )

    def _held(
        self, bindings: Bindings, facts: Facts, seen: _Seen, keys: Mapping[str, Collection[str]]
    ) -> tuple[Held, _Seen]:
        """The values of the rows that hold these keys, by tab and key; and mistakes found, and the user's formulas."""
        template, layout = bindings.template, seen.layout
        asked = {
            (place.sheet_id, place.rows[key][0]): (tab, place, key)
            for tab in template.tabs
            if isinstance(tab, TableTab)
            for key in keys.get(tab.name, ())
            if (place := layout.holder(tab.name, key))
        }
        growing = [
            (tab, place)
            for tab in template.tables
            if any(not layout.holder(tab.name, key) for key in keys.get(tab.name, ()))
            if is_users_own(bindings, facts.made, tab) or any(each.format.decimals for each in tab.columns)
            for place in layout.volumes(tab.name)
            if place.end > place.header_row + 1
        ]
        suspects = seen.suspects
        users_own = {tab.name for tab, _ in growing if is_users_own(bindings, facts.made, tab)}
        areas = verification.verification_areas(suspects, layout)
        lines, layout = self._lines(layout, asked, areas, growing, users_own)
        held: Held = {}
        for at, (tab, place, key) in asked.items():
            line = lines.get(at, {})
            if not is_alike(key_text(decode(line.get(place.key_column))), key):
                raise _rearranged()
            held.setdefault(tab.name, {})[key] = dict(_decoded(tab, place, line))
        mistakes = verification.mistakes_among(suspects, layout, verification.cells_read(lines))
        _correct(held, template, mistakes)
        return held, replace(seen, layout=layout, mistakes=mistakes)

    def _lines(
        self,
        layout: Layout,
        asked: Collection[tuple[int, int]],
        areas: Sequence[GridRange],
        growing: Sequence[tuple[TableTab, TabPlace]],
        users_own: Collection[str],
    ) -> tuple[dict[tuple[int, int], Line], Layout]:
        """Rows and areas by one read, along with the looks of the tables that are `growing`.

        New rows have the formulas that are there in tables that are the user's own, and their formats in all.
        """
        rows: dict[int, list[int]] = {}
        for sheet_id, row in asked:
            rows.setdefault(sheet_id, []).append(row)
        boxes = [
            box
            for sheet_id, found in rows.items()
            if (place := layout.sheet(sheet_id))
            for box in cells.box_of_rows(place, found)
        ]
        boxes += areas
        near = {
            place.name: box
            for tab, place in growing
            if (box := cells.model_rows(place, on_top=tab.new_rows == "top" and tab.name not in users_own))
        }
        if not near:
            return cells.read_boxes(self._spreadsheet, boxes), layout
        lines, models = cells.read_models(self._spreadsheet, [*boxes, *near.values()])
        known = {
            place.name: cells.with_models(place, models.formulas)
            if tab.name in users_own
            else cells.with_patterns(place, tab, models)
            for tab, place in growing
        }
        return lines, replace(layout, tabs={**layout.tabs, **known})

    def keys_where(
        self, facts: Facts, bindings: Bindings, wanted: Mapping[str, Where]
    ) -> Mapping[str, Collection[str]]:
        """See Destination: one read of these columns."""
        layout = self._bound(facts, bindings)
        places = {
            place.sheet_id: (name, place, where)
            for name, where in wanted.items()
            for place in layout.volumes(name)
            if where.column in place.columns and place.end > place.header_row + 1
        }
        boxes = [
            cells.box_of_column(place, place.columns[column])
            for _, place, where in places.values()
            for column in (where.column, where.blank)
            if column in place.columns
        ]
        lines = cells.read_boxes(self._spreadsheet, boxes)
        found: dict[str, set[str]] = {name: set() for name in wanted}
        for sheet_id, (name, place, where) in places.items():
            at, blank = place.columns[where.column], place.columns.get(where.blank, -1)
            for key, rows in place.rows.items():
                line = lines.get((sheet_id, rows[0]), {})
                if key_text(decode(line.get(at))) in where.texts and not line.get(blank):
                    found[name].add(key)
        return found

    def entries(
        self, facts: Facts, bindings: Bindings, columns: Mapping[str, Collection[str]]
    ) -> Mapping[str, Sequence[Mapping[str, CellValue]]]:
        """See Destination: one read."""
        layout = self._bound(facts, bindings)
        places = {
            place.sheet_id: (name, place, {id_: place.columns[id_] for id_ in wanted if id_ in place.columns})
            for name, wanted in columns.items()
            for place in layout.volumes(name)
            if place.end > place.header_row + 1
        }
        boxes = [
            cells.box_of_column(place, at) for _, place, known in places.values() for at in known.values()
        ]
        lines = cells.read_boxes(self._spreadsheet, boxes)
        found: dict[str, list[dict[str, CellValue]]] = {name: [] for name in columns}
        for (sheet_id, _), line in lines.items():
            name, _, known = places[sheet_id]
            found[name].append({id_: decode(line.get(at)) for id_, at in known.items()})
        return found

    def all_keys(self, facts: Facts, bindings: Bindings) -> Mapping[str, Collection[str]]:
        """See Destination; no request."""
        layout = cast("_Seen", facts.seen).layout.bound(bindings, {})
        return {
            tab.name: {
                key
                for place in layout.volumes(tab.name)
                for key, rows in place.rows.items()
                if rows[-1] > place.header_row
            }
            for tab in bindings.template.fed_tabs
        }

    def survey(self, facts: Facts, bindings: Bindings) -> survey.Survey:
        """What a doctor wants to know of the tabs; one read, and one for each sheet bound without marks."""
        return survey.survey(self._spreadsheet, self._bound(facts, bindings), bindings)

    def _bound(self, facts: Facts, bindings: Bindings) -> Layout:
        layout = cast("_Seen", facts.seen).layout
        return layout.bound(bindings, self._adopted(layout, bindings))

    def _adopted(self, layout: Layout, bindings: Bindings) -> dict[str, TabPlace]:
        return {
            name: survey.adopted_place(self._spreadsheet, layout, tab, binding)
            for name, binding in bindings.adopted.items()
            if isinstance(tab := bindings.template.tab(name), TableTab)
        }

    def apply(self, plan: Plan) -> Applied:
        """Carry out the plan; see write.Writer. Raises TargetChanged if another sync wrote since the read."""
        if plan.refusals:
            raise DataRefused(
                plan.refusals[0], meaning="Nothing was written.", hint="Look, then run with --force."
            )
        seen = cast("_Seen", plan.snapshot.seen)
        bindings = plan.snapshot.bindings
        composer = Composer(
            template=plan.template,
            spreadsheet_id=self._spreadsheet.id,
            zone_name=self._zone_name,
            most_cells=self._most_cells,
            users_own=frozenset(
                tab.name for tab in plan.template.tables if is_users_own(bindings, plan.snapshot.made, tab)
            ),
            dropped=bindings.dropped,
        )
        writer = Writer(
            spreadsheet=self._spreadsheet,
            composer=composer,
            look=lambda: self._again(bindings, seen.layout),
            titles=lambda: survey.read_titles(self._spreadsheet),
            nonce=plan.word or self._nonce(),
        )
        written = writer.write(plan, seen.layout, seen.mistakes)
        warnings = tuple(dict.fromkeys((*_mended(seen.mistakes), *writer.warnings, *_oddities(plan))))
        return Applied(version=written.version, warnings=warnings)

    def _again(self, bindings: Bindings, before: Layout) -> Layout:
        """How things stand now, with the same tabs; TargetChanged if one of them is not known by its marks (yet)."""
        fresh = replace(looking.look(self._spreadsheet).bound(bindings, {}), grids=before.grids)
        fresh = fresh.respelt(before.spelt)
        if any(sum(1 for _ in fresh.volumes(name)) < len(found) for name, found in bindings.tabs.items()):
            raise _rearranged()
        return fresh


def _correct(held: Held, template: Template, mistakes: Sequence[Misplaced]) -> None:
    """What a row will hold once mistakes are taken back; of several in one cell the oldest knows."""
    for wrong in reversed(mistakes):
        values = held.get(wrong.patch.tab, {}).get(wrong.found or "")
        tab = template.tab(wrong.patch.tab) if values else None
        if values and isinstance(tab, TableTab):
            before = next(iter((wrong.before or {}).values()), None)
            values[wrong.patch.column] = decode(before, tab.column(wrong.patch.column).type)


def _mended(mistakes: Sequence[Misplaced]) -> Iterator[str]:
    rows = {(each.patch.tab, each.found) for each in mistakes}
    if rows:
        yield (
            "someone rearranged the sheet during a write that was broken off:"
            f" {len(rows)} row(s) were put right now"
        )


def _respelt(
    layout: Layout, keys: Mapping[str, Collection[str]]
) -> tuple[Layout, Mapping[str, Mapping[str, Alike]]]:
    """The layout by the keys that cells surely stand for, and by tab all that may be changed ones."""
    alike: dict[str, Mapping[str, Alike]] = {}
    for tab, wanted in keys.items():
        places = list(layout.volumes(tab))
        missing = {key for key in wanted if not any(key in place.rows for place in places)}
        texts: dict[str, list[int]] = {}
        for place in places if missing else ():
            for text in place.rows.keys() - set(wanted):
                texts.setdefault(text, []).extend(row + 1 for row in place.rows[text])
        alike[tab] = Alikes(missing).among(texts)
    spelt = {
        tab: {each.text: key for key, each in found.items() if each.sure} for tab, found in alike.items()
    }
    return layout.respelt(spelt), alike


def _table_state(
    name: str, places: Sequence[TabPlace], held: Mapping[str, Mapping[str, CellValue]]
) -> TabState:
    """The volumes of a tab as one; a key that stands in several rows is kept up to date in the first."""
    rows = {key: [row + 1 for place in places for row in place.rows.get(key, ())] for key in held}
    return TabState(
        name=name,
        columns={column: at + 1 for place in reversed(places) for column, at in place.columns.items()},
        rows={key: HeldRow(row=rows[key][0], values=values) for key, values in held.items()},
        duplicates={key: tuple(found) for key, found in rows.items() if len(found) > 1},
        row_count=sum(
            row > place.header_row for place in places for found in place.rows.values() for row in found
        ),
    )


def _settings_state(tab: SettingsTab, layout: Layout) -> TabState | None:
    rows = {}
    for setting in tab.settings:
        cell = layout.names.get(setting.name.lower())
        if cell and setting.synced:
            kind = CellType.TIME if setting.format.type in _TIMES else CellType.ID
            value = decode(layout.values.get(cell), kind)
            rows[setting.name] = HeldRow(row=cell.row + 1, values={SETTING_VALUE: value})
    return TabState(name=tab.name, rows=rows, row_count=len(rows)) if rows else None


def _decoded(tab: TableTab, place: TabPlace, line: Mapping[int, object]) -> Iterator[tuple[str, CellValue]]:
    for column in tab.columns:
        if column.read and column.id in place.columns:
            yield column.id, decode(line.get(place.columns[column.id]), column.type)


def _oddities(plan: Plan) -> Iterator[str]:
    """What could not be written as it is."""
    values = [(add.key, value) for add in plan.adds for value in add.values.values()]
    values += [(update.key, update.new) for update in plan.updates]
    beyond = sorted({key for key, value in values if cells.is_no_number(value)})
    if beyond:
        yield f"kept as text, as no cell can hold it: numbers of {', '.join(beyond[:5])}"
    if any(isinstance(value, str) and len(value) > cells.MOST_CHARACTERS for _, value in values):
        yield f"cut to {cells.MOST_CHARACTERS:,} characters, the most that a cell holds: a text"


def _rearranged() -> TargetChanged:
    return TargetChanged(
        "The spreadsheet was rearranged while it was read.",
        meaning=ROWS_WAIT,
        hint="Run the sync again.",
    )
