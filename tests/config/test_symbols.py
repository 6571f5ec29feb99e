"""What the config says of an exchange's pairs: understood, or refused by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cqs_sheets.config import sample, schema
from cqs_sheets.core.signals.exchanges import BUILT_IN
from tests.config.loading import load_text, refusal
from tests.make import signal

_TABLE = """\
[symbols.NewDex]
name = "New DEX"
tradingview = "NEWDEX:{COIN}{QUOTE}"
ccxt = "{COIN}/{QUOTE}"
ccxt_id = "newdex"
url = "https://newdex.example/{coin}-{quote}"
quotes = ["USDT"]
"""


def test_a_table_says_how_the_pairs_of_an_exchange_are_spelt(tmp_path: Path) -> None:
    [target] = load_text(tmp_path, _TABLE).targets
    made = signal(exchange="NEWDEX")
    symbols = target.symbols
    assert symbols.exchange_name("newdex") == "New DEX"
    assert (symbols.tradingview(made), symbols.ccxt(made)) == ("NEWDEX:BTCUSDT", "BTC/USDT")
    assert (symbols.ccxt_id(made), symbols.url(made)) == ("newdex", "https://newdex.example/btc-usdt")
    assert symbols.ccxt(signal(exchange="newdex", currency="BTC")) == ""


def test_targets_named_on_the_command_line_are_spelt_alike(tmp_path: Path) -> None:
    [target] = load_text(tmp_path, _TABLE, to=("other.xlsx",)).targets
    assert target.symbols.exchange_name("newdex") == "New DEX"


def test_without_a_table_pairs_are_spelt_as_is_built_in(tmp_path: Path) -> None:
    assert load_text(tmp_path).targets[0].symbols == BUILT_IN


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            'tradingviev = "A:B"',
            "line 2 (symbols > newdex > tradingviev): unknown key `tradingviev`: did you",
        ),
        ('tradingview = "{COIN}"', "line 2 (symbols > newdex > tradingview): expected a TradingView symbol"),
        ('url = "ftp://x/{coin}"', "expected a link such as"),
        ('url = "https://x/{Coin}"', '"{Coin}" is not known here: did you mean'),
        ('url = "https://x/{coin"', "a brace stands alone"),
        ('ccxt_id = "Binance!"', "expected an exchange id of ccxt"),
        ('quotes = ["usdt"]', "line 2 (symbols > newdex > quotes 1)"),
        ("", "expected at least 1 keys"),
        ('name = "A"\n[symbols.NEWDEX]\nname = "B"', "line 3 (symbols > NEWDEX): the same exchange as"),
        ('name = "A"\n[symbols.binace]\nname = "B"', "line 3 (symbols > binace): unknown exchange 'binace'"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_its_line(tmp_path: Path, line: str, told: str) -> None:
    assert told in refusal(tmp_path, f"[symbols.newdex]\n{line}\n")


def test_the_sample_shows_every_key() -> None:
    for name in schema()["properties"]["symbols"]["additionalProperties"]["properties"]:
        assert f"# {name} = " in sample()
