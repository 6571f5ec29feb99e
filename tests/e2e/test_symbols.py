"""What the config says of an exchange's pairs reaches the sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cqs_sheets.template_files import load_template
from tests.e2e.runs import World, world

_OWN = '[symbols.Binance_Futures]\nname = "BF"\nurl = "https://my.example/{coin}-{quote}"\n'
_NONE = '[symbols.binance_futures]\nurl = ""\n'


@pytest.fixture
def market(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, seed=3, speed=20) as made:
        made.template = load_template("signals")
        yield made


def links(market: World) -> dict[str, tuple[object, object]]:
    """Exchange name and link of the rows of Binance Futures, by id."""
    rows = [row for row in market.memory.tabs["Signals"] if str(row["code"]).lower() == "binance_futures"]
    assert rows
    return {str(row["id"]): (row["exchange"], row["url"]) for row in rows}


def test_new_rows_are_spelt_as_the_config_says(market: World) -> None:
    market.config_text = _OWN
    market.sync()
    for name, url in links(market).values():
        assert name == "BF"
        assert str(url).startswith("https://my.example/")


def test_rows_that_are_there_get_what_was_blank(market: World) -> None:
    market.config_text = _NONE
    market.sync()
    before = links(market)
    assert {url for _, url in before.values()} == {""}
    market.config_text = _OWN
    market.sync()
    after = links(market)
    for id_, (name, url) in before.items():
        assert not url
        assert after[id_][0] == name == "Binance Futures"
        assert str(after[id_][1]).startswith("https://my.example/")
