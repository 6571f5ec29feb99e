import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.sandbox import FAULTS, FaultSettings, parse_fault
from cqs_sheets.sandbox.answers import Answer, envelope
from cqs_sheets.sandbox.faults import Fault, FaultPlan, spoil

SETTINGS = FaultSettings(oversized_bytes=1000)
ROWS = [
    {"id": str(n), "timestamp": "2026-05-24 12:00:00", "coin": "BTC", "direction": "LONG", "ask": "1"}
    for n in range(7)
]


def spoilt(name: str, rows: Sequence[dict[str, Any]] = ROWS) -> Any:
    return json.loads(spoil(envelope(rows), [name], SETTINGS).body)


@pytest.mark.parametrize(
    ("spec", "fault"),
    [
        ("http-503", Fault("http-503")),
        ("slow:0.25", Fault("slow", 0.25)),
        ("dropped@3", Fault("dropped", 1.0, 3)),
        ("reset:0.5@10", Fault("reset", 0.5, 10)),
        (" html ", Fault("html")),
    ],
)
def test_a_spec_is_a_name_a_probability_and_a_count(spec: str, fault: Fault) -> None:
    assert parse_fault(spec) == fault


@pytest.mark.parametrize(
    ("spec", "nearest"),
    [("bilingdown", "billing-down"), ("503", "http-503"), ("HTML", "html"), ("hangs:0.1", "hang")],
)
def test_an_unknown_fault_names_the_nearest_and_all(spec: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{nearest}'") as error:
        parse_fault(spec)
    assert all(name in str(error.value) for name in FAULTS)


@pytest.mark.parametrize(
    "spec",
    [
        "slow:2",
        "slow:-0.1",
        "slow:x",
        "slow:",
        "slow:nan",
        "slow@0",
        "slow@x",
        "slow@",
        "slow@1:0.5",
        "slow@1.5",
    ],
)
def test_a_bad_probability_or_count_is_refused_with_the_form(spec: str) -> None:
    with pytest.raises(ValueError, match=r"NAME\[:PROBABILITY\]\[@COUNT\]"):
        parse_fault(spec)


@given(spec=st.text(max_size=20))
def test_any_text_is_a_fault_or_a_value_error(spec: str) -> None:
    try:
        assert parse_fault(spec).name in FAULTS
    except ValueError as error:
        assert "http-503" in str(error)  # noqa: PT017


def test_the_same_seed_strikes_the_same_requests() -> None:
    def strikes(seed: int) -> list[tuple[str, ...]]:
        plan = FaultPlan(["slow:0.4", "html:0.3"], seed=seed)
        return [plan.draw() for _ in range(200)]

    assert strikes(1) == strikes(1) != strikes(2)
    assert 50 < sum("slow" in names for names in strikes(1)) < 110


def test_another_fault_leaves_the_strikes_of_the_first_alone() -> None:
    alone, joined = FaultPlan(["slow:0.4"]), FaultPlan(["slow:0.4", "html"])
    for _ in range(100):
        assert ("slow" in alone.draw()) == ("slow" in joined.draw())


def test_a_count_strikes_only_the_first_requests() -> None:
    plan = FaultPlan(["dropped@2", "html"])
    assert [plan.draw() for _ in range(3)] == [("dropped", "html"), ("dropped", "html"), ("html",)]


def test_a_wrong_count_is_wrong_and_the_signals_right() -> None:
    document = spoilt("wrong-count")
    assert document["signals"] == ROWS
    assert document["count"] != len(ROWS)


def test_unknown_fields_leave_the_known_ones_alone() -> None:
    for row, known in zip(spoilt("unknown-fields")["signals"], ROWS, strict=True):
        assert row.keys() > known.keys()
        assert {name: row[name] for name in known} == known


def test_one_signal_is_malformed_and_the_rest_right() -> None:
    rows = spoilt("malformed-signal")["signals"]
    assert len(rows) == len(ROWS)
    assert sum(row != known for row, known in zip(rows, ROWS, strict=True)) == 1


def test_the_same_signal_is_malformed_from_poll_to_poll() -> None:
    broken = next(row for row in spoilt("malformed-signal")["signals"] if row not in ROWS)
    assert broken in spoilt("malformed-signal", ROWS[::-1])["signals"]


def test_one_id_comes_twice() -> None:
    document = spoilt("duplicate-id")
    assert document["count"] == len(document["signals"]) == len(ROWS) + 1
    assert document["signals"][:-1] == ROWS
    assert document["signals"][-1] in ROWS


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_copes_with_an_answer_that_has_no_signals(name: str) -> None:
    answer = spoil(envelope([]), [name], SETTINGS)
    assert isinstance(answer, Answer)


@pytest.mark.parametrize("first", FAULTS)
def test_faults_can_be_combined(first: str) -> None:
    for second in FAULTS:
        assert isinstance(spoil(envelope(ROWS), [first, second], SETTINGS), Answer)


def test_an_oversized_answer_is_still_the_same_json() -> None:
    document = spoilt("oversized")
    assert document["signals"] == ROWS
    assert len(document["padding"]) == 1000
