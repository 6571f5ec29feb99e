"""Whatever a config file holds, it gives settings or a refusal, never a traceback."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.config import Settings, load, sample, schema
from cqs_sheets.errors import UsageError

_NICE = [
    "UTC", "auto", "30s", "swing", "all", "a.xlsx", "signals", "LONG", "binance", "USDT", "SHORT TERM",
    "https://example.com", 0, 1, 4, 2.5, True,
]  # fmt: skip
_VALUES = st.recursive(
    st.sampled_from(_NICE) | st.text(max_size=5) | st.integers() | st.floats() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["id", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
_TABLES: dict[str, Any] = schema()["properties"]
_WHERE = sorted(schema()["$defs"]["where"]["properties"])


def _table(names: list[str], **special: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    members = st.dictionaries(st.sampled_from([*names, "unknown"]), _VALUES, max_size=3)
    return (
        st.tuples(members, st.fixed_dictionaries({}, optional=special)).map(lambda both: both[0] | both[1])
        | _VALUES
    )


_TARGET = _table(
    list(_TABLES["target"]["items"]["properties"]), to=st.sampled_from(_NICE), where=_table(_WHERE)
)
_FEED = _table(list(_TABLES["feed"]["items"]["properties"]), name=st.sampled_from(["swing", "all"]))
_DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "timezone": _VALUES,
        "api": _table(list(_TABLES["api"]["properties"])),
        "feed": st.lists(_FEED, max_size=2) | _VALUES,
        "target": st.lists(_TARGET, max_size=2) | _VALUES,
    },
)


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name} = {_toml(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def _load(text: str) -> Settings | UsageError:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "any.toml")
        source.write_text(text, encoding="utf-8")
        try:
            return load(config=source, environ={"CQS_API_KEY": "k", "CQS_HOME": "h"}, cwd=Path(folder))
        except UsageError as error:
            return error


def _is_told(outcome: Settings | UsageError) -> bool:
    return isinstance(outcome, Settings) or "any.toml" in outcome.message


@given(_DOCUMENTS)
def test_any_values_under_any_keys_give_settings_or_a_refusal(document: dict[str, Any]) -> None:
    assert _is_told(_load("\n".join(f"{name} = {_toml(value)}" for name, value in document.items())))


@given(st.integers(0, len(sample())), st.integers(0, 40), st.text(st.characters(codec="utf-8"), max_size=10))
def test_a_damaged_sample_gives_settings_or_a_refusal(start: int, length: int, inserted: str) -> None:
    assert _is_told(_load(sample()[:start] + inserted + sample()[start + length :]))
