"""A TOML document checked against a JSON Schema: every problem at once, each with its line.

A schema may say in `title` what a value should be ("a duration such as 30s"): it is used instead
of the rule's own words. A value that must not be there is `{"not": {}, "description": reason}`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cqs_sheets.core.toml.lines import Path, line_at, lines_by_path
from cqs_sheets.core.toml.words import Finding, explain, plain

_POSITION = re.compile(r" \(at (?:line (?P<line>\d+), column \d+|end of document)\)$")
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


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: its line (from 1), the table or value it is in ("" at the top), what is wrong."""

    line: int
    where: str
    message: str


class TomlProblems(Exception):
    """A document that cannot be used, with everything that is wrong with it, by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.where)))
        super().__init__("\n".join(_told(problem) for problem in self.problems))


Further = Callable[[Mapping[str, Any]], Iterable[Finding]]
"""Rules that a schema cannot say. Gets the document without the keys whose values break the schema."""


def check(text: str, schema: Mapping[str, Any], further: Further = lambda _: ()) -> dict[str, Any]:
    """The document as Python values, if it is TOML and keeps schema and rules; else raises TomlProblems."""
    try:
        document = _parsed(text)
        lines = lines_by_path(text)
        findings = set(explain(document, schema))
        findings.update(further(_without(document, {_key_of(path) for path, _ in findings})))
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


def _parsed(text: str) -> dict[str, Any]:
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
