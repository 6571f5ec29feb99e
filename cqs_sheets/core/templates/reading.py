"""Templates written as TOML: from the text of a file to a template.Template.

The format is described by templates/template.schema.json; what no schema can say (a formula that
speaks of a column that is not there, two columns of one header) is checked by checking.py.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from cqs_sheets.core.cells import CellType
from cqs_sheets.core.signals.fields import source
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.core.templates import template as model
from cqs_sheets.core.templates.merging import EVERY_COLUMN, Include, Values, merged
from cqs_sheets.core.toml import check
from cqs_sheets.values import replace

_SOURCES = {model.ColumnKind.FIELD: "field", model.ColumnKind.CALC: "calc"}


def read_document(text: str, *, include: Include, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """The document with its includes, checked against the schema and for sense.

    Raises toml.TomlProblems with everything that is wrong. Without a schema the text is
    taken as known to be good.
    """
    if schema is None:
        return merged(tomllib.loads(text), include)

    from cqs_sheets.core.templates.checking import findings  # noqa: PLC0415 - for templates of the user's own

    return merged(check(text, schema, partial(findings, include=include)), include)


def template_of(document: Values, *, name: str) -> model.Template:
    """The template a checked document stands for; `name` is what it is called if it does not say."""
    build = _Builder(document)
    name = document.get("name", name)
    tabs = [build.tab(tab) for tab in document["tabs"]]
    asked = {
        (fed, column)
        for tab in tabs
        if isinstance(tab, model.TableTab) and tab.takes
        for fed, column in tab.takes.by.items()
    }
    return model.Template(
        name=name,
        title=document.get("title", name),
        tabs=tuple(_looked_at(tab, asked) if isinstance(tab, model.TableTab) else tab for tab in tabs),
        theme=build.theme,
    )


def _looked_at(tab: model.TableTab, asked: Collection[tuple[str, str]]) -> model.TableTab:
    """The tab with the columns marked by which another one takes signals."""
    columns = (replace(each, looked_at=(tab.name, each.id) in asked) for each in tab.columns)
    return replace(tab, columns=tuple(columns))


class _Builder:
    """Turns tables of a document into the model, knowing the document's formats and styles."""

    def __init__(self, document: Values) -> None:
        theme = dict(document["theme"])
        self._font = {key: theme.pop(key) for key in ("font", "size") if key in theme}
        self.theme = model.Theme(colors=theme, **self._font)
        self._formats = {name: model.CellFormat(**table) for name, table in document["formats"].items()}
        self._styles = {name: model.TextStyle(**table) for name, table in document["styles"].items()}

    def tab(self, tab: Values) -> model.Tab:
        name, kind = tab["name"], tab["kind"]
        if kind == "table":
            return self._table(tab)
        if kind == "settings":
            widths = {"widths": tuple(tab["columns"])} if "columns" in tab else {}
            return model.SettingsTab(name=name, sections=tuple(map(self._section, tab["sections"])), **widths)

        from cqs_sheets.core.templates.pages_check import blocks_tab, report_tab  # noqa: PLC0415 - for pages

        if kind == "blocks":
            return blocks_tab(tab, self._formats)
        return report_tab(tab, self._formats, self._styles)

    def _table(self, tab: Values) -> model.TableTab:
        columns = tuple(self._column(column, tab.get("formulas", {})) for column in tab["columns"])
        rules = tuple(self._rule(rule, columns) for rule in tab.get("rules", ()))
        given = {
            key: tab[key] for key in ("when_needed", "new_rows", "spare_rows", "print_to", "filter", "plain", "native")
            if key in tab
        }  # fmt: skip
        return model.TableTab(
            name=tab["name"],
            columns=tuple(_with_notes_of(rules, column) for column in columns),
            key=tab.get("key", columns[0].id),
            fed=tab.get("source") == "signals",
            tables=frozenset(map(FeedTable, tab.get("tables", [FeedTable.MAIN]))),
            where={field: _listed(allowed) for field, allowed in tab.get("where", {}).items()},
            freeze_columns=tab.get("freeze", {}).get("columns", 0),
            rules=rules,
            takes=_takes(tab["takes"]) if "takes" in tab else None,
            **given,
        )

    def _column(self, column: Values, formulas: Mapping[str, str]) -> model.Column:
        kind = next(_kinds(column, formulas))
        fed_by = column.get(_SOURCES.get(kind, ""), "")
        same = ("id", "header", "group", "width", "note", "bold", "hidden", "link", "min", "max")
        color = column.get("text", "")
        return model.Column(
            kind=kind,
            source=fed_by,
            formula=column.get("formula", formulas.get(column["id"], "")),
            format=self._formats.get(column.get("format", ""), model.CellFormat()),
            choices=tuple(column.get("choices", ())),
            text=self.theme.colors.get(color, color),
            type=source(fed_by).type if fed_by else CellType.TEXT,
            **{key: column[key] for key in same if key in column},
        )

    def _rule(self, rule: Values, columns: tuple[model.Column, ...]) -> model.Rule:
        every = EVERY_COLUMN in rule["on"]
        on = tuple(column.id for column in columns) if every else tuple(rule["on"])
        return model.Rule(
            on=on, when=rule["when"], style=self._styles[rule["style"]], note=rule.get("note", "")
        )

    def _section(self, section: Values) -> model.SettingsSection:
        synced = section.get("sync", False)
        settings = (self._setting(row, synced=synced) for row in section["rows"])
        return model.SettingsSection(title=section["title"], settings=tuple(settings))

    def _setting(self, row: Values, *, synced: bool) -> model.Setting:
        given = {key: row[key] for key in row if key != "format"}
        return model.Setting(
            **given, format=self._formats.get(row.get("format", ""), model.CellFormat()), synced=synced
        )


def _takes(takes: Values) -> model.Takes:
    return model.Takes(choice=takes["choice"], by=dict(takes["from"]), table=takes.get("table", ""))


def _with_notes_of(rules: Iterable[model.Rule], column: model.Column) -> model.Column:
    """The column with what its rules mean in its note, where a reader of the sheet finds it."""
    notes = [column.note, *(rule.note for rule in rules if column.id in rule.on)]
    return replace(column, note="\n".join(dict.fromkeys(filter(None, notes))))


def _kinds(column: Values, formulas: Mapping[str, str]) -> Iterator[model.ColumnKind]:
    """The kinds a column says it is: one, if it is a good column."""
    yield from (kind for kind in model.ColumnKind if column.get(kind.value))
    if column.get("id") in formulas:
        yield model.ColumnKind.FORMULA


def _listed(allowed: str | list[str]) -> tuple[str, ...]:
    return (allowed,) if isinstance(allowed, str) else tuple(allowed)
