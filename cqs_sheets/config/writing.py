"""A config file from a person's answers: the sample with their values in it, its explanations kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from cqs_sheets.config.document import sample, schema
from cqs_sheets.config.rules import broken_rules
from cqs_sheets.config.settings import DEFAULT_TARGET, DEFAULT_TEMPLATE
from cqs_sheets.core.toml import TomlProblems, check, describe
from cqs_sheets.errors import UsageError
from cqs_sheets.values import dataclass

_SECTION = re.compile(r"\[+(\w+)\]+")
_SETTING = re.compile(r"(?:# )?(?P<name>\w+) = .*?(?P<comment>\s{2,}# .*)?")
_COMMENT_COLUMN = 35

Value = str | int | Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a new config says; empty means that the sample's line stays as it is."""

    to: str = DEFAULT_TARGET
    template: str = DEFAULT_TEMPLATE
    timezone: str = "UTC"
    exchange: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    key_file: str = ""
    key_command: str = ""


def config_text(answers: Answers, folder: Path) -> str:
    """The file's text, for a file in `folder`. Raises UsageError with all that is wrong with the answers."""
    text = "\n".join(_lines(_values(answers))) + "\n"
    try:
        check(text, schema(), partial(broken_rules, folder=folder))
    except TomlProblems as error:
        raise UsageError(
            describe(error.problems, "the new config"),
            meaning="Nothing was written.",
            hint="Correct the option, and run again.",
        ) from None
    return text


def _values(answers: Answers) -> dict[tuple[str, str], Value]:
    given: dict[tuple[str, str], Value] = {
        ("", "timezone"): answers.timezone,
        ("api", "key_file"): answers.key_file,
        ("api", "key_command"): answers.key_command,
        ("feed", "exchange"): answers.exchange,
        ("feed", "currency"): answers.currency,
        ("feed", "type"): answers.type,
        ("target", "to"): answers.to,
        ("target", "template"): answers.template,
    }
    return {place: value for place, value in given.items() if value}


def _lines(values: Mapping[tuple[str, str], Value]) -> Iterator[str]:
    section = ""
    for line in sample().splitlines():
        if heading := _SECTION.fullmatch(line.strip()):
            section = heading[1]
        found = _SETTING.fullmatch(line)
        value = values.get((section, found["name"])) if found else None
        if found is None or value is None:
            yield line
        else:
            setting = f"{found['name']} = {_toml(value)}"
            comment = (found["comment"] or "").strip()
            yield f"{setting:<{_COMMENT_COLUMN - 1}} {comment}".rstrip()


def _toml(value: Value) -> str:
    """A text or a list of texts; JSON spells them as TOML does, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
