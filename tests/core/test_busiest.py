"""The lists of busiest exchanges and coins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

from cqs_sheets.core.plan.rows import asked, busiest, looks_at_words
from cqs_sheets.core.signals.signal import FeedTable, Record
from cqs_sheets.core.templates.template import Setting, SettingsSection, SettingsTab, Template
from tests.make import SIGNALS_TAB, record

LISTS = SettingsTab(
    name="Settings",
    sections=(
        SettingsSection(
            title="WRITTEN BY THE SYNC",
            settings=(
                Setting(name="Top_exchanges", label="", value="@exchanges_30d", synced=True),
                Setting(name="Top_coins", label="", value="@coins_30d", synced=True),
                Setting(name="Typed", label="", value="@coins_30d"),
            ),
        ),
    ),
)
TEMPLATE = Template(name="lists", title="", tabs=(SIGNALS_TAB, LISTS))


def lists(*records: Record, where: Mapping[str, Any] | None = None) -> dict[str, str]:
    return busiest(TEMPLATE, where or {}, [(each, 1) for each in records], UTC)


def many(count: int, **changes: Any) -> list[Record]:
    return [record(str(number), **changes) for number in range(count)]


def test_only_settings_of_the_sync_ask_for_a_list() -> None:
    assert asked(TEMPLATE) == {"Top_exchanges": "@exchanges_30d", "Top_coins": "@coins_30d"}


def test_the_busiest_comes_first_and_ties_go_by_name() -> None:
    found = lists(
        *many(2, coin="SOL", exchange="kraken"),
        *many(1, coin="btc", exchange="binance_futures"),
        *many(1, coin="ADA", exchange="BINANCE"),
        *many(3, coin="DOGE", exchange="new_one"),
    )
    assert found["Top_coins"] == "DOGE, SOL, ADA, btc"
    assert found["Top_exchanges"] == "new_one, Kraken, Binance, Binance Futures"


def test_spellings_of_one_exchange_count_together() -> None:
    found = lists(*many(1, exchange="BINANCE"), *many(1, exchange="binance"), *many(1, exchange="kraken"))
    assert found["Top_exchanges"] == "Binance, Kraken"


def test_a_list_is_as_long_as_its_chart() -> None:
    records = [record(str(n), coin=f"C{n:02}", exchange=f"e{n:02}") for n in range(30)]
    found = lists(*records)
    assert len(found["Top_exchanges"].split(", ")) == 9
    assert len(found["Top_coins"].split(", ")) == 10


def test_only_rows_of_the_target_count() -> None:
    scalping = replace(record("9"), signal=replace(record("9", table=FeedTable.SCALPING).signal, coin="XRP"))
    found = lists(
        record("1"), record("2", coin="ETH", direction="SHORT"), scalping, where={"direction": "LONG"}
    )
    assert found["Top_coins"] == "BTC"


def test_no_name_can_pass_for_two_or_for_none() -> None:
    assert lists(record("1", coin="A,B"), record("2", coin="  "))["Top_coins"] == "A B"


def test_without_rows_the_lists_are_blank() -> None:
    assert lists() == {"Top_exchanges": "", "Top_coins": ""}


def test_a_signal_may_stand_for_many() -> None:
    found = busiest(TEMPLATE, {}, [(record("1", coin="ADA"), 1), (record("2", coin="SOL"), 3)], UTC)
    assert found["Top_coins"] == "SOL, ADA"


def test_a_where_on_prices_cannot_be_answered_by_words() -> None:
    assert looks_at_words(TEMPLATE, {"direction": "LONG", "max_risk": 3})
    assert not looks_at_words(TEMPLATE, {"stop_loss": "93100"})
    priced = replace(SIGNALS_TAB, where={"ask": ["1"]})
    assert not looks_at_words(replace(TEMPLATE, tabs=(priced, LISTS)), {})
