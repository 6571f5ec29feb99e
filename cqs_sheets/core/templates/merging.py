"""Template documents put together: what a file includes, and tabs made like other tabs.

Documents are TOML as Python values. A merged document has its includes, its `like` tabs, its groups
and its extra settings worked in, so that nothing in it speaks of another document any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from cqs_sheets.core.templates.formulas import references

Values = Mapping[str, Any]
Include = Callable[[str], Values]
"""From a name in `include` to that document, merged; a LookupError says why there is none."""

EVERY_COLUMN = "*"
_SHARED = ("theme", "styles", "formats")


def merged(document: Values, include: Include) -> dict[str, Any]:
    """The document with its includes. Its own tables, formats and tabs go before theirs of the same name.

    Tabs stand in the order of `order`, then its own, then the included ones.
    """
    whole: dict[str, Any] = {"tabs": [], **{part: {} for part in _SHARED}}
    for name in document.get("include", ()):
        included = include(name)
        for part in _SHARED:
            whole[part] |= included[part]
        whole["tabs"] = [*whole["tabs"], *included["tabs"]]
    for part in _SHARED:
        whole[part] |= document.get(part, {})
    own = own_tabs(document, whole["tabs"])
    names = {_name(each) for each in own}
    tabs = [*own, *(tab for tab in whole["tabs"] if _name(tab) not in names)]
    whole["tabs"] = _ordered(_with_settings(tabs, document.get("settings", ())), document.get("order", ()))
    return {**{key: document[key] for key in ("name", "title", "outcomes") if key in document}, **whole}


def own_tabs(document: Values, included: Sequence[Values]) -> list[dict[str, Any]]:
    """The tabs that a document itself says, worked out, in its order."""
    own: list[dict[str, Any]] = []
    theirs, ours = {_name(each): each for each in reversed(included)}, dict[str | None, Values]()
    for tab in document.get("tabs", ()):
        like = tab.get("like")
        model = None if like is None else ours.get(like, theirs.get(like))
        own.append(_table(tab) if model is None else _like(model, tab))
        ours.setdefault(_name(tab), own[-1])
    return own


def _name(tab: Values) -> str | None:
    name: str | None = tab.get("name")
    return name


def _table(tab: Values) -> dict[str, Any]:
    return {**tab, "columns": _grouped(tab["columns"])} if _has_columns(tab) else dict(tab)


def _has_columns(tab: Values) -> bool:
    """Whether `columns` are a table's (those of a settings tab are widths)."""
    return all(isinstance(column, Mapping) for column in tab.get("columns", [None]))


def _grouped(columns: Iterable[Values]) -> list[dict[str, Any]]:
    """The columns, each with the group it belongs to."""
    group, found = "", []
    for column in columns:
        group = column.get("group", group)
        found.append({**column, "group": group})
    return found


def _like(model: Values, tab: Values) -> dict[str, Any]:
    """A tab made like another: without some columns, with others changed or added.

    A rule goes with the columns it is for, or that it speaks of.
    """
    left_out = set(tab.get("without", ()))
    columns = {each["id"]: each for each in _named_columns(model) if each["id"] not in left_out}
    for column in _named_columns(tab):
        known = columns.get(column["id"], {})
        columns[column["id"]] = {"group": _last_group(columns), **known, **column}
    formulas = {**model.get("formulas", {}), **tab.get("formulas", {})}
    inherited = [rule for each in model.get("rules", ()) if (rule := _kept(each, columns))]
    return {
        **model,
        **{key: value for key, value in tab.items() if key not in ("like", "without")},
        "columns": list(columns.values()),
        "formulas": {key: text for key, text in formulas.items() if key not in left_out},
        "rules": [*inherited, *tab.get("rules", ())],
    }


def _named_columns(tab: Values) -> list[Values]:
    return [each for each in tab.get("columns", ()) if isinstance(each, Mapping) and "id" in each]


def _last_group(columns: Mapping[str, Values]) -> str:
    return next((column.get("group", "") for column in reversed(list(columns.values()))), "")


def _kept(rule: Values, columns: Mapping[str, Values]) -> dict[str, Any] | None:
    on = [each for each in rule.get("on", ()) if each in columns or each == EVERY_COLUMN]
    spoken_of = {name for _, name in references(rule.get("when", ""))}
    return {**rule, "on": on} if on and spoken_of <= set(columns) else None


def _with_settings(tabs: Sequence[Values], extra: Sequence[Values]) -> list[Values]:
    """The tabs with more rows in the first settings tab.

    They go below those of the section of that title, or into a new one before those that the sync writes.
    """
    at = next((position for position, tab in enumerate(tabs) if tab.get("kind") == "settings"), None)
    if at is None or not extra:
        return list(tabs)
    sections = list(tabs[at].get("sections", ()))
    for each in extra:
        title, rows = each.get("section", ""), each.get("rows", ())
        known = next((section for section in sections if section.get("title", "") == title), None)
        if known is None:
            sections.append({"title": title, "rows": [*rows]})
        else:
            sections[sections.index(known)] = {**known, "rows": [*known.get("rows", ()), *rows]}
    sections.sort(key=lambda section: bool(section.get("sync")))
    return [*tabs[:at], {**tabs[at], "sections": sections}, *tabs[at + 1 :]]


def _ordered(tabs: Sequence[Values], order: Sequence[str]) -> list[Values]:
    return sorted(tabs, key=lambda tab: order.index(_name(tab)) if _name(tab) in order else len(order))
