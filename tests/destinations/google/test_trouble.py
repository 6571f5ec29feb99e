"""What Google refuses, and what becomes of it: nothing written twice, and words that help."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqs_sheets.core.plan.facts import top
from cqs_sheets.destinations.google import GoogleDestination
from cqs_sheets.destinations.google.wire.exchange import Quota, Wire
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.errors import AccessRefused, CqsError, TargetBusy, TargetChanged, UsageError
from cqs_sheets.run.looking import read_target
from tests.destinations.google.syncing import plan_for, row, sync
from tests.destinations.google.user import Clock, GoogleUser, connect
from tests.emulators.google_sheets import (
    Fault,
    reads,
    reset,
    start,
    status,
    timeout,
    truncate,
    used_up,
    writes,
)
from tests.make import TEMPLATE

LOST_ANSWERS = [
    status(503, after_commit=True),
    status(500, after_commit=True),
    reset(after_commit=True),
    timeout(after_commit=True, seconds=0.01),
    truncate(),
]
NOT_DONE = [status(503), status(502), reset(), timeout(seconds=0.01)]


@pytest.mark.parametrize("fault", LOST_ANSWERS, ids=lambda fault: fault.kind)
def test_a_write_whose_answer_is_lost_is_not_written_again(user: GoogleUser, fault: Fault) -> None:
    sync(user, row("1"))
    user.sheets.inject(fault, writes)
    user.sheets.forget()
    sync(user, row("1"), row("2"))
    assert [str(line["id"]) for line in user.rows()] == ["1", "2"]
    assert user.sheets.writes == 1


@pytest.mark.parametrize("fault", NOT_DONE, ids=lambda fault: fault.kind)
def test_a_write_that_did_not_happen_is_sent_again_after_a_look(user: GoogleUser, fault: Fault) -> None:
    sync(user, row("1"))
    user.sheets.inject(fault, writes)
    user.sheets.forget()
    sync(user, row("1"), row("2"))
    assert [str(line["id"]) for line in user.rows()] == ["1", "2"]
    assert [exchange.is_read for exchange in user.sheets.exchanges] == [True, True, False, True, False]


def test_a_twin_of_a_write_that_comes_late_is_refused_by_its_mark(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.forget()
    sync(user, row("1"), row("2"))
    late = next(exchange.body for exchange in user.sheets.exchanges if not exchange.is_read)
    with pytest.raises(Exception, match="already exists"):
        user.http.write(f"{user.book}:batchUpdate", fields="spreadsheetId", body=late, name="late")
    assert [str(line["id"]) for line in user.rows()] == ["1", "2"]


def test_of_two_syncs_at_once_one_wins_and_the_other_plans_anew(user: GoogleUser) -> None:
    sync(user, row("1"))
    other = GoogleDestination(user.book, http=user.http)
    mine, theirs = plan_for(user.destination, [row("2")]), plan_for(other, [row("2"), row("3")])
    other.apply(theirs)
    with pytest.raises(TargetChanged):
        user.destination.apply(mine)
    assert [str(line["id"]) for line in user.rows()] == ["1", "2", "3"]


def test_a_sheet_that_another_sync_made_between_two_questions_is_looked_at_again(user: GoogleUser) -> None:
    other = GoogleDestination(user.book, http=user.http)
    before = user.destination.stamp("")
    other.apply(plan_for(other, [row("1")]))
    table = read_target(user.destination, TEMPLATE, {"Signals": {"1"}})
    assert table.version != before.version
    assert set(table.tabs["Signals"].rows) == {"1"}


def test_a_server_that_stays_away_leaves_the_rows_for_later(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.inject(status(503), times=0)
    with pytest.raises(TargetBusy) as failure:
        sync(user, row("2"))
    assert "503" in str(failure.value)
    assert sum(user.clock.slept) <= 300


def test_a_used_up_quota_is_waited_for(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.inject(status(429), writes)
    sync(user, row("1"), row("2"))
    assert user.clock.slept == [60.0]
    assert len(user.rows()) == 2


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded"])
def test_a_quota_told_as_a_refused_permission_is_waited_for(user: GoogleUser, reason: str) -> None:
    sync(user, row("1"))
    user.sheets.inject(used_up(reason), writes)
    sync(user, row("1"), row("2"))
    assert user.clock.slept == [60.0]
    user.sheets.inject(used_up(reason), times=0)
    with pytest.raises(TargetBusy) as failure:
        sync(user, row("3"))
    assert failure.value.kind == "quota"


def test_googles_own_word_on_when_to_come_back_is_kept(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.inject(status(429, retry_after=7), writes)
    sync(user, row("1"), row("2"))
    assert user.clock.slept == [7.0]
    assert len(user.rows()) == 2


def test_a_quota_that_stays_used_up_is_given_up(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.inject(status(429, retry_after=70), times=0)
    with pytest.raises(TargetBusy) as failure:
        sync(user, row("2"))
    assert failure.value.kind == "quota"
    assert failure.value.exit_code == 75


def test_our_own_requests_stay_within_the_quota() -> None:
    clock = Clock()
    with start(quota_clock=clock) as sheets:
        http = connect(sheets, clock)
        destination = GoogleDestination(sheets.create(), http=http)
        for _ in range(130):
            destination.stamp("")
        http.close()
        assert clock.now >= 120
        assert all(exchange.status == 200 for exchange in sheets.exchanges)


def test_the_quota_counts_a_window_that_moves() -> None:
    clock = Clock()
    quota = Quota(clock=clock, limit=2)
    assert [quota.delay() for _ in range(3)] == [0.0, 0.0, 60.0]
    clock.now = 61
    assert quota.delay() == 0.0


def test_an_expired_token_is_renewed_once(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.expire_tokens()
    sync(user, row("1"), row("2"))
    assert len(user.rows()) == 2


def test_credentials_that_stay_refused_are_told() -> None:
    clock = Clock()
    with start(accepted_tokens={"another"}) as sheets:
        http = connect(sheets, clock)
        with pytest.raises(AccessRefused, match="does not accept the credentials"):
            GoogleDestination(sheets.create(), http=http).stamp("")
        http.close()
        assert len(sheets.exchanges) == 2


def test_a_sheet_that_is_not_shared_names_whom_to_share_it_with() -> None:
    clock = Clock()
    with start() as sheets:
        book = sheets.create(access="none")

        def open_wire() -> tuple[Wire, str]:
            made = connect(sheets, clock)
            return made._open_wire()[0], "robot@project.iam.gserviceaccount.com"

        http = SheetsHttp(open_wire, clock=clock, sleep=clock.sleep)
        with pytest.raises(AccessRefused) as failure:
            GoogleDestination(book, http=http).stamp("")
        http.close()
    assert "robot@project.iam.gserviceaccount.com" in failure.value.hint
    assert failure.value.exit_code == 77


def test_a_sheet_that_may_only_be_read_is_told_before_anything_is_lost(user: GoogleUser) -> None:
    user.sheets.share(user.book, "reader")
    with pytest.raises(AccessRefused):
        sync(user, row("1"))


def test_a_spreadsheet_that_is_not_there_is_named(user: GoogleUser) -> None:
    missing = "1" * 44
    with pytest.raises(UsageError, match=missing):
        GoogleDestination(missing, http=user.http).stamp("")


@pytest.mark.parametrize(
    ("kind", "told", "mend"),
    [("office", "is an Office file", "Save as Google Sheets"), ("other", "is no spreadsheet", "address")],
)
def test_a_file_that_is_no_google_sheet_is_told_with_the_mend(
    user: GoogleUser, kind: str, told: str, mend: str
) -> None:
    user.sheets.book(user.book).kind = kind
    with pytest.raises(UsageError, match=told) as failure:
        sync(user, row("1"))
    assert mend in failure.value.hint


def test_a_refusal_that_does_not_pass_is_told_in_googles_words(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.inject(Fault("status", status=400), writes, times=0)
    with pytest.raises(CqsError, match="Google refused"):
        sync(user, row("1"), row("2"))


def test_reads_are_asked_again(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.inject(status(500), reads, times=2)
    assert top(user.destination.stamp("").lineage).number == 1


def test_an_emulators_address_keeps_real_credentials_out(
    user: GoogleUser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    user.destination.stamp("")
    assert {exchange.token for exchange in user.sheets.exchanges} == {"made-up-0"}
