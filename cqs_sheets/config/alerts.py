"""`[[alert]]`: who is told of what. Its address holds a token, so it is a secret and looked up only when it is used."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta
from functools import partial
from typing import Any

from cqs_sheets.config.document import Document
from cqs_sheets.config.key import command_output, file_content
from cqs_sheets.config.rules import command_words
from cqs_sheets.config.settings import AlertSettings, absolute
from cqs_sheets.config.where import where_values
from cqs_sheets.core.alerts.batches import Habits
from cqs_sheets.core.alerts.kinds import Kind
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.toml import duration

_MOST_A_MINUTE = 10
_USABLE = re.compile(r"[a-z][a-z0-9+.-]*://[\x21-\x7e]{1,2000}", re.IGNORECASE)
_DEFAULT = frozenset(kind.value for kind in Kind) - {Kind.CHANGED.value, Kind.TEST.value}


def alerts_of(document: Document, environ: Mapping[str, str]) -> tuple[AlertSettings, ...]:
    """The alerts of a checked config."""
    tables = document.values.get("alert", [])
    return tuple(_alert(document, environ, position, table) for position, table in enumerate(tables))


def _alert(
    document: Document, environ: Mapping[str, str], position: int, table: Mapping[str, Any]
) -> AlertSettings:
    begin, _, end = table.get("quiet", "").partition("-")
    return AlertSettings(
        name=table.get("name", f"alert {position + 1}"),
        habits=Habits(
            on=frozenset(table.get("on", _DEFAULT)),
            where=where_values(table.get("where", {})),
            digest=timedelta(seconds=duration(table.get("digest", 0))),
            quiet=(time.fromisoformat(begin), time.fromisoformat(end)) if begin else None,
            limit=table.get("limit", _MOST_A_MINUTE),
        ),
        address=partial(_address, document, environ, position, table),
        variable=table.get("to_env"),
    )


def _address(
    document: Document, environ: Mapping[str, str], position: int, table: Mapping[str, Any]
) -> Secret | None:
    """No message shows what was found: some people put the address itself where its name belongs."""
    if "to" in table:
        return None
    way = next(name for name in ("to_env", "to_file", "to_command") if name in table)
    try:
        if way == "to_env":
            text, problem = environ.get(table[way], "").strip(), "that variable is not set, or empty"
        elif way == "to_file":
            text, problem = file_content(absolute(table[way], document.folder)), "the file is empty"
        else:
            words = command_words(table[way])
            text = command_output(words, document.folder, environ, what="address")
            problem = "the command prints nothing"
        if text:
            problem = (
                ""
                if _USABLE.fullmatch(text)
                else "what it holds is no address like service://... (not shown)"
            )
    except OSError as error:
        problem = (error.strerror or "unknown trouble").lower()
    except ValueError as error:
        problem = str(error)
    if problem:
        raise document.refusal(("alert", position, way), problem) from None
    return Secret(text)
