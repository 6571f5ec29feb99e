from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from cqs_sheets.sandbox import ACTIVE_KEY, FUTURES_CODES, RunningSandbox, start
from tests.sandbox.clock import NOON, Clock


def history(sandbox: RunningSandbox, **params: float | str) -> Any:
    answer = requests.get(sandbox.url + "/_sandbox/history", params=params, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()


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
        told = history(sandbox, since=(NOON - timedelta(minutes=2)).timestamp(), until=clock().timestamp())[
            "signals"
        ]
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
            for entry in history(sandbox)["signals"]
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
    document = history(sandbox)
    assert document["count"] == len(document["signals"]) > 0
    assert "not part of the signals API" in document["note"]
    for entry in document["signals"]:
        last: dict[str, Any] = dict(entry["first"])
        for edit in entry["edits"]:
            assert is_open(entry, datetime.fromisoformat(edit["at"]))
            last |= edit["changes"]
        assert last == entry["final"]
        assert entry["published"].endswith("Z")
        assert entry["outcome"] in {"target", "stop", "expired"}
        assert entry["id"] == entry["first"]["id"]


def test_it_covers_the_last_twenty_minutes_unless_told(sandbox: RunningSandbox) -> None:
    document = history(sandbox)
    assert document["since"] == "2026-05-24T11:40:00Z"
    assert document["until"] == document["now"] == "2026-05-24T12:00:00Z"
    tables = {(entry["table"], entry["pool"]) for entry in document["signals"]}
    assert tables == {("main", "FREE"), ("main", "FREEMIUM"), ("main", "VIP"), ("scalping", "FREE")}


@pytest.mark.parametrize(
    "params",
    [{"since": "x"}, {"until": ""}, {"since": "nan"}, {"until": "inf"}, {"since": "1e300"}, {"since": "0"}],
)
def test_a_span_without_sense_is_refused(sandbox: RunningSandbox, params: dict[str, str]) -> None:
    answer = requests.get(sandbox.url + "/_sandbox/history", params=params, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_it_is_only_to_be_read(sandbox: RunningSandbox) -> None:
    assert requests.post(sandbox.url + "/_sandbox/history", timeout=10).status_code == 405
