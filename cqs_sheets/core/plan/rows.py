"""From records to the rows a template wants: which tab, which key, which values."""

from __future__ import annotations

from collections import Counter
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal

from cqs_sheets.core.cells import CellValue, key_text, same
from cqs_sheets.core.plan.plan import Add, Snapshot, Update
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols, exchange_name
from cqs_sheets.core.signals.fields import Compute, source, uid
from cqs_sheets.core.signals.signal import FeedTable, Record, Records, SignalKey, Status
from cqs_sheets.core.templates.template import Setting, TableTab, Template
from cqs_sheets.values import dataclass, replace

_BOUNDS = {"min_": 1, "max_": -1}
_BOUNDED = {"risk": "risk_level", "leverage": "leverage"}


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRow(Add):
    """A row as a tab should hold it, added where the tab does not have it.

    `added` is the number of the write that first delivered it to this target, None if none did that the
    target descends from. `revision` and `signal` say which knowledge of which signal the values are. With
    `fill_only` the tab has this very revision: only cells that are still blank are written.
    """

    signal: SignalKey
    revision: int
    added: int | None = None
    fill_only: bool = False


class Rows:
    """Makes the rows of records for one template."""

    def __init__(self, template: Template, zone: tzinfo, symbols: Symbols = BUILT_IN) -> None:
        self._zone = zone
        self._symbols = symbols
        self._tabs = [(tab, _Columns(tab, zone, symbols)) for tab in template.fed_tabs]

    def of(self, record: Record, *, added: int | None = None, fill_only: bool = False) -> Iterator[WantedRow]:
        """The rows of one record: one per tab that takes it, none if no tab does."""
        key, revision = record.signal.key, record.revision
        return self.at((record,), 0, key, revision, added=added, fill_only=fill_only)

    def at(
        self, records: Records, at: int, signal: SignalKey, revision: int,
        *, added: int | None = None, fill_only: bool = False,
    ) -> Iterator[WantedRow]:  # fmt: skip
        """The same of the one `at` a place of some `records`, of which it is known of which `signal` it is."""
        for tab, columns in self._tabs:
            if signal.table not in tab.tables:
                continue
            if tab.where and not passes(tab.where, records[at], self._zone, self._symbols):
                continue
            key = columns.key_of(signal)
            if not key:
                raise ValueError(f"a signal without a key reached the rows of {tab.name}")
            yield WantedRow(
                tab=tab.name,
                key=key,
                values=_Values(columns, records, at),
                signal=signal,
                revision=revision,
                added=added,
                fill_only=fill_only,
            )


class _Columns:
    """What a tab's rows hold, in the columns' order."""

    def __init__(self, tab: TableTab, zone: tzinfo, symbols: Symbols) -> None:
        self.zone = zone
        self.symbols = symbols
        self._by_uid = tab.column(tab.key).source == _UID
        self._sources = {column.id: source(column.source) for column in tab.columns if column.synced}
        self.compute: dict[str, Compute] = {id_: each.compute for id_, each in self._sources.items()}

    def key_of(self, signal: SignalKey) -> str:
        """The key of a signal's row."""
        return (uid(signal) if self._by_uid else signal.id).strip()

    def of(self, records: Sequence[Record], ids: Iterable[str]) -> Iterator[Sequence[CellValue]]:
        """The values that some records have in these columns, a column after the other; None in one of no such id."""
        zone, symbols = self.zone, self.symbols
        signals = [record.signal for record in records]
        for id_ in ids:
            found = self._sources.get(id_)
            if found is None:
                yield [None] * len(records)
            elif found.of:
                yield [*map(found.of, signals)]
            else:
                yield [found.compute(record, zone, symbols) for record in records]


class _Values(Mapping[str, CellValue]):
    """What a row shows of a record, worked out whenever it is asked for: as objects all rows would fill the memory."""

    __slots__ = ("_at", "_records", "columns")

    def __init__(self, columns: _Columns, records: Records, at: int) -> None:
        self.columns = columns
        self._records = records
        self._at = at

    @property
    def record(self) -> Record:
        """What it is of, made when it is asked for."""
        return self._records[self._at]

    def __getitem__(self, id_: str) -> CellValue:
        columns = self.columns
        return columns.compute[id_](self.record, columns.zone, columns.symbols)

    def __contains__(self, id_: object) -> bool:
        return id_ in self.columns.compute

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns.compute)

    def __len__(self) -> int:
        return len(self.columns.compute)

    def __repr__(self) -> str:
        return repr(dict(self))


def by_column(rows: Sequence[Mapping[str, CellValue]], ids: Iterable[str]) -> Iterator[Sequence[CellValue]]:
    """The values of some rows in these columns, a column after the other; None for what a row does not have.

    Those of records are worked out a column at a time.
    """
    made = [row for row in rows if isinstance(row, _Values)]
    if len(made) == len(rows) and len({row.columns for row in made}) == 1:
        yield from made[0].columns.of([row.record for row in made], ids)
    else:
        yield from ([row.get(id_) for row in rows] for id_ in ids)


def takes(tab: TableTab, record: Record, zone: tzinfo, symbols: Symbols = BUILT_IN) -> bool:
    """Whether a tab shows this record."""
    if record.signal.key.table not in tab.tables:
        return False
    return not tab.where or passes(tab.where, record, zone, symbols)


def passes(where: Mapping[str, object], record: Record, zone: tzinfo, symbols: Symbols = BUILT_IN) -> bool:
    """Whether a record passes a `where`: field -> a value or a list of them, or min_/max_ bounds.

    Text is compared without regard to case. A record without the bounded number does not pass.
    """
    return all(_passes_one(name, allowed, record, zone, symbols) for name, allowed in where.items())


def _passes_one(name: str, allowed: object, record: Record, zone: tzinfo, symbols: Symbols) -> bool:
    sign = _BOUNDS.get(name[:4])
    if sign is not None and name[4:] in _BOUNDED:
        value = source(_BOUNDED[name[4:]]).read(record, zone)
        return isinstance(value, Decimal) and (value - Decimal(str(allowed))) * sign >= 0
    choices = allowed if isinstance(allowed, Sequence) and not isinstance(allowed, str) else [allowed]
    held = key_text(source(name).read(record, zone, symbols)) or ""
    return any(held.casefold() == str(choice).strip().casefold() for choice in choices)


SETTLED = timedelta(minutes=5)
"""How old a signal is that we would know by now: one that has just come may not have been in our last answer."""

Keys = Mapping[str, Collection[str]]
"""Keys of rows by template tab."""

_STATUS, _TIME, _UID = "status", "timestamp", "uid"


def status_column(tab: TableTab) -> str | None:
    """The id of the column that shows whether a signal is open."""
    return column_of(tab, _STATUS)


def signals_of(tab: TableTab, key: str) -> Iterator[SignalKey]:
    """The signals that a row of that key can be of."""
    by_uid = tab.column(tab.key).source == _UID
    for table in sorted(tab.tables):
        prefix = f"{table.value}:" if by_uid and table is not FeedTable.MAIN else ""
        if key.startswith(prefix):
            yield SignalKey(table, key.removeprefix(prefix))


_PAIR = ("coin", "currency", "pair", "direction", "exchange", "exchange_name")
_IDS = ("id", _UID)


class Lives:
    """Tells the signals of one id apart in a target, by the rows that it has of them.

    Only a journal that never saw an earlier one calls a later one by the id alone.
    """

    def __init__(self, template: Template) -> None:
        self._sources = {
            tab.name: {column.source: column.id for column in tab.columns if column.synced}
            for tab in template.fed_tabs
        }
        self._ids = {
            tab.name: [column.id for column in tab.columns if column.synced and column.source in _IDS]
            for tab in template.fed_tabs
        }

    def is_anothers(self, snapshot: Snapshot, row: WantedRow, *, moved: bool = False) -> bool:
        """Whether the row that the target has under its key is another signal's: an earlier one, which has ended.

        A row that was `moved` to a later life's key has no claim to it: there any other signal is another.
        """
        state = snapshot.tabs.get(row.tab)
        held = state.rows.get(row.key) if state else None
        if held is None:
            return False
        columns, there = self._sources[row.tab], held.values
        published, time = (values.get(columns.get(_TIME, "")) for values in (there, row.values))
        if not isinstance(published, datetime) or not isinstance(time, datetime) or same(time, published):
            return False
        ended = there.get(columns.get(_STATUS, "")) in (Status.CLOSED.value, Status.AGED.value)
        if not moved and not (ended and time > published):
            return False
        pairs = (
            (there.get(columns[name]), row.values.get(columns[name])) for name in _PAIR if name in columns
        )
        return any(
            isinstance(one, str)
            and isinstance(other, str)
            and bool(one)
            and one.casefold() != other.casefold()
            for one, other in pairs
        )

    def in_next(self, row: WantedRow) -> WantedRow:
        """The row under the next identity that its id can have: `5#2`, `5#3`..."""

        def later(text: str) -> str:
            key = SignalKey(row.signal.table, text)
            return key.in_life(key.life + 1).id

        ids = {column: later(text) for column in self._ids[row.tab] if (text := key_text(row.values[column]))}
        return replace(row, key=later(row.key), values={**row.values, **ids})


def signal_of(tab: TableTab, key: str) -> SignalKey:
    """The signal of a row of that key: whose id it is the key says, or the tab is of one table alone."""
    return max(signals_of(tab, key), key=lambda each: each.table is not FeedTable.MAIN)


def aged(
    template: Template, snapshot: Snapshot, orphans: Keys, *, now: datetime, zone: tzinfo
) -> Iterator[Update]:
    """What becomes of orphans that have been read, in a table with the clocks of `zone`.

    Where no time of publication stands they are left alone.
    """
    settled = (now - SETTLED).astimezone(zone).replace(tzinfo=None)
    for tab in template.fed_tabs:
        state = snapshot.tabs.get(tab.name)
        status, time = status_column(tab), column_of(tab, _TIME)
        if state is None or status is None or time is None:
            continue
        for key in orphans.get(tab.name, ()):
            held = state.rows[key].values if key in state.rows else {}
            published, shown = held.get(time), held.get(status)
            if shown == Status.OPEN.value and isinstance(published, datetime) and published < settled:
                yield Update(tab=tab.name, key=key, column=status, old=shown, new=Status.AGED.value)


def column_of(tab: TableTab, source: str) -> str | None:
    """The id of the column that shows a field or calc."""
    return next((column.id for column in tab.columns if column.source == source), None)


SPAN = timedelta(days=30)

_Name = Callable[[Record], str]
_LISTS: Mapping[str, tuple[_Name, int]] = {
    "@exchanges_30d": (lambda record: exchange_name(record.signal.exchange), 9),
    "@coins_30d": (lambda record: record.signal.coin, 10),
}
_WORDS = frozenset({
    "exchange", "currency", "coin", "direction", "type", "risk_level", "leverage", "table",
    "min_risk", "max_risk", "min_leverage", "max_leverage",
})  # fmt: skip


def asked(template: Template) -> dict[str, str]:
    """The settings of a template that hold such a list: name -> which."""
    settings: tuple[Setting, ...] = template.settings_tab.settings if template.settings_tab else ()
    return {each.name: str(each.value) for each in settings if each.synced and each.value in _LISTS}


def looks_at_words(template: Template, where: Mapping[str, object]) -> bool:
    """Whether signals of the same words, risk and leverage are all taken, or none of them is."""
    names = [*where, *(name for tab in template.fed_tabs for name in tab.where)]
    return _WORDS.issuperset(names)


def busiest(
    template: Template, where: Mapping[str, object], records: Iterable[tuple[Record, int]], zone: tzinfo
) -> dict[str, str]:
    """The text of each list the template asks for, by setting: most rows first, ties by name.

    `records` are the signals of the span, each with how many it stands for; those that pass `where`
    and that a tab takes are counted.
    """
    wanted = asked(template)
    counts: dict[str, Counter[str]] = {which: Counter() for which in wanted.values()}
    for record, number in records:
        if passes(where, record, zone) and any(takes(tab, record, zone) for tab in template.fed_tabs):
            for which, count in counts.items():
                count[_one_item(_LISTS[which][0](record))] += number
    return {name: _listed(counts[which], _LISTS[which][1]) for name, which in wanted.items()}


def _one_item(name: str) -> str:
    """A name as an item of a list that commas separate."""
    return " ".join(name.replace(",", " ").split())


def _listed(counts: Counter[str], most: int) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0].casefold(), item[0]))
    return ", ".join([name for name, _ in ordered if name][:most])
