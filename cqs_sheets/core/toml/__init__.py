"""TOML files that people write: every mistake at once, with its line and the nearest right name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, NamedTuple

from cqs_sheets.core.signals.exchanges import nearest
from cqs_sheets.core.toml.lines import Path, line_at, lines_by_path
from cqs_sheets.patterns import regex

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError


_DURATION = regex(r"(?=.)(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,5})m)?(?:([0-9]{1,5})s)?")
_UNIT_SECONDS = (86400, 3600, 60, 1)
DURATION_WORDS = 'a duration such as "30s", "60m" or "5h50m", or 0'


def duration(text: str | int) -> int:
    """Seconds of a duration such as "30s", "60m", "5h50m", "1d" or 0; raises ValueError."""
    if str(text) == "0":
        return 0
    found = _DURATION.fullmatch(str(text))
    if not found:
        raise ValueError(f"expected {DURATION_WORDS}, found {quoted(text)}")
    return sum(int(count or 0) * unit for count, unit in zip(found.groups(), _UNIT_SECONDS, strict=True))


def duration_text(seconds: int) -> str:
    """The shortest text of one unit or several that `duration` reads back: 86400 is "1d", 5400 "1h30m"."""
    told = ""
    for unit, letter in zip(_UNIT_SECONDS, "dhms", strict=True):
        count, seconds = divmod(seconds, unit)
        told += f"{count}{letter}" if count else ""
    return told or "0"


_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
}
_LONGEST_SHOWN = 60
_MOST_ALLOWED = 40  # of the values that are allowed in a place
_MOST_TOLD = 100  # problems
_CONTROL = regex(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")

Finding = tuple[Path, str]
"""The path of a value (also of one that is missing or unknown), and the sentence about it."""


def explain(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Finding]:
    """Every break of the schema; one may come twice."""
    errors = list(_errors(document, schema))
    mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
    for error in errors:
        if error.validator == "type" or tuple(error.absolute_path) not in mistyped:
            yield from _findings(error)


def quoted(value: object) -> str:
    """A value as it would stand in TOML, shortened, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'"{plain(value)}"'
    return "a table" if isinstance(value, Mapping) else "a list" if isinstance(value, list) else str(value)


def plain(text: str) -> str:
    """A text shortened and with its control characters spelt out, so that it cannot upset a terminal."""
    short = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"
    return _CONTROL.sub(lambda found: f"\\u{ord(found.group()):04x}", short)


def not_one_of(value: object, allowed: Sequence[object]) -> str:
    """The sentence for a value outside a list of allowed ones, with the nearest of them."""
    texts = [item for item in allowed if isinstance(item, str)]
    near = nearest(value, texts) if isinstance(value, str) else None
    asked = f": did you mean {quoted(near)}?" if near else ""
    told = ", ".join(quoted(item) for item in allowed[:_MOST_ALLOWED])
    return (
        f"{quoted(value)} is not known here{asked}; allowed: {told}{', …' * (len(allowed) > _MOST_ALLOWED)}"
    )


def unknown_key(name: str, known: Sequence[str]) -> str:
    """The sentence for a key that nothing reads, with the nearest known one, or all of them."""
    near = nearest(name, known)
    shown = plain(name)
    if near:
        return f"unknown key `{shown}`: did you mean `{near}`?"
    return f"unknown key `{shown}`; known here: {', '.join(f'`{key}`' for key in known) or 'none'}"


def _errors(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Breaks of the schema, with TOML's stricter numbers: 1.0 is not a whole number, nan and inf are none."""
    from jsonschema import Draft202012Validator, validators  # noqa: PLC0415 - slow to import

    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and math.isfinite(value),
        }
    )
    strict: Any = validators.extend(Draft202012Validator, type_checker=checker)  # type: ignore[no-untyped-call]
    yield from islice(strict(schema).iter_errors(document), 2 * _MOST_TOLD)


def _findings(error: ValidationError) -> Iterator[Finding]:
    path: Path = tuple(error.absolute_path)
    value: Any = error.instance
    limit: Any = error.validator_value
    schema = error.schema if isinstance(error.schema, Mapping) else {}
    rule = str(error.validator)
    if rule in ("anyOf", "oneOf") and error.context and "title" not in schema:
        yield from _closest_branch(error)
    elif rule == "additionalProperties" and limit is False:
        known = list(schema.get("properties", {}))
        yield from (((*path, name), unknown_key(name, known)) for name in _extra_keys(value, schema))
    elif rule == "required":
        yield from (((*path, name), f"missing key `{name}`") for name in limit if name not in value)
    elif rule in _SENTENCES and (rule in _PLAIN or "title" not in schema):
        yield path, _SENTENCES[rule](value, limit)
    elif "title" in schema:
        yield path, f"expected {schema['title']}, found {quoted(value)}"
    else:
        yield path, schema.get("description", f"{quoted(value)} cannot stand here")


def _extra_keys(table: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    patterns = schema.get("patternProperties", {})
    for name in table:
        if name not in schema.get("properties", {}) and not any(re.search(one, name) for one in patterns):
            yield name


def _closest_branch(error: ValidationError) -> Iterator[Finding]:
    """The problems with the alternative that the value comes nearest to."""
    context = sorted(error.context or (), key=_branch)
    branches = [list(errors) for _, errors in groupby(context, key=_branch)]
    kinds = [kind for errors in branches for kind in _wrong_kinds(errors, error.absolute_path)]
    if len(kinds) >= len(branches):
        yield tuple(error.absolute_path), _wrong_type(error.instance, kinds)
        return
    for nearer in min(branches, key=_distance):
        yield from _findings(nearer)


def _branch(error: ValidationError) -> int:
    return int(error.relative_schema_path[0])


def _wrong_kinds(errors: Iterable[ValidationError], path: Iterable[str | int]) -> list[str]:
    """The types that an alternative wanted of the value itself; none if that was not its trouble."""
    here = list(path)
    wanted: list[Any] = [
        error.validator_value
        for error in errors
        if error.validator == "type" and list(error.absolute_path) == here
    ]
    return [kind for kinds in wanted for kind in _listed(kinds)]


def _distance(errors: Sequence[ValidationError]) -> tuple[int, int]:
    """Wrong types and wrong constants of the value or just inside it weigh more than anything deeper."""
    heavy = {("type", 0), ("const", 0), ("const", 1), ("enum", 0)}
    weighty = sum((str(error.validator), len(error.relative_path)) in heavy for error in errors)
    return weighty, len(errors)


def _listed(kinds: str | Sequence[str]) -> Sequence[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _wrong_type(value: object, kinds: str | Sequence[str]) -> str:
    names = [_KINDS[kind] for kind in dict.fromkeys(_listed(kinds))]
    mend = ""
    if names == ["a list"] and isinstance(value, str | int | float):
        mend = f": write [{quoted(value)}]"
    elif names == ["text"] and isinstance(value, int | float) and not isinstance(value, bool):
        mend = f': write "{value}"'
    return f"expected {' or '.join(names)}, found {quoted(value)}{mend}"


def _bound(words: str) -> Callable[[Any, Any], str]:
    return lambda value, limit: f"{quoted(value)} is out of range: {words} {limit}"


_SENTENCES: dict[str, Callable[[Any, Any], str]] = {
    "type": _wrong_type,
    "enum": not_one_of,
    "const": lambda value, wanted: not_one_of(value, [wanted]),
    "minimum": _bound("the nearest allowed value is"),
    "maximum": _bound("the nearest allowed value is"),
    "exclusiveMinimum": _bound("it must be greater than"),
    "exclusiveMaximum": _bound("it must be less than"),
    "multipleOf": _bound("it must be a multiple of"),
    "minItems": lambda value, limit: (
        "the list is empty" if not value else f"expected at least {limit} items, found {len(value)}"
    ),
    "maxItems": lambda value, limit: f"expected at most {limit} items, found {len(value)}",
    "uniqueItems": lambda value, _: f"{quoted(_repeated(value))} stands twice in the list",
    "minLength": lambda value, limit: (
        "the text is empty" if not value else f"expected at least {limit} characters, found {quoted(value)}"
    ),
    "maxLength": lambda value, limit: f"expected at most {limit} characters, found {len(value)}",
    "minProperties": lambda value, limit: f"expected at least {limit} keys, found {len(value)}",
    "maxProperties": lambda value, limit: f"expected at most {limit} keys, found {len(value)}",
}
_PLAIN = {"minItems", "uniqueItems", "minLength", "minimum", "maximum"}
"""Rules whose own sentence says more than the title of the schema."""


def _repeated(items: Sequence[object]) -> object:
    return next(item for position, item in enumerate(items) if item in items[:position])


_POSITION = regex(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
_SYNTAX_HINTS = {
    "Invalid value": "what stands after `=` is not a value: text needs quotes, true and false are lower case",
    "Unterminated string": "the text is not closed: its last quote is missing",
    "Illegal character": "the text is not closed on its line, or holds a control character",
    "Unclosed array": "the list is not closed: `]` or a comma is missing",
    "Unclosed inline table": "the table is not closed: `}` or a comma is missing",
    "Expected '=' after a key": "expected `name = value`, or `[name]` for a table",
    "Invalid statement": "expected `name = value`, or `[name]` for a table",
    "Invalid initial character for a key": "expected `name = value`, or `[name]` for a table",
    "Expected newline or end of document": "something stands after the end of the value",
    "Unescaped '\\' in a string": "a backslash in double quotes must be doubled, in single quotes not",
    "Cannot overwrite a value": "the same key stands twice in one table",
    "Duplicate inline table key": "the same key stands twice in one table",
    "Exceeds the limit": "a number has too many digits",
    "Cannot declare": "the same table stands twice",
}


class Problem(NamedTuple):
    """One thing to mend: its line (from 1), the table or value it is in ("" at the top), what is wrong."""

    line: int
    where: str
    message: str


class TomlProblems(Exception):
    """A document that cannot be used, with everything that is wrong with it, by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        found = sorted(problems, key=lambda problem: (problem.line, problem.where))
        if len(found) > _MOST_TOLD:
            rest = Problem(found[_MOST_TOLD].line, "", f"more from here on; the first {_MOST_TOLD} are told")
            found[_MOST_TOLD:] = [rest]
        self.problems = tuple(found)
        super().__init__("\n".join(_told(problem) for problem in self.problems))


Further = Callable[[Mapping[str, Any]], Iterable[Finding]]
"""Rules that a schema cannot say. Gets the document without the keys whose values break the schema.

What it says of a table as a whole that lacks such a key is not told: it may be a consequence.
"""


def check(text: str, schema: Mapping[str, Any], further: Further = lambda _: ()) -> dict[str, Any]:
    """The document as Python values, if it is TOML and keeps schema and rules; else raises TomlProblems."""
    try:
        document = _parsed(text)
        lines = lines_by_path(text)
        findings = set(explain(document, schema))
        broken = {_key_of(path) for path, _ in findings}
        tables = {path[:-1] for path in broken}
        findings.update(each for each in further(_without(document, broken)) if each[0] not in tables)
    except RecursionError:
        raise TomlProblems([Problem(1, "", "lists or tables are nested too deeply")]) from None
    if findings:
        raise TomlProblems(problem_at(lines, path, message) for path, message in findings)
    return document


def problem_at(lines: Mapping[Path, int], path: Path, message: str) -> Problem:
    """A problem with the value at `path`, where `lines` is what lines.py says of the document."""
    return Problem(line_at(lines, path), place(path), message)


def place(path: Path) -> str:
    """A path in a reader's words, lists counted from 1: `feed 2 > exchange 1`."""
    words = ""
    for step in path:
        words += f" {step + 1}" if isinstance(step, int) else f" > {plain(step)}" if words else plain(step)
    return words


def describe(problems: Iterable[Problem], source: str) -> str:
    """All problems, one a line, under the name of the document they are in."""
    told = [f"  {_told(problem)}" for problem in problems]
    return "\n".join([f"{source} has {len(told)} problem{'s' if len(told) > 1 else ''}:", *told])


_MANY_PARTS = regex(r"""(?:(?<![\w-])(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""")


def _parsed(text: str) -> dict[str, Any]:
    if found := _MANY_PARTS.search(
        text
    ):  # each part is a table in a table: a short text would fill the memory
        line = text.count("\n", 0, found.start()) + 1
        raise TomlProblems([Problem(line, "", "a key of more than 100 parts: tables are nested too deeply")])
    import tomllib  # noqa: PLC0415 - many run without a config

    try:
        return tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, and int() on a number of thousands of digits
        raise TomlProblems([_syntax_problem(text, str(error))]) from None


def _without(value: Any, dropped: set[Path], here: Path = ()) -> Any:  # noqa: ANN401 - any TOML value
    """A copy that lacks the keys at these paths."""
    if isinstance(value, dict):
        paths = {key: (*here, key) for key in value}
        return {
            key: _without(value[key], dropped, path) for key, path in paths.items() if path not in dropped
        }
    if isinstance(value, list):
        return [_without(item, dropped, (*here, position)) for position, item in enumerate(value)]
    return value


def _key_of(path: Path) -> Path:
    """The path of the key whose list, or list of lists, the value at `path` stands in; else the path."""
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _told(problem: Problem) -> str:
    return f"line {problem.line}{f' ({problem.where})' if problem.where else ''}: {problem.message}"


def _syntax_problem(text: str, message: str) -> Problem:
    position = _POSITION.search(message)
    said = message[: position.start()] if position else message
    line = text.rstrip().count("\n") + 1
    if position and position["line"]:
        line = int(position["line"])
    hint = next((hint for start, hint in _SYNTAX_HINTS.items() if said.startswith(start)), "")
    return Problem(line, "", f"not valid TOML: {hint or said[:1].lower() + said[1:]}")
