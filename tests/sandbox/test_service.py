import ast
import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.sandbox import (
    ACTIVE_KEY,
    EXPIRED_KEY,
    FUTURES_CODES,
    INACTIVE_KEY,
    Horizon,
    Service,
    Simulation,
    Subscription,
)
from tests.sandbox.clock import NOON

WIRE_ORDER = (
    *("id", "timestamp", "exchange", "currency", "coin", "direction", "buy_start", "buy_end"),
    *("target1", "target2", "target3", "stop_loss", "type", "ask", "risk_level", "leverage"),
)

SERVICE = Service(Simulation())


def ask(
    service: Service = SERVICE, *, now: datetime = NOON, outages: tuple[str, ...] = (), **params: str
) -> Any:
    return ask_with(params, service, now, outages)


def ask_with(
    params: dict[str, str], service: Service = SERVICE, now: datetime = NOON, outages: tuple[str, ...] = ()
) -> Any:
    answer = service.answer("GET", "/getSignal/", params, now, outages=outages)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    return json.loads(answer.body)


def signals(**params: str) -> Any:
    document = ask_with({"interval": "20", **params})
    assert document["error"] == 0, document
    return document["signals"]


def test_a_good_answer_is_the_guides_envelope() -> None:
    document = ask(api_key="FREE", interval="20")
    assert list(document) == ["error", "message", "count", "signals"]
    assert document["error"] == 0
    assert document["message"] == "Success"
    assert document["count"] == len(document["signals"]) > 0


def test_nothing_new_is_no_failure() -> None:
    document = ask(api_key="FREE", exchange="nowhere")
    assert document == {"error": 0, "message": "No new signals available", "count": 0, "signals": []}


def test_fields_come_as_strings_in_the_guides_order() -> None:
    for signal in signals(api_key=ACTIVE_KEY, exchange="binance_futures"):
        assert list(signal) == [name for name in WIRE_ORDER if name in signal]
        assert all(isinstance(value, str) or value is None for value in signal.values())
        assert all(signal[name] for name in ("id", "timestamp", "coin", "ask", "target1", "leverage"))


def test_the_newest_signal_comes_first() -> None:
    stamps = [signal["timestamp"] for signal in signals(api_key=ACTIVE_KEY)]
    assert stamps == sorted(stamps, reverse=True)


def test_the_window_is_five_minutes_unless_told() -> None:
    assert ask(api_key=ACTIVE_KEY) == ask(api_key=ACTIVE_KEY, interval="5")
    assert len(signals(api_key=ACTIVE_KEY, interval="20")) > ask(api_key=ACTIVE_KEY)["count"] > 0


def test_free_and_premium_see_different_pools_of_one_table() -> None:
    free = {signal["id"] for signal in signals(api_key="FREE")}
    premium = {signal["id"] for signal in signals(api_key=ACTIVE_KEY)}
    assert free
    assert premium
    assert not free & premium


@pytest.mark.parametrize(
    "key", [INACTIVE_KEY, EXPIRED_KEY, "wrong", "free", "FREE ", ACTIVE_KEY.lower(), "�"]
)
def test_a_key_that_is_not_valid_gets_error_5(key: str) -> None:
    assert ask(api_key=key) == {"error": 5, "message": "Invalid API Key", "count": 0, "signals": []}


def test_a_subscription_runs_out_at_its_time() -> None:
    ends = NOON + timedelta(minutes=1)
    service = Service(Simulation(), [Subscription("sandboxEndsSoon", expires=ends)])
    assert ask(service, api_key="sandboxEndsSoon")["error"] == 0
    assert ask(service, api_key="sandboxEndsSoon", now=ends)["message"] == "Invalid API Key"


@pytest.mark.parametrize("params", [{}, {"api_key": ""}, {"interval": "5"}])
def test_a_missing_key_gets_error_1(params: dict[str, str]) -> None:
    document = ask_with(params)
    assert document["error"] == 1
    assert "Missing API key" in document["message"]


@pytest.mark.parametrize(
    "interval", ["0", "21", "-1", "5.0", "five", "", " 5", "+5", "1e1", "\uff15", "9" * 5000]
)
def test_a_bad_interval_gets_error_1(interval: str) -> None:
    document = ask(api_key="FREE", interval=interval)
    assert document["error"] == 1
    assert "interval must be a whole number of minutes from 1 to 20" in document["message"]
    assert len(document["message"]) < 200


@pytest.mark.parametrize("kind", ["SWING", "scalping", "SHORT TERM ", "SHORT", "\x00", "é"])
def test_an_unknown_type_gets_error_1_and_the_valid_ones(kind: str) -> None:
    document = ask(api_key="FREE", type=kind)
    assert document["error"] == 1
    assert "Invalid type" in document["message"]
    assert all(valid in document["message"] for valid in Horizon)


def test_each_type_brings_that_type_alone_and_an_empty_one_brings_all() -> None:
    everything = signals(api_key=ACTIVE_KEY)
    assert signals(api_key=ACTIVE_KEY, type="") == everything
    parts = {kind: signals(api_key=ACTIVE_KEY, type=kind) for kind in Horizon}
    for kind, part in parts.items():
        assert part == [signal for signal in everything if signal["type"] == kind]
    assert len(parts[Horizon.SCALPING]) > 0


def test_free_scalping_reads_a_table_of_its_own() -> None:
    scalps = signals(api_key="FREE", type="SCALPING")
    without_type = signals(api_key="FREE")
    assert scalps
    assert all(signal["type"] == "SCALPING" for signal in scalps)
    assert all(signal["type"] != "SCALPING" for signal in without_type)
    assert not any(signal in without_type for signal in scalps)


def test_the_exchange_filter_matches_the_stored_value_with_its_case() -> None:
    now = NOON
    found: dict[str, int] = {}
    for _ in range(40):
        for code in ("binance", "BINANCE", "Binance"):
            rows = ask(api_key=ACTIVE_KEY, interval="20", exchange=code, now=now)["signals"]
            assert {row["exchange"] for row in rows} <= {code}
            found[code] = found.get(code, 0) + len(rows)
        now += timedelta(minutes=20)
    assert found["binance"] > found["BINANCE"] > 0 == found["Binance"]


def test_the_currency_filter_matches_the_quote() -> None:
    everything = signals(api_key=ACTIVE_KEY)
    assert signals(api_key=ACTIVE_KEY, currency="BTC") == [
        row for row in everything if row["currency"] == "BTC"
    ]
    assert signals(api_key=ACTIVE_KEY, currency="") == everything


def test_leverage_comes_only_when_a_futures_exchange_is_asked_for() -> None:
    assert not any("leverage" in row for row in signals(api_key=ACTIVE_KEY))
    assert not any("leverage" in row for row in signals(api_key=ACTIVE_KEY, exchange="binance"))
    for code in FUTURES_CODES:
        assert all(row["leverage"] for row in signals(api_key=ACTIVE_KEY, exchange=code))
    scalps = [
        row for code in FUTURES_CODES for row in signals(api_key="FREE", type="SCALPING", exchange=code)
    ]
    assert scalps
    assert all(list(row)[-1] == "leverage" for row in scalps)


def test_leverage_comes_for_rows_stored_in_capitals_too() -> None:
    now = NOON
    rows: list[Any] = []
    while not rows:
        rows = ask(api_key=ACTIVE_KEY, interval="20", exchange="BINANCE_FUTURES", now=now)["signals"]
        now += timedelta(minutes=20)
    assert all(row["leverage"] for row in rows)


def test_unknown_parameters_are_passed_over() -> None:
    assert ask(api_key="FREE", limit="3", _="170") == ask(api_key="FREE")


def test_a_signal_disappears_once_it_is_closed() -> None:
    market = Simulation()
    service = Service(market)
    signal = next(
        signal
        for signal in market.history(NOON, NOON + timedelta(hours=1))
        if signal.pool == "VIP" and 60e6 < signal.closed - signal.published < 19 * 60e6
    )
    number = signal.published_fields["id"]
    lives_from = NOON + timedelta(microseconds=signal.published - int(NOON.timestamp()) * 1_000_000)
    closes = lives_from + timedelta(microseconds=signal.closed - signal.published)

    def shown(now: datetime) -> bool:
        rows = ask(service, api_key=ACTIVE_KEY, interval="20", now=now)["signals"]
        return any(row["id"] == number for row in rows)

    tick = timedelta(microseconds=1)
    assert [shown(now) for now in (lives_from - tick, lives_from, closes - tick, closes)] == [
        False,
        True,
        True,
        False,
    ]


def test_an_edit_shows_from_its_time_on() -> None:
    market = Simulation()
    service = Service(market)
    signal = next(
        signal
        for signal in market.history(NOON, NOON + timedelta(hours=1))
        if signal.pool == "VIP" and any(edit.at - signal.published < 15 * 60e6 for edit in signal.edits)
    )
    edit = signal.edits[0]
    ((name, value),) = edit.changes.items()
    edited = NOON + timedelta(microseconds=edit.at - int(NOON.timestamp()) * 1_000_000)

    def shown(now: datetime) -> Any:
        rows = ask(service, api_key=ACTIVE_KEY, interval="20", now=now)["signals"]
        return next(row[name] for row in rows if row["id"] == signal.published_fields["id"])

    assert shown(edited - timedelta(microseconds=1)) == signal.published_fields[name]
    assert shown(edited) == value


@pytest.mark.parametrize(
    ("outage", "code", "message"),
    [
        ("billing-down", 4, "Unable to validate API Key"),
        ("signals-down", 5, "System unavailable"),
        ("rate-limit", 6, "Rate limit exceeded"),
    ],
)
def test_an_outage_has_the_guides_words(outage: str, code: int, message: str) -> None:
    for key in ("FREE", ACTIVE_KEY):
        document = ask(api_key=key, outages=(outage,))
        assert document == {"error": code, "message": message, "count": 0, "signals": []}


def test_a_wrong_key_is_told_even_when_the_signals_are_down() -> None:
    assert ask(api_key="wrong", outages=("signals-down",))["message"] == "Invalid API Key"


@pytest.mark.parametrize("path", ["/", "", "/getsignal/", "/getSignal/x", "/api/v2/getSignal", "/_sandbox/"])
def test_other_paths_are_not_found(path: str) -> None:
    answer = SERVICE.answer("GET", path, {"api_key": "FREE"}, NOON)
    assert answer.status == 404
    assert json.loads(answer.body)["error"] == 1


def test_other_methods_are_not_allowed_and_the_allowed_ones_named() -> None:
    answer = SERVICE.answer("DELETE", "/getSignal/", {"api_key": "FREE"}, NOON)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, POST"
    assert json.loads(answer.body)["error"] == 1


def test_the_sandbox_imports_nothing_but_itself_and_the_standard_library() -> None:
    package = Path(__file__).parents[2] / "cqs_sheets" / "sandbox"
    for file in package.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0
                names = [node.module or ""]
            else:
                continue
            for name in names:
                own = name == "cqs_sheets.sandbox" or name.startswith("cqs_sheets.sandbox.")
                assert own or name.partition(".")[0] in sys.stdlib_module_names, f"{file.name} imports {name}"
