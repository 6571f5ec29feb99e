"""What a config file must keep beyond its schema: names that exist, zones, filters, places.

Every rule takes a document of which the values that break the schema are already gone.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path as Folder
from typing import Any

from cqs_sheets.config.settings import DEFAULT_FEED, path_problem, place_at, place_problem
from cqs_sheets.config.values import problem_of, symbol_findings, url_problem, zone
from cqs_sheets.core.cells import CellType, key_text
from cqs_sheets.core.signals.exchanges import DIRECTIONS, TYPES, nearest
from cqs_sheets.core.signals.fields import SOURCES
from cqs_sheets.core.signals.query import currency_problem, exchange_problem, type_problem
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.core.toml import Finding, duration, not_one_of, quoted
from cqs_sheets.core.toml.lines import Path
from cqs_sheets.patterns import regex

_Problems = Mapping[str, Callable[[Any], str | None]]
_FILTERS: _Problems = {"exchange": exchange_problem, "currency": currency_problem, "type": type_problem}
_CLOSED_LISTS: Mapping[str, Sequence[str]] = {
    "direction": DIRECTIONS,
    "type": TYPES,
    "table": [table.value for table in FeedTable],
}
_BOUNDED = ("risk", "leverage")
BOUNDS = frozenset(f"{side}_{name}" for side in ("min", "max") for name in _BOUNDED)
"""What `where` can bound."""

_VARIABLE = regex(r"[A-Za-z_][A-Za-z0-9_]*")
ADDRESS = ("to", "to_env", "to_file", "to_command")
"""The ways to say where an alert goes."""


def broken_rules(document: Mapping[str, Any], folder: Folder) -> Iterator[Finding]:
    """Every broken rule of a config file that lies in `folder`."""
    yield from _value_findings(document, (), {"timezone": _zone_problem})
    yield from _api_findings(document.get("api", {}))
    yield from _value_findings(document.get("google", {}), ("google",), {"credentials_file": path_problem})
    feeds, targets = document.get("feed", []), document.get("target", [])
    yield from _repeats("feed", "name", [feed.get("name") for feed in feeds])
    yield from _repeats("target", "to", [_identity(target.get("to"), folder) for target in targets])
    for position, feed in enumerate(feeds):
        yield from _filter_findings(feed, ("feed", position))
    yield from symbol_findings(document.get("symbols", {}))
    yield from _outcomes_findings(document.get("outcomes", {}))
    names = [feed.get("name") for feed in feeds] or [DEFAULT_FEED]
    alerts = document.get("alert", [])
    yield from _repeats("alert", "name", [alert.get("name") for alert in alerts])
    for position, alert in enumerate(alerts):
        yield from _alert_findings(alert, ("alert", position))
    for position, target in enumerate(targets):
        yield from _target_findings(target, ("target", position))
        if None not in names:
            yield from _unknown_feeds(target.get("feeds", []), names, ("target", position, "feeds"))


def _listed(value: object) -> list[Any]:
    """A value or a list of values, as a list."""
    return value if isinstance(value, list) else [value]


def _value_findings(table: Mapping[str, Any], path: Path, problems: _Problems) -> Iterator[Finding]:
    """What is wrong with single values of a table."""
    for name, problem in problems.items():
        if name in table:
            yield from _told((*path, name), problem(table[name]))


def _api_findings(api: Mapping[str, Any]) -> Iterator[Finding]:
    yield from _value_findings(api, ("api",), _API)
    named = [name for name in ("key_env", "key_file", "key_command") if name in api]
    if len(named) > 1:
        yield ("api", named[-1]), f"{' and '.join(named)} all name the key: keep one of them"


def _command_problem(command: str | Sequence[str]) -> str | None:
    try:
        words = command_words(command)
    except ValueError as error:
        return f"the command cannot be split into words: {str(error).lower()}"
    return None if words and words[0] else "the command is empty"


def command_words(command: str | Sequence[str]) -> list[str]:
    """A command as its words, split as a shell would; raises ValueError for an open quotation."""
    if not isinstance(command, str):
        return list(command)
    words = shlex.shlex(command, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters = True, ""
    words.escape = "" if os.name == "nt" else words.escape  # a backslash parts folders there
    return list(words)


def _filter_findings(feed: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    for name, problem in _FILTERS.items():
        for position, text in enumerate(feed.get(name, [])):
            yield from _told((*path, name, position), problem(text))


def _target_findings(target: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    yield from _value_findings(target, path, _TARGET)
    titles = [str(title).casefold() for title in target.get("tabs", {}).values()]
    if len(set(titles)) < len(titles):
        yield (*path, "tabs"), "two tabs are given the same sheet: it can be one of them only"
    yield from _where_findings(target.get("where", {}), path)


def _where_findings(where: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    for name in where:
        for item in _listed(where[name]):
            yield from _told((*path, "where", name), _where_problem(name, item))
    for name in _BOUNDED:
        least, most = where.get(f"min_{name}"), where.get(f"max_{name}")
        if least is not None and most is not None and least > most:
            yield (
                (*path, "where", f"max_{name}"),
                f"max_{name} {most} is below min_{name} {least}: nothing passes",
            )


def _alert_findings(alert: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    ways = [name for name in ADDRESS if name in alert]
    if not ways:
        yield path, 'nobody is named: give it one of to_env, to_file and to_command, or to = "desktop"'
    for name in ways[1:]:
        yield (*path, name), f"{ways[0]} and {name} both say where it goes: keep one of them"
    if alert.get("to", "desktop") != "desktop":
        yield (
            (*path, "to"),
            'only "desktop" can stand here: an address is a secret, name it with to_env (not shown)',
        )
    if not _VARIABLE.fullmatch(alert.get("to_env", "A")):
        yield (*path, "to_env"), "expected the name of an environment variable (what was found is not shown)"
    yield from _value_findings(alert, path, _ALERT)
    begin, _, end = alert.get("quiet", "00:00-07:00").partition("-")
    if begin == end:
        yield (*path, "quiet"), "it begins when it ends: the whole day would be quiet"
    yield from _where_findings(alert.get("where", {}), path)


def _where_problem(name: str, item: object) -> str | None:
    if name in _CLOSED_LISTS:
        allowed = _CLOSED_LISTS[name]
        known = isinstance(item, str) and item.strip().casefold() in map(str.casefold, allowed)
        return None if known else not_one_of(item, allowed)
    if name in ("exchange", "currency"):
        return _FILTERS[name](str(item))
    if name in SOURCES and SOURCES[name].type is CellType.NUMBER and not _is_number(item):
        return f"expected a number, found {quoted(item)}"
    return None


def _is_number(item: object) -> bool:
    try:
        return Decimal(str(item)).is_finite()
    except InvalidOperation:
        return False


def _unknown_feeds(wanted: Sequence[str], names: Sequence[str], path: Path) -> Iterator[Finding]:
    for position, name in enumerate(wanted):
        if name not in names:
            near = nearest(name, names)
            known = (
                f"did you mean {quoted(near)}?"
                if near
                else f"feeds here: {', '.join(map(quoted, names)) or 'none'}"
            )
            yield (*path, position), f"there is no feed {quoted(name)}: {known}"


def _outcomes_findings(outcomes: Mapping[str, Any]) -> Iterator[Finding]:
    from cqs_sheets.core.outcomes.rules import broken_rules  # noqa: PLC0415 - for configs that judge

    yield from broken_rules(outcomes, ("outcomes",))
    yield from _value_findings(outcomes, ("outcomes",), {"prices_every": _duration_problem})
    for code, other in outcomes.get("candles_from", {}).items():
        for named in (code, other):
            yield from _told(("outcomes", "candles_from", code), exchange_problem(named))


def _repeats(kind: str, key: str, names: Sequence[str | None]) -> Iterator[Finding]:
    for position, name in enumerate(names):
        if name is not None and name in names[:position]:
            yield (
                (kind, position, key),
                f"the same as in {kind} {names.index(name) + 1}: each {kind} stands once",
            )


def _identity(to: str | None, folder: Folder) -> str | None:
    return None if to is None or place_problem(to) else place_at(to, folder).identity


def _told(path: Path, problem: str | None) -> Iterator[Finding]:
    if problem:
        yield path, problem


def where_values(table: Mapping[str, Any]) -> dict[str, object]:
    """A checked `where` as `core.plan.rows.passes` takes it."""
    return {
        name: Decimal(str(value)) if name in BOUNDS else tuple(_text(item) for item in _listed(value))
        for name, value in table.items()
    }


def _text(item: str | float) -> str:
    return item.strip() if isinstance(item, str) else key_text(Decimal(str(item))) or ""


_zone_problem, _duration_problem = partial(problem_of, zone), partial(problem_of, duration)
_API: _Problems = {
    "server_timezone": _zone_problem, "url": url_problem, "key_file": path_problem, "key_command": _command_problem,
    "retry_for": _duration_problem,
}  # fmt: skip
_TARGET: _Problems = {
    "to": place_problem, "template": path_problem, "heartbeat": _duration_problem, "lock_wait": _duration_problem,
}  # fmt: skip
_ALERT: _Problems = {
    "to_file": path_problem, "to_command": _command_problem, "digest": _duration_problem,
}  # fmt: skip
