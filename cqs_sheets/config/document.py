"""The config file: found, read and checked whole, before anything is made of it; and a new one, made of answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cqs_sheets.config.rules import BOUNDS, broken_rules, where_values
from cqs_sheets.config.settings import DEFAULT_TARGET, DEFAULT_TEMPLATE, absolute
from cqs_sheets.core.cells import CellType
from cqs_sheets.core.signals.fields import SOURCES
from cqs_sheets.core.toml import TomlProblems, check, describe, explain, problem_at
from cqs_sheets.core.toml.lines import Path as KeyPath
from cqs_sheets.core.toml.lines import lines_by_path
from cqs_sheets.errors import UsageError
from cqs_sheets.patterns import regex
from cqs_sheets.unexpected import out_of_reach
from cqs_sheets.values import dataclass, field

FILE_NAME = "cqs-sheets.toml"
_MOST_BYTES = 65536  # far beyond any config a person writes
_SCHEMA = Path(__file__).with_name("config.schema.json")
_SAMPLE = Path(__file__).with_name("sample.toml")
_HINT = "Correct the file and run again; `cqs-sheets init` writes a fresh one."
_MEANING = "Nothing was asked and nothing was written."
_OPTION = "--where"
_SECTION = regex(r"\[+(\w+)\]+")
_SETTING = regex(r"(?:# )?(?P<name>\w+) = .*?(?P<comment>\s{2,}# .*)?")
_COMMENT_COLUMN = 35
_ANSWERED = {
    ("", "timezone"), ("api", "key_file"), ("api", "key_command"), ("feed", "exchange"), ("feed", "currency"),
    ("feed", "type"), ("target", "to"), ("target", "template"),
}  # fmt: skip
"""The settings of `NewConfig`, and the sections that they stand in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A config file's content and the folder that its paths are relative to; `source` None: no file."""

    folder: Path
    source: Path | None = None
    text: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)

    def refusal(self, path: KeyPath, message: str) -> UsageError:
        """The error for one value of this file that turned out to be unusable."""
        return _refusal(self.source, [problem_at(lines_by_path(self.text), path, message)])


def sample() -> str:
    """A commented config file with every key, which asks and writes what no config file would."""
    return _SAMPLE.read_text(encoding="utf-8")


def schema() -> dict[str, Any]:
    """The config file's JSON Schema."""
    loaded: dict[str, Any] = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    return loaded


def find_config(config: Path | None, variable: str | None, cwd: Path, *, search: bool = True) -> Path | None:
    """The file to read: --config, else CQS_CONFIG, else the one in the working folder (to `search`), or none."""
    for named in (config, variable):
        if named is not None and str(named):
            return absolute(str(named), cwd)
    here = cwd / FILE_NAME
    return here if search and (here.exists() or here.is_symlink()) else None


def read_config(source: Path) -> Document:
    """The checked content of a config file; raises UsageError with all that is wrong with it."""
    text = _text(source)
    folder = source.parent
    try:
        values = check(text, schema(), partial(broken_rules, folder=folder))
    except TomlProblems as error:
        raise _refusal(source, error.problems) from None
    return Document(folder=folder, source=source, text=text, values=values)


def _refusal(source: Path | None, problems: Iterable[Any]) -> UsageError:
    return UsageError(describe(problems, str(source)), meaning=_MEANING, hint=_HINT, kind="config")


def _text(source: Path) -> str:
    try:
        if not source.is_file():
            kind = (
                "is a folder" if source.is_dir() else "is not a file" if source.exists() else "does not exist"
            )
            raise _unreadable(f"{source} {kind}.")
        with source.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise _unreadable(f"{source} is larger than {_MOST_BYTES // 1024} KiB: it is no config file.")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise _unreadable(f"{source} is not UTF-8 text (line {line}): save it as UTF-8.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and (away := out_of_reach(error, f"The config {source}")):
            raise away from None
        reason = error.strerror if isinstance(error, OSError) else None
        raise _unreadable(f"{source} cannot be read: {(reason or 'not a valid path').lower()}.") from None
    if not text.strip():
        raise _unreadable(f"{source} is empty.")
    return text


def _unreadable(message: str) -> UsageError:
    hint = "Name another file with --config or CQS_CONFIG, or let `cqs-sheets init` write one."
    return UsageError(message, meaning=_MEANING, hint=hint, kind="config")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConfig:
    """What a new config says, of a person's answers; empty means that the sample's line stays as it is."""

    to: str = DEFAULT_TARGET
    template: str = DEFAULT_TEMPLATE
    timezone: str = "UTC"
    exchange: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    key_file: str = ""
    key_command: str = ""


def config_text(new: NewConfig, folder: Path) -> str:
    """The file's text, for a file in `folder`. Raises UsageError with all that is wrong with the new."""
    text = "\n".join(_lines(new)) + "\n"
    try:
        check(text, schema(), partial(broken_rules, folder=folder))
    except TomlProblems as error:
        raise UsageError(
            describe(error.problems, "the new config"),
            meaning="Nothing was written.",
            hint="Correct the option, and run again.",
        ) from None
    return text


def _lines(new: NewConfig) -> Iterator[str]:
    section = ""
    for line in sample().splitlines():
        if heading := _SECTION.fullmatch(line.strip()):
            section = heading[1]
        found = _SETTING.fullmatch(line)
        value = getattr(new, found["name"]) if found and (section, found["name"]) in _ANSWERED else None
        if found and value:
            setting = f"{found['name']} = {_toml(value)}"
            comment = (found["comment"] or "").strip()
            yield f"{setting:<{_COMMENT_COLUMN - 1}} {comment}".rstrip()
        else:
            yield line


def _toml(value: str | Sequence[str]) -> str:
    """A text or a list of texts; JSON spells them as TOML does, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def where_of(texts: Sequence[str]) -> dict[str, object]:
    """The same from texts FIELD=VALUE; a field given twice may have either value.

    Raises UsageError with everything that a config's `where` may not say either.
    """
    table: dict[str, Any] = {}
    problems = []
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals:
            problems.append(f"{_OPTION} {text}: expected FIELD=VALUE, such as direction=LONG")
        else:
            table.setdefault(name, []).append(_given(name, value))
    table = {name: values[0] if len(values) == 1 else values for name, values in table.items()}
    problems += [f"{_OPTION} {problem}" for problem in _broken_where(table)]
    if problems:
        raise UsageError(
            "\n".join(problems),
            meaning=_MEANING,
            hint="Correct the option, and run again.",
        )
    return where_values(table)


def _broken_where(table: Mapping[str, Any]) -> list[str]:
    """What is wrong with it, by the rules of a config with such a target."""
    found = dict(explain(_target_with(table), schema()))
    kept = {name: value for name, value in table.items() if not any(name in path for path in found)}
    found |= dict(broken_rules(_target_with(kept), Path()))
    return [f"{path[3]}: {sentence}" for path, sentence in found.items()]


def _target_with(table: Mapping[str, Any]) -> dict[str, Any]:
    return {"target": [{"to": "signals.xlsx", "where": table}]}


def _given(name: str, text: str) -> str | int | float:
    """A number where the field has numbers, as TOML would have it; else, or if it is none, the text."""
    if name in BOUNDS or (name in SOURCES and SOURCES[name].type is CellType.NUMBER):
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    return text
