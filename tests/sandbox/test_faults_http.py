import json
import threading
from collections.abc import Callable

import pytest
import requests

from cqs_sheets.sandbox import FAULTS, FaultSettings, RunningSandbox, start
from cqs_sheets.sandbox.market_data import MARKET_FAULTS
from tests.sandbox.clock import Clock

PARAMS = {"api_key": "FREE", "interval": "20"}


def get(sandbox: RunningSandbox, timeout: float = 10) -> requests.Response:
    return requests.get(sandbox.signals_url, params=PARAMS, timeout=timeout, allow_redirects=False)


def is_status(status: int) -> Callable[[requests.Response, requests.Response], bool]:
    return lambda spoilt, _: spoilt.status_code == status


def is_error(code: int) -> Callable[[requests.Response, requests.Response], bool]:
    return lambda spoilt, _: spoilt.status_code == 200 and spoilt.json()["error"] == code


def is_no_utf_8(spoilt: requests.Response, _: requests.Response) -> bool:
    with pytest.raises(UnicodeDecodeError):
        spoilt.content.decode("utf-8")
    return spoilt.status_code == 200


ANSWERS: dict[str, Callable[[requests.Response, requests.Response], bool]] = {
    "billing-down": is_error(4),
    "signals-down": is_error(5),
    "rate-limit": is_error(6),
    "http-429": lambda spoilt, _: spoilt.status_code == 429 and spoilt.headers["Retry-After"] == "7",
    "http-500": is_status(500),
    "http-503": is_status(503),
    "slow": lambda spoilt, good: spoilt.json() == good.json(),
    "html": lambda spoilt, _: spoilt.status_code == 200 and spoilt.content.startswith(b"<!DOCTYPE html>"),
    "wrong-count": lambda spoilt, good: spoilt.json()["count"] != good.json()["count"],
    "unknown-fields": lambda spoilt, _: "quality_score" in spoilt.json()["signals"][0],
    "malformed-signal": lambda spoilt, good: (
        sum(row not in good.json()["signals"] for row in spoilt.json()["signals"]) == 1
    ),
    "duplicate-id": lambda spoilt, good: spoilt.json()["count"] == good.json()["count"] + 1,
    "not-envelope": lambda spoilt, _: "error" not in spoilt.json(),
    "redirect": lambda spoilt, _: spoilt.headers["Location"].startswith("https://elsewhere.invalid/"),
    "oversized": lambda spoilt, _: len(spoilt.content) > 300_000,
    "wrong-content-type": lambda spoilt, good: (
        spoilt.headers["Content-Type"].startswith("text/html") and spoilt.json() == good.json()
    ),
    "bad-encoding": is_no_utf_8,
}
BROKEN: dict[str, type[requests.RequestException]] = {
    "dropped": requests.ConnectionError,
    "reset": requests.ConnectionError,
    "truncated": requests.exceptions.ChunkedEncodingError,
    "hang": requests.ReadTimeout,
}


def test_every_fault_is_tried_here() -> None:
    assert {*ANSWERS, *BROKEN, *MARKET_FAULTS} == set(FAULTS)  # the last are tried in tests/market


@pytest.mark.parametrize("name", ANSWERS)
def test_a_fault_shows_once_and_then_all_is_well(sandbox: RunningSandbox, name: str) -> None:
    good = get(sandbox)
    sandbox.set_faults([f"{name}@1"])
    spoilt = get(sandbox)
    assert ANSWERS[name](spoilt, good)
    assert get(sandbox).json() == good.json()
    assert [request.faults for request in sandbox.requests] == [(), (name,), ()]


@pytest.mark.parametrize("name", BROKEN)
def test_a_fault_of_delivery_breaks_one_request(sandbox: RunningSandbox, name: str) -> None:
    sandbox.set_faults([f"{name}@1"])
    with pytest.raises(BROKEN[name]) as broken:
        get(sandbox, timeout=0.2 if name == "hang" else 10)
    assert name != "reset" or "reset" in str(broken.value).lower()
    assert name != "dropped" or "without response" in str(broken.value)
    assert get(sandbox).json()["error"] == 0


def test_faults_spare_what_is_not_the_api(sandbox: RunningSandbox) -> None:
    sandbox.set_faults(["http-500@1"])
    assert requests.get(sandbox.url + "/nowhere", timeout=10).status_code == 404
    assert get(sandbox).status_code == 500


def test_faults_combine(sandbox: RunningSandbox) -> None:
    sandbox.set_faults(["billing-down", "wrong-content-type"])
    answer = get(sandbox)
    assert answer.json()["error"] == 4
    assert answer.headers["Content-Type"].startswith("text/html")


def test_a_bad_fault_changes_nothing(sandbox: RunningSandbox) -> None:
    sandbox.set_faults(["http-503"])
    with pytest.raises(ValueError, match="did you mean 'http-500'"):
        sandbox.set_faults(["html", "http-50"])
    assert get(sandbox).status_code == 503


def test_a_bad_fault_keeps_a_sandbox_from_starting() -> None:
    with pytest.raises(ValueError, match="unknown fault"):
        start(faults=["gremlins"])


def test_chances_come_from_the_seed(clock: Clock) -> None:
    def statuses(seed: int) -> list[int]:
        with start(clock=clock, seed=seed, faults=["http-503:0.5"]) as sandbox:
            return [get(sandbox).status_code for _ in range(30)]

    assert statuses(1) == statuses(1) != statuses(2)


def test_stopping_ends_a_hanging_request(clock: Clock) -> None:
    sandbox = start(clock=clock, faults=["hang"], fault_settings=FaultSettings(hang_seconds=3600))
    arrived, errors = threading.Event(), []

    def ask() -> None:
        try:
            get(sandbox, timeout=60)
        except requests.ConnectionError as error:
            errors.append(error)

    sandbox._server.on_request = lambda _: arrived.set()
    client = threading.Thread(target=ask)
    client.start()
    assert arrived.wait(10)
    sandbox.stop()
    client.join(10)
    assert len(errors) == 1


def test_a_redirect_goes_where_it_is_told(clock: Clock) -> None:
    with start(clock=clock) as elsewhere:
        settings = FaultSettings(redirect_to=elsewhere.signals_url)
        with start(clock=clock, faults=["redirect"], fault_settings=settings) as sandbox:
            requests.get(sandbox.signals_url, params=PARAMS, timeout=10)
        assert len(elsewhere.requests) == 1


def test_spoilt_json_is_still_utf_8_json(sandbox: RunningSandbox) -> None:
    sandbox.set_faults(["unknown-fields", "duplicate-id", "wrong-count"])
    document = json.loads(get(sandbox).content.decode("utf-8"))
    assert document["message"] == "Success"
