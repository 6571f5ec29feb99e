"""Feeds, the requests they come to, and what is refused before the first one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cqs_sheets.core.signals.exchanges import TYPES
from cqs_sheets.core.signals.query import (
    Feed,
    Query,
    exchange_problem,
    leverage_queries,
    queries,
    selection,
    table_of,
    wants,
    warnings,
)
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.errors import UsageError
from tests.make import signal


@pytest.mark.parametrize("minutes", [1, 5, 20])
def test_a_window_the_api_knows_is_accepted(minutes: int) -> None:
    assert Query(minutes).parameters() == {"interval": str(minutes)}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"interval": 0}, ["0", "1..20"]),
        ({"interval": 21}, ["21", "1..20"]),
        ({"type": "short term"}, ["'short term'", "did you mean 'SHORT TERM'", *TYPES]),
        ({"type": "SCALP"}, ["did you mean 'SCALPING'"]),
        ({"type": "WEEKLY"}, [*TYPES]),
        ({"exchange": "binace"}, ["'binace'", "did you mean 'binance'", "okx_futures", "kucoin"]),
        ({"exchange": "Binance Futures"}, ["did you mean 'binance_futures'"]),
        ({"exchange": "new place"}, ["'new place'", "bybit"]),
        ({"exchange": "kucoin spot"}, ["did you mean 'kucoin'"]),
        ({"currency": "usdt"}, ["'usdt'", "did you mean 'USDT'", "BTC"]),
        ({"currency": "USTD"}, ["did you mean 'USDT'"]),
        ({"currency": "BTC/USDT"}, ["'BTC/USDT'"]),
    ],
)
def test_a_wrong_filter_is_refused_with_the_nearest_and_the_valid_values(
    wrong: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UsageError) as caught:
        Query(**{"interval": 5} | wrong)
    assert all(word in caught.value.message for word in words)


@pytest.mark.parametrize("code", ["binance", "BINANCE_FUTURES", "Kucoin", "newplace", "gate_2.x-y"])
def test_known_codes_in_any_casing_and_other_well_formed_ones_pass_as_typed(code: str) -> None:
    assert Query(5, exchange=code).parameters()["exchange"] == code


@pytest.mark.parametrize("code", ["", "a b", "a&b", "ö", "x" * 41, "_x"])
def test_a_code_of_no_plausible_shape_is_a_problem(code: str) -> None:
    assert exchange_problem(code) is not None


def test_a_feed_names_all_that_is_wrong_with_it_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        Feed("swing", exchange=("binance", "binace"), currency=("usdt",), type=("SCALP", "DAILY"))
    assert all(word in caught.value.message for word in ("'binace'", "'usdt'", "'SCALP'", "'DAILY'"))


def test_a_feed_is_asked_once_per_combination_of_its_filters() -> None:
    feed = Feed("swing", exchange=("binance", "bybit"), currency=("USDT",), type=("SHORT TERM", "MID TERM"))
    for free in (True, False):
        assert queries(feed, 7, free=free) == [
            Query(7, "binance", "USDT", "SHORT TERM"),
            Query(7, "binance", "USDT", "MID TERM"),
            Query(7, "bybit", "USDT", "SHORT TERM"),
            Query(7, "bybit", "USDT", "MID TERM"),
        ]


def test_blank_and_repeated_filters_count_for_nothing() -> None:
    feed = Feed("swing", exchange=("", "bybit", "bybit"), type=("",))
    assert queries(feed, 5, free=False) == [Query(5, "bybit")]


def test_a_free_feed_that_wants_everything_asks_both_tables() -> None:
    asked = queries(Feed("all"), 20, free=True)
    assert asked == [Query(20), Query(20, type="SCALPING")]
    assert [table_of(query, free=True) for query in asked] == [FeedTable.MAIN, FeedTable.SCALPING]


def test_a_premium_feed_finds_scalps_in_the_main_table() -> None:
    assert queries(Feed("all"), 20, free=False) == [Query(20)]
    assert table_of(Query(20, type="SCALPING"), free=False) is FeedTable.MAIN


def test_a_selection_is_the_same_for_the_same_filters_and_tier() -> None:
    feed = Feed("a", exchange=("binance", "bybit"), currency=("USDT",))
    same = Feed("b", exchange=("bybit", "binance", ""), currency=("USDT",), leverage=True)
    others = [
        Feed("a", exchange=("binance",), currency=("USDT",)),
        Feed("a", exchange=("binance", "bybit")),
        Feed("a", exchange=("BINANCE", "bybit"), currency=("USDT",)),
        Feed("a", exchange=("binance", "bybit"), currency=("USDT",), type=("SCALPING",)),
    ]
    assert (
        selection(feed, free=True)
        == selection(same, free=True)
        == ("free;exchange=binance,bybit;currency=USDT;type=*")
    )
    distinct = {selection(feed, free=True), selection(feed, free=False)}
    assert len(distinct | {selection(other, free=True) for other in others}) == 6


def test_leverage_is_asked_once_per_futures_code_as_stored() -> None:
    seen = [
        signal("1", exchange="binance_futures"),
        signal("2", exchange="binance_futures"),
        signal("3", exchange="BYBIT"),
        signal("4", exchange="binance"),
        signal("5", exchange="deribit", leverage=Decimal(10)),
    ]
    feed = Feed("all", leverage=True)
    assert leverage_queries(feed, 9, seen) == [Query(9, "binance_futures"), Query(9, "BYBIT")]


def test_leverage_queries_keep_single_filters_and_leave_out_several() -> None:
    seen = [signal("1", exchange="bybit", type="MID TERM")]
    single = Feed("a", currency=("USDT",), type=("MID TERM",), leverage=True)
    several = Feed("a", currency=("USDT", "BTC"), type=("MID TERM", "LONG TERM"), leverage=True)
    assert leverage_queries(single, 5, seen) == [Query(5, "bybit", "USDT", "MID TERM")]
    assert leverage_queries(several, 5, seen) == [Query(5, "bybit")]


def test_leverage_of_free_scalps_is_asked_in_their_own_table() -> None:
    scalp = signal("1", table=FeedTable.SCALPING, exchange="bybit")
    main = signal("1", exchange="bybit")
    asked = leverage_queries(Feed("all", leverage=True), 5, [main, scalp])
    assert asked == [Query(5, "bybit"), Query(5, "bybit", None, "SCALPING")]


def test_leverage_is_not_asked_again_where_the_filter_was_sent_already_or_nobody_wants_it() -> None:
    seen = [signal("1", exchange="bybit")]
    assert leverage_queries(Feed("a", exchange=("bybit",), leverage=True), 5, seen) == []
    assert leverage_queries(Feed("a"), 5, seen) == []
    assert leverage_queries(Feed("a", exchange=("BYBIT",), leverage=True), 5, seen) == [Query(5, "bybit")]


def test_a_feed_wants_what_passes_its_filters_in_any_casing() -> None:
    feed = Feed("a", exchange=("BYBIT",), currency=("USDT",), type=("MID TERM", "LONG TERM"))
    assert wants(feed, signal("1", exchange="bybit", currency="USDT", type="LONG TERM"))
    assert not wants(feed, signal("1", exchange="bybit", currency="USDT", type="SHORT TERM"))
    assert not wants(feed, signal("1", exchange="bybit", currency="BTC", type="MID TERM"))
    assert not wants(feed, signal("1", exchange="binance", currency="USDT", type="MID TERM"))
    assert wants(Feed("all"), signal("1"))


def test_what_may_be_wrong_is_said() -> None:
    assert warnings(Feed("a", exchange=("BINANCE",), currency=("USDT",)), free=True) == []
    unknown = warnings(Feed("a", exchange=("newplace",), currency=("GBP",)), free=False)
    assert ["'newplace'" in unknown[0], "'GBP'" in unknown[1], len(unknown)] == [True, True, 2]
    scalps = Feed("a", exchange=("bitmex",), type=("SCALPING",))
    assert "BitMEX" in warnings(scalps, free=True)[0]
    assert warnings(scalps, free=False) == []
