"""What no schema can say of a template: every name that a document speaks of must be there, and once.

A finding is the path of a value in the document, and a sentence about it (see core/toml).
Documents are read with care, as what breaks the schema has been left out of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cqs_sheets.core.signals.exchanges import nearest
from cqs_sheets.core.signals.fields import EXTRA, JOURNALED, SOURCES
from cqs_sheets.core.templates.formulas import complaints, references
from cqs_sheets.core.templates.merging import EVERY_COLUMN, Include, Values, merged, own_tabs
from cqs_sheets.core.templates.pages_check import page_findings
from cqs_sheets.core.templates.template import ColumnKind
from cqs_sheets.core.toml import Finding, not_one_of
from cqs_sheets.core.toml.lines import Path
from cqs_sheets.patterns import regex

_TEXT_OR_REFERENCE = regex(r'"(?:[^"]|"")*"|\{[^{}]*\}')
_NAME_IN_FORMULA = regex(r"(?<![\w.{])[A-Za-z_][\w.]*(?![\w.]*\()")
_CONSTANTS = ("TRUE", "FALSE")
_LOOKS_LIKE_CELL = regex(r"(?i)[a-z]{1,3}[0-9]+|r[0-9]*c[0-9]*|[rc]|true|false")
_LONGEST_LIST = 255  # characters of all choices that Excel takes
_UNIQUE = ("id", "uid")
_OF_SIGNALS = ("tables", "where", "new_rows", "when_needed")
_OF_YOURS = ("spare_rows", "takes")
_KINDS = tuple(kind.value for kind in ColumnKind)


def findings(document: Values, *, include: Include) -> Iterator[Finding]:
    """Everything in this document that makes no sense, alone or with what it includes."""
    included: dict[str, Values] = {}
    for position, name in enumerate(document.get("include", ())):
        try:
            included[name] = include(name)
        except LookupError as missing:
            yield ("include", position), str(missing.args[0])
    known = {**document, "include": [name for name in document.get("include", ()) if name in included]}
    yield from _Document(known, included).findings()


class _Document:
    """One document and the whole it is part of."""

    def __init__(self, document: Values, included: Mapping[str, Values]) -> None:
        self._document = document
        whole = merged(document, included.__getitem__)
        others = [tab for each in included.values() for tab in each["tabs"]]
        self._own = own_tabs(document, others)
        self._included = {tab.get("name") for tab in others}
        self._formats: list[str] = list(whole["formats"])
        self._styles: list[str] = list(whole["styles"])
        self._colors: list[str] = [
            role for role, color in whole["theme"].items() if str(color).startswith("#")
        ]
        self._tabs: dict[str, Values] = {tab["name"]: tab for tab in whole["tabs"] if "name" in tab}
        self._columns = {name: _column_ids(tab) for name, tab in self._tabs.items()}
        self._cells = {name: _single_cells(tab) for name, tab in self._tabs.items()}
        self._settings = [row["name"] for tab in whole["tabs"] for _, row in _settings(tab) if "name" in row]

    def findings(self) -> Iterator[Finding]:
        written = list(self._document.get("tabs", ()))
        names = ((("tabs", at, "name"), tab.get("name", "")) for at, tab in enumerate(written))
        yield from _repeated(names, "tabs have the name")
        yield from self._volumes(written)
        for position, (tab, worked_out) in enumerate(zip(written, self._own, strict=True)):
            yield from self._tab(("tabs", position), tab, worked_out)
        yield from self._all_settings(written)
        for position, name in enumerate(self._document.get("order", ())):
            yield from _unknown(("order", position), name, self._tabs)

    def _volumes(self, written: Sequence[Values]) -> Iterator[Finding]:
        """Tabs that are called as another one is where it goes on: `Signals 2`."""
        places = {tab.get("name", "").lower(): ("tabs", at, "name") for at, tab in enumerate(written)}
        tables = {name.lower(): name for name in self._tabs}
        for name in self._tabs:
            base, _, number = name.lower().rpartition(" ")
            path = places.get(name.lower(), places.get(base))
            if path and base in tables and number.isdecimal() and int(number) > 1:
                yield (
                    path,
                    f'"{name}" is what "{tables[base]}" is called where it goes on: it needs another name',
                )

    def _tab(self, path: Path, tab: Values, worked_out: Values) -> Iterator[Finding]:
        kind = worked_out.get("kind")
        if "like" in tab:
            yield from self._likeness(path, tab)
        if kind == "table":
            yield from self._table(path, tab, worked_out)
        elif kind in ("blocks", "report"):
            yield from self._page(path, {key: value for key, value in tab.items() if key != "like"})
            yield from page_findings(path, worked_out, self._tabs, self._colors)

    def _likeness(self, path: Path, tab: Values) -> Iterator[Finding]:
        # it may be like the one that it replaces
        models = [name for name in self._tabs if name in self._included or name != tab.get("name")]
        yield from _unknown((*path, "like"), tab["like"], models)
        ids = self._columns.get(tab["like"], [])
        for position, column_id in enumerate(tab.get("without", ())):
            yield from _unknown((*path, "without", position), column_id, ids)

    def _table(self, path: Path, tab: Values, whole: Values) -> Iterator[Finding]:
        columns = [each for each in whole.get("columns", ()) if isinstance(each, Mapping)]
        ids = [each["id"] for each in columns if "id" in each]
        formulas = whole.get("formulas", {})
        if "like" in tab and not ids:
            yield path, "no column is left of the tab that this one is like"
        yield from self._columns_written(path, tab, formulas, ids)
        yield from self._headers(path, tab, columns)
        yield from _unfinished(path, tab, columns, formulas)
        yield from self._key(path, whole, columns)
        yield from _out_of_place(path, tab, whole)
        if "takes" in tab:
            yield from self._takes((*path, "takes"), tab["takes"], columns)
        if "print_to" in tab:
            yield from _unknown((*path, "print_to"), tab["print_to"], ids)
        for name in tab.get("where", {}):
            yield from _unknown((*path, "where", name), name, SOURCES)
        for column_id, text in formulas.items():
            at = path if column_id not in tab.get("formulas", {}) else (*path, "formulas", column_id)
            yield from _unknown(at, column_id, ids)
            yield from self._formula(at, text, ids)
        for position, rule in enumerate(tab.get("rules", ())):
            yield from self._rule((*path, "rules", position), rule, ids)

    def _takes(self, path: Path, takes: Values, columns: Iterable[Values]) -> Iterator[Finding]:
        """What another tab is taken from must be the user's choice there, and what was taken is noted there."""
        yours = [each["id"] for each in columns if each.get("input") and "id" in each]
        if "table" in takes:
            yield from _unknown((*path, "table"), takes["table"], yours)
        fed = {name: tab for name, tab in self._tabs.items() if tab.get("source") == "signals"}
        for name, column_id in takes.get("from", {}).items():
            at = (*path, "from", name)
            if name not in fed:
                yield from _unknown(at, name, fed, "tab of signals")
                continue
            there = {each.get("id"): each for each in fed[name].get("columns", ())}
            column = there.get(column_id, {})
            if column_id not in there:
                yield from _unknown(at, column_id, [str(each) for each in there], "column")
            elif not column.get("input"):
                yield at, f"`{column_id}` is not yours: a signal is taken by a column with input = true"
            elif takes.get("choice") not in column.get("choices", [takes.get("choice")]):
                yield (*path, "choice"), not_one_of(str(takes.get("choice")), column["choices"])
            if not any(each.get("calc") == JOURNALED for each in there.values()):
                yield at, f'the tab {name} needs a column with calc = "{JOURNALED}": it keeps what was taken'

    def _columns_written(
        self, path: Path, tab: Values, formulas: Mapping[str, str], ids: list[str]
    ) -> Iterator[Finding]:
        for position, column in enumerate(tab.get("columns", ())):
            if isinstance(column, Mapping):
                at = (*path, "columns", position)
                yield from self._column(at, column, formulas)
                if "formula" in column:
                    yield from self._formula((*at, "formula"), column["formula"], ids)

    def _column(self, path: Path, column: Values, formulas: Mapping[str, str]) -> Iterator[Finding]:
        said = [kind for kind in _KINDS if column.get(kind)]
        said += ["formula"] if column.get("id") in formulas and "formula" not in said else []
        if len(said) > 1:
            yield path, f"a column has one source, this one has {' and '.join(f'`{kind}`' for kind in said)}"
        yield from _source(path, column)
        yield from self._looks(path, column)
        if column.get("min", 0) > column.get("max", column.get("min", 0)):
            yield (*path, "min"), f"min {column['min']} is more than max {column['max']}"
        choices = column.get("choices", ())
        if choices and ("min" in column or "max" in column):
            yield (*path, "choices"), "choices say already what the cells take: leave out min and max"
        if len(",".join(choices)) > _LONGEST_LIST:
            yield (*path, "choices"), f"Excel takes choices of {_LONGEST_LIST} characters in all"

    def _looks(self, path: Path, column: Values) -> Iterator[Finding]:
        if "format" in column:
            yield from _unknown((*path, "format"), column["format"], self._formats)
        if not column.get("text", "#").startswith("#"):
            yield from _unknown((*path, "text"), column["text"], self._colors)

    def _headers(self, path: Path, tab: Values, columns: Iterable[Values]) -> Iterator[Finding]:
        """Ids that the tab itself says twice, and headers that any two of its columns have."""
        written = [each if isinstance(each, Mapping) else {} for each in tab.get("columns", ())]
        places = {each.get("id"): (*path, "columns", at) for at, each in enumerate(written)}
        ids = (((*path, "columns", at, "id"), str(each.get("id", ""))) for at, each in enumerate(written))
        headers = (
            (
                (*places[each.get("id")], "header") if each.get("id") in places else path,
                each.get("header", ""),
            )
            for each in columns
        )
        yield from _repeated(ids, "columns have the id")
        yield from _repeated(headers, "columns have the header")

    def _key(self, path: Path, tab: Values, columns: Iterable[Values]) -> Iterator[Finding]:
        if tab.get("source") != "signals":
            return
        keyed = {each.get("id"): each.get("field", each.get("calc")) for each in columns}
        if "key" not in tab:
            yield (*path, "key"), "a tab of signals needs `key`: the column by which its rows are found"
        elif tab["key"] not in keyed:
            yield from _unknown((*path, "key"), tab["key"], [each for each in keyed if each])
        elif keyed[tab["key"]] not in _UNIQUE:
            yield (
                (*path, "key"),
                'rows are found by the id: the key column needs field = "id" or calc = "uid"',
            )
        elif len(tab.get("tables", ())) > 1 and keyed[tab["key"]] != "uid":
            yield (*path, "key"), 'ids of the two tables may be the same: the key column needs calc = "uid"'

    def _rule(self, path: Path, rule: Values, ids: list[str]) -> Iterator[Finding]:
        for position, column_id in enumerate(rule.get("on", ())):
            yield from _unknown((*path, "on", position), column_id, [*ids, EVERY_COLUMN])
        if "style" in rule:
            yield from _unknown((*path, "style"), rule["style"], self._styles)
        when = rule.get("when", "")
        if any(tab for tab, _ in references(when)):
            yield (*path, "when"), "a rule can speak of its own row and of settings only"
        else:
            yield from self._formula((*path, "when"), when, ids)

    def _formula(self, path: Path, text: str, ids: Iterable[str]) -> Iterator[Finding]:
        for tab, name in references(text):
            if not tab:
                yield from _unknown(path, name, ids, "column")
            else:
                yield from self._reference(path, tab, name)
        yield from self._names_and_functions(path, text)

    def _names_and_functions(self, path: Path, text: str) -> Iterator[Finding]:
        for complaint in complaints(text, self._is_column):
            yield path, complaint
        for name in dict.fromkeys(_NAME_IN_FORMULA.findall(_TEXT_OR_REFERENCE.sub(" ", text))):
            if _LOOKS_LIKE_CELL.fullmatch(name) and name.upper() not in _CONSTANTS:
                yield path, f"`{name}` is a cell: write {{column}} for the cell of a column in the same row"
            elif name.upper() not in _CONSTANTS:
                yield from _unknown(path, name, self._settings, "setting")

    def _reference(self, path: Path, tab: str, name: str) -> Iterator[Finding]:
        if tab not in self._tabs:
            yield from _unknown(path, tab, self._tabs, "tab")
        else:
            yield from _unknown(path, name.removesuffix("@"), self._columns[tab], "column")

    def _is_column(self, tab: str, name: str) -> bool:
        return name not in self._cells.get(tab, ())

    def _page(self, path: Path, value: Any) -> Iterator[Finding]:  # noqa: ANN401 - any TOML value
        """Whole-column references and formats anywhere in a page or in blocks."""
        if isinstance(value, str) and value.startswith(("=", "{")):
            for tab, name in references(value):
                if tab:
                    yield from self._reference(path, tab, name)
            if value.startswith("="):
                yield from self._names_and_functions(path, value)
        elif isinstance(value, Mapping):
            if isinstance(value.get("format"), str):
                yield from _unknown((*path, "format"), value["format"], self._formats)
            for key, inner in value.items():
                yield from self._page((*path, key), inner)
        elif isinstance(value, list):
            for position, inner in enumerate(value):
                yield from self._page((*path, position), inner)

    def _all_settings(self, tabs: Iterable[Values]) -> Iterator[Finding]:
        rows: list[tuple[Path, Values]] = [
            (("tabs", at, *path), row) for at, tab in enumerate(tabs) for path, row in _settings(tab)
        ]
        for position, section in enumerate(self._document.get("settings", ())):
            each = enumerate(section.get("rows", ()))
            rows += [(("settings", position, "rows", at), row) for at, row in each]
        if self._document.get("settings") and not any(_settings(tab) for tab in self._tabs.values()):
            yield ("settings",), "there is no settings tab these rows could stand in: include one"
        counts = [name.lower() for name in self._settings]
        for path, row in rows:
            yield from self._setting(path, row, counts)

    def _setting(self, path: Path, row: Values, counts: list[str]) -> Iterator[Finding]:
        name = row.get("name", "")
        if counts.count(name.lower()) > 1:
            yield (*path, "name"), f'two settings have the name "{name}"'
        if _LOOKS_LIKE_CELL.fullmatch(name):
            yield (*path, "name"), f'"{name}" is the name of a cell: Excel takes no such name'
        if "value" in row and "formula" in row:
            yield path, "a setting has a `value` or a `formula`, not both"
        if "format" in row:
            yield from _unknown((*path, "format"), row["format"], self._formats)
        yield from self._formula((*path, "formula"), row.get("formula", ""), ())


def _unfinished(
    path: Path, tab: Values, columns: Iterable[Values], formulas: Mapping[str, str]
) -> Iterator[Finding]:
    """Columns that lack a header, or are filled by nothing, be it in the tab that this one is like."""
    own = list(enumerate(tab.get("columns", ())))
    written = {each.get("id"): position for position, each in reversed(own) if isinstance(each, Mapping)}
    for column in columns:
        id_ = column.get("id")
        at = (*path, "columns", written[id_]) if id_ in written else path
        if "header" not in column:
            yield at, "a column needs a `header`, the text above it"
        if id_ and id_ not in formulas and not any(column.get(kind) for kind in _KINDS):
            yield at, "nothing fills this column: give it `field`, `calc`, `formula` or `input = true`"


def _settings(tab: Values) -> list[tuple[Path, Values]]:
    if tab.get("kind") != "settings":
        return []
    return [
        (("sections", at, "rows", position), row)
        for at, section in enumerate(tab.get("sections", ()))
        for position, row in enumerate(section.get("rows", ()))
    ]


def _column_ids(tab: Values) -> list[str]:
    """What may stand behind `Tab.`: a table's column ids, a blocks tab's `block.column`."""
    columns = [each for each in tab.get("columns", ()) if isinstance(each, Mapping)]
    blocks = [
        f"{block.get('id')}.{column.get('id')}"
        for block in tab.get("blocks", ())
        for column in block.get("columns", ())
    ]
    return [*(each["id"] for each in columns if "id" in each), *blocks]


def _out_of_place(path: Path, tab: Values, whole: Values) -> Iterator[Finding]:
    """Settings that mean nothing for this kind of table."""
    fed = whole.get("source") == "signals"
    kind = 'tabs of your own rows (source = "")' if fed else 'tabs of signals (source = "signals")'
    for name in _OF_YOURS if fed else _OF_SIGNALS:
        if name in tab:
            yield (*path, name), f"`{name}` is for {kind}"


def _single_cells(tab: Values) -> list[str]:
    """Of what may stand behind `Tab.`, what is one cell: the columns of blocks of one row."""
    blocks = [block for block in tab.get("blocks", ()) if block.get("rows") == 1]
    return _column_ids({"blocks": blocks})


def _source(path: Path, column: Values) -> Iterator[Finding]:
    for kind, other in (("field", "calc"), ("calc", "field")):
        name = column.get(kind)
        if name is None or (kind == "field" and name.startswith(EXTRA)):
            continue
        known = SOURCES.get(name)
        if known is not None and known.kind != kind:
            yield (*path, kind), f'"{name}" is a {other}: write {other} = "{name}"'
        elif known is None:
            yield from _unknown(
                (*path, kind), name, [each.name for each in SOURCES.values() if each.kind == kind]
            )


def _unknown(path: Path, name: str, known: Iterable[str], what: str = "") -> Iterator[Finding]:
    names = list(dict.fromkeys(known))
    if name in names:
        return
    if not what:
        yield path, not_one_of(name, names)
        return
    near = nearest(name, names)
    asked = f": did you mean `{near}`?" if near else f"; known: {', '.join(names) or 'none'}"
    yield path, f"there is no {what} `{name}`{asked}"


def _repeated(named: Iterable[tuple[Path, str]], what: str) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, name in named:
        if name and name.lower() in seen:
            yield path, f'two {what} "{name}"'
        seen.add(name.lower())
