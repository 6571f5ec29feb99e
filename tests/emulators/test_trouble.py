"""What a test can make go wrong: faults, edits at chosen moments, quota, credentials, sharing."""

from __future__ import annotations

import pytest
import requests

from tests.emulators.caller import Caller, Refused
from tests.emulators.google_sheets import (
    Exchange,
    Fault,
    RunningSheets,
    reads,
    reset,
    slow,
    start,
    status,
    timeout,
    truncate,
    writes,
)


@pytest.fixture
def book(sheets: RunningSheets, api: Caller) -> str:
    api.book = sheets.create(tabs={"T": [["id"], ["a"]]})
    return api.book


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize("code", [429, 500, 502, 503])
@pytest.mark.parametrize("after_commit", [False, True])
def test_an_error_may_come_before_or_after_the_write(
    sheets: RunningSheets, api: Caller, code: int, *, after_commit: bool
) -> None:
    sheets.inject(status(code, after_commit=after_commit, retry_after=7), writes)
    with pytest.raises(Refused) as refused:
        api.write("T!A3", [["new"]])
    assert refused.value.code == code
    assert (api.values("T!A3") == [["new"]]) is after_commit


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize(
    "fault", [reset(), reset(after_commit=True), truncate(), timeout(after_commit=True, seconds=0)]
)
def test_a_lost_answer_tells_the_client_nothing(sheets: RunningSheets, api: Caller, fault: Fault) -> None:
    sheets.inject(fault, writes)
    with pytest.raises((requests.RequestException, ValueError)):
        api.write("T!A3", [["new"]])
    assert (api.values("T!A3") == [["new"]]) is fault.after_commit


@pytest.mark.usefixtures("book")
def test_a_client_that_gives_up_waiting_sees_a_timeout(sheets: RunningSheets, api: Caller) -> None:
    sheets.inject(timeout())
    with pytest.raises(requests.Timeout):
        api.session.get(sheets.url + api.at(""), timeout=0.2)


@pytest.mark.usefixtures("book")
def test_a_slow_answer_still_comes(sheets: RunningSheets, api: Caller) -> None:
    sheets.inject(slow(0.01))
    assert api.values("T") == [["id"], ["a"]]


@pytest.mark.usefixtures("book")
def test_a_fault_meets_the_nth_fitting_request_as_often_as_asked(sheets: RunningSheets, api: Caller) -> None:
    sheets.inject(status(503), writes, nth=2, times=2)
    outcomes = []
    for _ in range(4):
        api.values("T")
        try:
            api.write("T!A3", [["x"]])
            outcomes.append(200)
        except Refused as refused:
            outcomes.append(refused.code)
    assert outcomes == [200, 503, 503, 200]
    assert [exchange.fault for exchange in sheets.exchanges if exchange.fault] == ["status", "status"]


@pytest.mark.usefixtures("book")
def test_an_edit_can_fall_exactly_between_read_and_write(sheets: RunningSheets, api: Caller) -> None:
    def insert_row(_: Exchange) -> None:
        with sheets.edit(api.book) as user:
            user.insert_rows("T", 1)

    sheets.before_request(insert_row, writes)
    assert api.values("T!A2") == [["a"]]
    api.write("T!A2", [["mine"]])
    assert api.values("T") == [[], ["mine"], ["a"]]


@pytest.mark.usefixtures("book")
def test_a_hook_after_the_commit_sees_the_write_before_its_answer(sheets: RunningSheets, api: Caller) -> None:
    seen: list[object] = []
    sheets.after_commit(lambda _: seen.append(sheets.tab(api.book, "T").entered[-1]), writes)
    api.write("T!A3", [["new"]])
    assert seen == [["new"]]


@pytest.mark.usefixtures("book")
def test_an_edit_that_fails_half_way_never_was(sheets: RunningSheets, api: Caller) -> None:
    def half() -> None:
        with sheets.edit(api.book) as user:
            user.type("T!A1", ["changed"])
            user.rename_tab("No such tab", "x")

    with pytest.raises(KeyError):
        half()
    assert api.values("T") == [["id"], ["a"]]


def test_a_mistake_inside_a_hook_fails_the_test_that_set_it() -> None:
    def mistake(_: Exchange) -> None:
        raise RuntimeError("mine")

    running = start()
    with running, Caller(running) as api:
        api.book = running.create()
        running.before_request(mistake)
        with pytest.raises(Refused, match="Internal error"):
            api.values("Sheet1")
        (bug,) = running.desk.bugs
        running.desk.bugs.clear()
    assert "mine" in bug


@pytest.mark.usefixtures("book")
def test_requests_and_bytes_are_counted(sheets: RunningSheets, api: Caller) -> None:
    sheets.forget()
    api.values("T")
    api.write("T!A3", [["new"]])
    api.call("POST", api.at(":getByDataFilter"), {"dataFilters": [{"a1Range": "T"}]})
    assert (sheets.reads, sheets.writes) == (2, 1)
    assert all(0 < exchange.body_out < exchange.bytes_out for exchange in sheets.exchanges)
    assert sheets.exchanges[1].body_in == len('{"values": [["new"]]}')
    assert sheets.bytes_in > sheets.exchanges[1].body_in


@pytest.mark.usefixtures("book")
def test_an_answer_is_indented_and_zipped_unless_the_client_says_otherwise(
    sheets: RunningSheets, api: Caller
) -> None:
    api.write("T!A3", [["x" * 500]])
    headers = {"Accept-Encoding": "identity"}
    plain = api.session.get(sheets.url + api.at("/values/T"), headers=headers, timeout=5)
    short = api.session.get(
        sheets.url + api.at("/values/T"), params={"prettyPrint": "false"}, headers=headers, timeout=5
    )
    zipped = api.session.get(sheets.url + api.at("/values/T"), timeout=5)
    assert plain.text.startswith(
        '{\n  "range": "T!A1:Z1000",\n  "majorDimension": "ROWS",\n  "values": [\n    [\n'
    )
    assert len(short.content) < len(plain.content)
    assert (zipped.headers["Content-Encoding"], zipped.json()) == ("gzip", plain.json())
    assert sheets.exchanges[-1].body_out < len(short.content)


def test_the_sixty_first_read_of_a_minute_is_refused_and_writes_count_apart() -> None:
    now = [0.0]
    with start(quota_clock=lambda: now[0]) as running, Caller(running) as api:
        api.book = running.create()
        for _ in range(60):
            api.values("Sheet1")
        with pytest.raises(Refused) as refused:
            api.values("Sheet1")
        detail = refused.value.error["details"][0]
        assert (refused.value.code, refused.value.error["status"]) == (429, "RESOURCE_EXHAUSTED")
        assert (detail["reason"], detail["metadata"]["quota_limit"]) == (
            "RATE_LIMIT_EXCEEDED",
            "ReadRequestsPerMinutePerUser",
        )
        api.write("A1", [["x"]])
        now[0] = 60.1
        assert api.values("Sheet1") == [["x"]]


def test_the_project_has_a_limit_of_its_own() -> None:
    with start(quota_clock=lambda: 0.0) as running, Caller(running) as api:
        api.book = running.create()
        for user in range(5):
            api.session.headers["Authorization"] = f"Bearer user-{user}"
            for _ in range(60):
                api.values("Sheet1")
        api.session.headers["Authorization"] = "Bearer another"
        with pytest.raises(Refused, match="'Read requests per minute' of service"):
            api.values("Sheet1")


@pytest.mark.usefixtures("book")
def test_a_missing_or_expired_token_is_refused(sheets: RunningSheets, api: Caller) -> None:
    api.values("T")
    sheets.expire_tokens()
    with pytest.raises(Refused) as refused:
        api.values("T")
    assert (refused.value.code, refused.value.error["status"]) == (401, "UNAUTHENTICATED")
    del api.session.headers["Authorization"]
    with pytest.raises(Refused, match="missing required authentication credential"):
        api.values("T")


def test_a_token_endpoint_serves_the_usual_flows() -> None:
    with start(accepted_tokens=set()) as running, Caller(running) as api:
        api.book = running.create()
        with pytest.raises(Refused):
            api.values("Sheet1")
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}
        granted = requests.post(running.token_url, data=form, timeout=5).json()
        api.session.headers["Authorization"] = f"Bearer {granted['access_token']}"
        assert api.values("Sheet1") == []
        refused = requests.post(running.token_url, data={"grant_type": "password"}, timeout=5)
        assert (refused.status_code, refused.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.usefixtures("book")
def test_sharing_decides_what_may_be_read_and_written(sheets: RunningSheets, api: Caller) -> None:
    sheets.share(api.book, "reader")
    assert api.values("T") == [["id"], ["a"]]
    with pytest.raises(Refused, match="The caller does not have permission"):
        api.write("T!A1", [["x"]])
    sheets.share(api.book, "none")
    with pytest.raises(Refused) as refused:
        api.get()
    assert (refused.value.code, refused.value.error["status"]) == (403, "PERMISSION_DENIED")
    api.book = "test"
    with pytest.raises(Refused) as refused:
        api.get()
    assert (refused.value.code, refused.value.error) == (
        404,
        {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND"},
    )


@pytest.mark.usefixtures("book")
def test_a_read_is_told_from_a_write(sheets: RunningSheets, api: Caller) -> None:
    sheets.inject(status(500), reads)
    api.write("T!A1", [["x"]])
    with pytest.raises(Refused):
        api.values("T")


@pytest.mark.usefixtures("book")
def test_an_unknown_parameter_or_field_is_refused(api: Caller) -> None:
    with pytest.raises(Refused, match='Unknown name "colour": Cannot bind query parameter'):
        api.get(colour="red")
    with pytest.raises(Refused) as refused:
        api.get(fields="sheets.colour")
    violation = refused.value.error["details"][0]["fieldViolations"][0]
    expected = "Error expanding 'fields' parameter. Cannot find matching fields for path 'sheets.colour'."
    assert violation == {"field": "sheets.colour", "description": expected}
