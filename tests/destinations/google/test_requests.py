"""How many requests a sync takes, and how large they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cqs_sheets.core.plan.facts import top
from cqs_sheets.core.plan.rows import WantedRow
from cqs_sheets.core.signals.signal import FeedTable, Status
from cqs_sheets.errors import DataRefused, TargetBusy
from cqs_sheets.run.looking import look
from cqs_sheets.template_files import load_template
from tests.destinations.google.syncing import plan_for, row, sync
from tests.destinations.google.user import GoogleUser
from tests.emulators.google_sheets import Exchange, Fault, Switches, start, status, writes
from tests.make import TEMPLATE

ADVISED_BYTES = 2_000_000


def test_a_sync_with_news_takes_two_reads_and_one_write(user: GoogleUser) -> None:
    sync(user, *(row(str(number)) for number in range(1, 30)))
    user.sheets.forget()
    changed = [row(str(number), status=Status.CLOSED) for number in range(1, 20)]
    before = user.destination.requests
    sync(user, *changed, *(row(str(number)) for number in range(30, 40)))
    assert (user.sheets.reads, user.sheets.writes) == (2, 1)
    assert user.destination.requests - before == 3


def test_the_first_write_is_one_batch(user: GoogleUser) -> None:
    sync(user, row("1"))
    assert user.sheets.writes == 1
    assert user.sheets.reads == 2


def test_a_table_made_by_hand_takes_three_reads_more_once(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!A1", ["ID", "Coin"])
    sync(user, row("1"), words={"Signals": "Signals"})
    assert (user.sheets.reads, user.sheets.writes) == (4, 1)
    user.sheets.forget()
    sync(user, row("1", coin="ETH"), row("2"))
    assert (user.sheets.reads, user.sheets.writes) == (2, 1)


def test_a_large_table_made_by_hand_is_not_read_whole(user: GoogleUser) -> None:
    lines: list[list[Any]] = [[number, number, "BTC"] for number in range(60)]
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!B3", ["Mine", "ID", "Coin"], *lines)
        hand.do({"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 20_000}})
    words = {"Signals": "Signals"}
    sync(user, row("7", coin="ETH"), row("59", coin="ETH"), row("60"), words=words)
    assert (user.sheets.reads, user.sheets.writes) == (5, 1)
    shown = [line[2:4] for line in user.sheets.tab(user.book, "Signals").entered if len(line) > 3]
    assert len(shown) == 62
    assert shown[60:] == [[59, "ETH"], [60, "BTC"]]
    assert shown[8] == [7, "ETH"]


def test_a_tab_that_is_made_when_needed_takes_no_read_more(user: GoogleUser) -> None:
    signals = load_template("signals")
    sync(user, row("1", template=signals), template=signals)
    user.sheets.forget()
    sync(user, row("7", template=signals, table=FeedTable.SCALPING), template=signals)
    assert "Scalping" in user.sheets.titles(user.book)
    assert (user.sheets.reads, user.sheets.writes) == (1, 1)


def test_the_users_formulas_take_no_read_more(user: GoogleUser) -> None:
    with user.editing() as hand:
        hand.rename_tab("Sheet1", "Signals")
        hand.type("Signals!A1", ["ID", "Stop", "Coin", "Time", "Status", "Seen", "Lev", "Mine"])
        hand.type("Signals!A2", ["1", "=5", "BTC", "", "", "", "", "=B2*7"])
    sync(user, row("1"), row("2"))
    user.sheets.forget()
    sync(user, row("1", coin="ETH"), row("5"))
    assert (user.sheets.reads, user.sheets.writes) == (2, 1)


def test_requests_are_compressed_as_answers_are(user: GoogleUser) -> None:
    sync(user, *(row(str(number)) for number in range(1, 100)))
    write = next(exchange for exchange in user.sheets.exchanges if not exchange.is_read)
    assert write.body_in * 5 < len(json.dumps(write.body))


@pytest.mark.parametrize(
    "switches",
    [Switches(unmatched_lookups_refused=True), Switches(lookups_show_own_metadata=False)],
    ids=["refused lookups", "own metadata apart"],
)
def test_where_google_answers_less_than_hoped_for_it_takes_reads_but_harms_nothing(
    switches: Switches,
) -> None:
    with start(switches=switches) as sheets:
        user = GoogleUser.on(sheets)
        sync(user, row("1"))
        sync(user, row("1", coin="ETH"), row("2"))
        sync(user, row("1", coin="SOL"), row("2"))
        assert [line["coin"] for line in user.rows()] == ["SOL", "BTC"]
        assert sheets.titles(user.book) == ["Sheet1", "Signals", "Settings", "_cqs"]
        user.http.close()


def test_a_spreadsheet_of_ours_whose_columns_google_does_not_show_is_left_alone(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.inject(Fault("status", status=400), _looks, times=0)
    with pytest.raises(DataRefused, match="written by cqs-sheets before"):
        sync(user, row("1"), row("2"))
    assert len(user.rows()) == 1


def _looks(exchange: Exchange) -> bool:
    return exchange.path.endswith(":getByDataFilter")


def test_a_sync_without_news_takes_one_read_and_no_write(user: GoogleUser) -> None:
    sync(user, row("1"))
    user.sheets.forget()
    user.destination.stamp("")
    assert (user.sheets.reads, user.sheets.writes) == (1, 0)


def version_after(user: GoogleUser, *rows: WantedRow) -> str:
    applied = sync(user, *rows)
    assert applied
    return applied.version


def test_a_sync_without_news_reads_as_much_of_a_large_sheet_as_of_a_small_one(user: GoogleUser) -> None:
    def looked(rows: int) -> int:
        known = version_after(user, *(row(str(1_800_000 + number)) for number in range(rows)))
        user.sheets.forget()
        assert user.destination.stamp(known, brief=True).version == known
        assert (user.sheets.reads, user.sheets.writes) == (1, 0)
        return len(json.dumps(user.sheets.exchanges[0].answer))

    assert looked(10) + 200 > looked(300), "one more write is remembered"


def test_a_brief_look_sees_what_another_machine_wrote(user: GoogleUser) -> None:
    known = version_after(user, row("1"))
    other = version_after(user, row("1"), row("2"))
    stamp = user.destination.stamp(known, brief=True)
    assert stamp.version == other != known
    assert top(stamp.lineage).number == 2


def test_what_follows_a_brief_look_is_seen_in_full(user: GoogleUser) -> None:
    known = version_after(user, row("1"))
    brief, whole = (user.destination.stamp(known, brief=each) for each in (True, False))
    one, other = (look(user.destination, TEMPLATE, {}, stamp) for stamp in (brief, whole))
    assert one.sheets == other.sheets
    assert one.marks == other.marks


def test_looking_costs_at_most_sixty_bytes_a_row(user: GoogleUser) -> None:
    def looked(rows: int) -> int:
        sync(user, *(row(str(1_800_000 + number)) for number in range(rows)))
        user.sheets.forget()
        user.destination.stamp("")
        return len(json.dumps(user.sheets.exchanges[0].answer, separators=(",", ":")))

    few = looked(10)
    assert (looked(510) - few) / 500 <= 60


def test_a_large_write_is_split_and_every_piece_leaves_a_valid_sheet(user: GoogleUser) -> None:
    rows = [row(str(number), coin="C" * 4000) for number in range(1, 1001)]
    seen: list[int] = []
    user.sheets.after_commit(lambda _: seen.append(len(user.rows())), times=0)
    sync(user, *rows)
    assert all(len(json.dumps(exchange.body)) < ADVISED_BYTES for exchange in user.sheets.exchanges)
    assert len(seen) > 2
    assert seen == sorted(seen)
    assert [str(line["id"]) for line in user.rows()] == [str(number) for number in range(1, 1001)]
    assert plan_for(user.destination, rows).empty


def test_a_large_write_that_breaks_off_goes_on_where_it_stopped(user: GoogleUser) -> None:
    rows = [row(str(number), coin="C" * 4000) for number in range(1, 1001)]
    user.sheets.inject(status(503), writes, nth=2, times=0)
    with pytest.raises(TargetBusy):
        sync(user, *rows)
    user.sheets.calm()
    begun = len(user.rows())
    assert 0 < begun < 1000
    assert top(user.destination.stamp("").lineage).number == 0
    sync(user, *rows)
    assert [str(line["id"]) for line in user.rows()] == [str(number) for number in range(1, 1001)]
    assert top(user.destination.stamp("").lineage).number == 1


def test_the_grid_grows_only_by_the_rows_that_come(user: GoogleUser) -> None:
    for number in range(1, 6):
        sync(user, row(str(number)))
    tab = user.sheets.book(user.book).tab("Signals")
    assert tab
    assert tab.grid.row_count == user.header_row() + 5 + 1
