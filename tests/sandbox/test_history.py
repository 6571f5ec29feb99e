from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from cqs_sheets.sandbox import ACTIVE_KEY, FUTURES_CODES, RunningSandbox, start
from tests.sandbox.clock import NOON, Clock
from tests.sandbox.truth import describe


def history(sandbox: RunningSandbox, since: datetime, until: datetime) -> list[dict[str, Any]]:
    return [describe(signal) for signal in sandbox.market.history(since, until)]


def as_of(entry: Any, now: datetime) -> dict[str, Any]:
    """The fields a client should be shown at `now`, by the history's own account."""
    fields = dict(entry["first"])
    for edit in entry["edits"]:
        if datetime.fromisoformat(edit["at"]) <= now:
            fields |= edit["changes"]
    return fields


def is_open(entry: Any, now: datetime) -> bool:
    return datetime.fromisoformat(entry["published"]) <= now < datetime.fromisoformat(entry["closed"])


@pytest.mark.parametrize(
    ("params", "table", "pools"),
    [
        ({"api_key": "FREE"}, "main", {"FREE", "FREEMIUM"}),
        ({"api_key": ACTIVE_KEY}, "main", {"VIP"}),
        ({"api_key": "FREE", "type": "SCALPING"}, "scalping", {"FREE"}),
    ],
)
def test_what_clients_see_is_what_the_history_tells(
    clock: Clock, params: dict[str, str], table: str, pools: set[str]
) -> None:
    with start(clock=clock, speed=8) as sandbox:
        polls: list[tuple[datetime, Any]] = []
        for _ in range(12):
            answer = requests.get(sandbox.signals_url, params={**params, "interval": "2"}, timeout=10)
            polls.append((clock(), answer.json()["signals"]))
            clock.advance(seconds=41.5)
        told = history(sandbox, NOON - timedelta(minutes=2), clock())
    for now, shown in polls:
        expected = {
            entry["id"]: as_of(entry, now)
            for entry in told
            if entry["table"] == table
            and entry["pool"] in pools
            and is_open(entry, now)
            and datetime.fromisoformat(entry["published"]) >= now - timedelta(minutes=2)
        }
        for fields in expected.values():
            fields.pop("leverage", None)
        assert {signal["id"]: signal for signal in shown} == expected


def test_the_leverage_told_is_the_leverage_shown(clock: Clock) -> None:
    with start(clock=clock) as sandbox:
        told = {
            entry["id"]: entry["final"].get("leverage")
            for entry in history(sandbox, NOON - timedelta(minutes=20), NOON)
            if entry["table"] == "main"
        }
        shown = 0
        for code in FUTURES_CODES:
            params = {"api_key": ACTIVE_KEY, "interval": "20", "exchange": code}
            for signal in requests.get(sandbox.signals_url, params=params, timeout=10).json()["signals"]:
                assert signal["leverage"] == told[signal["id"]]
                shown += 1
    assert shown > 5


def test_an_entry_tells_the_whole_life_of_a_signal(sandbox: RunningSandbox) -> None:
    told = history(sandbox, NOON - timedelta(minutes=20), NOON)
    assert {(entry["table"], entry["pool"]) for entry in told} == {
        ("main", "FREE"), ("main", "FREEMIUM"), ("main", "VIP"), ("scalping", "FREE"),
    }  # fmt: skip
    for entry in told:
        last: dict[str, Any] = dict(entry["first"])
        for edit in entry["edits"]:
            assert is_open(entry, datetime.fromisoformat(edit["at"]))
            last |= edit["changes"]
        assert last == entry["final"]
        assert entry["outcome"] in {"target", "stop", "expired"}
        assert entry["id"] == entry["first"]["id"]
