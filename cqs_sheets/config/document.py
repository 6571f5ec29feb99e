"""The config file: found, read and checked whole, before anything is made of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from cqs_sheets.config.rules import broken_rules
from cqs_sheets.config.settings import absolute
from cqs_sheets.core.toml import TomlProblems, check, describe, problem_at
from cqs_sheets.core.toml.lines import Path as KeyPath
from cqs_sheets.core.toml.lines import lines_by_path
from cqs_sheets.errors import UsageError
from cqs_sheets.unexpected import out_of_reach
from cqs_sheets.values import dataclass, field

FILE_NAME = "cqs-sheets.toml"
_MOST_BYTES = 65536  # far beyond any config a person writes
_SCHEMA = Path(__file__).with_name("config.schema.json")
_SAMPLE = Path(__file__).with_name("sample.toml")
_HINT = "Correct the file and run again; `cqs-sheets init` writes a fresh one."
_MEANING = "Nothing was asked and nothing was written."


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
