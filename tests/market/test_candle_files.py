"""Candles from CSV files: read exactly, put in order, refused with the line where they cannot be right."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest

from cqs_sheets.core.outcomes.candles import ONE, Candles, Touch
from cqs_sheets.errors import DataRefused, UsageError
from cqs_sheets.market import candle_files
from cqs_sheets.market.candle_files import MarketName, market_name, read_candles

HEADER = "exchange,symbol,time,open,high,low,close,volume"
NOON = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
MINUTE = int(NOON.timestamp()) // 60


def file(folder: Path, *rows: str, header: str = HEADER, ending: str = "\n") -> Path:
    path = folder / "candles.csv"
    path.write_text(ending.join([header, *rows, ""]), encoding="utf-8", newline="")
    return path


def only(folder: Path, *rows: str) -> Candles:
    [found] = read_candles(file(folder, *rows)).values()
    return found


def row(time: object, prices: str = "10,11,9,10", market: str = "binance,BTC/USDT") -> str:
    return f"{market},{time},{prices},1.5"


def bars(found: Candles) -> list[tuple[float, ...]]:
    every = (found.bar(index, 1) for index in range(len(found.minutes)))
    return [(bar.minute - MINUTE, *(price / ONE for price in bar[1:5])) for bar in every]


def test_a_market_is_found_by_code_and_pair_in_any_casing(tmp_path: Path) -> None:
    rows = [
        row(NOON.isoformat(), market="Binance,btc/usdt"),
        row("2026-05-24T12:01:00Z", market="binance,BTC/USDT"),
        row("2026-05-24T12:01:00Z", market="kraken,BTC/USD"),
    ]
    found = read_candles(file(tmp_path, *rows))
    assert {name: len(market.minutes) for name, market in found.items()} == {
        market_name("binance", "BTC/USDT"): 2,
        market_name("KRAKEN", "btc/usd"): 1,
    }


@pytest.mark.parametrize(
    "time",
    [
        "2026-05-24T12:00:00Z",
        "2026-05-24 12:00",
        "2026-05-24T14:00:00+02:00",
        str(int(NOON.timestamp())),
        str(int(NOON.timestamp()) * 1000),
    ],
)
def test_time_is_iso_or_seconds_or_milliseconds_and_utc_if_unmarked(tmp_path: Path, time: str) -> None:
    found = only(tmp_path, row(time))
    assert list(found.minutes) == [MINUTE]
    assert found.as_of == MINUTE + 1


def test_from_1e11_on_a_number_is_milliseconds(tmp_path: Path) -> None:
    assert list(only(tmp_path, row(99_999_999_960)).minutes) == [99_999_999_960 // 60]
    assert list(only(tmp_path, row(100_000_020_000)).minutes) == [100_000_020 // 60]


def test_rows_are_sorted_and_identical_ones_merge(tmp_path: Path) -> None:
    times = [f"2026-05-24T12:0{minute}:00Z" for minute in (2, 0, 1, 0)]
    found = only(tmp_path, *(row(time, f"1{time[15]},20,5,10") for time in times))
    assert bars(found) == [(0, 10, 20, 5, 10), (1, 11, 20, 5, 10), (2, 12, 20, 5, 10)]


def test_the_same_prices_written_otherwise_are_the_same(tmp_path: Path) -> None:
    same = [row("2026-05-24 12:00", prices) for prices in ("10,11,9,10", "10.0,11.00,9,1e1")]
    assert len(only(tmp_path, *same).minutes) == 1


def test_prices_are_exact_however_they_are_written(tmp_path: Path) -> None:
    rows = [
        row("2026-05-24 12:00", "0.00000012,1.2e-7,0.00000011,.00000012"),
        row("2026-05-24 12:01", "94325.1,99999999.123456789012,94325.1,94325.1"),
        row("2026-05-24 12:02", "7,7,7,7"),
    ]
    found = only(tmp_path, *rows)
    assert found.bar(0, 1)[1:5] == (120_000_000_000, 120_000_000_000, 110_000_000_000, 120_000_000_000)
    assert found.bar(1, 1).high == 99_999_999_123_456_789_012_000_000
    assert found.bar(2, -1)[:5] == (MINUTE + 2, -7 * ONE, -7 * ONE, -7 * ONE, -7 * ONE)


def test_a_price_may_have_more_decimals_than_any_market(tmp_path: Path) -> None:
    found = only(tmp_path, row("2026-05-24 12:00", ",".join(["1." + "0" * 58 + "1"] * 4)))
    assert found.bar(0, 1).open - ONE == Fraction(1, 10**41)
    assert found.next_touch(0, 1, Touch(ONE, None), 1) == 1


def test_windows_line_ends_a_byte_order_mark_and_blank_lines_are_no_matter(tmp_path: Path) -> None:
    path = file(tmp_path, row("2026-05-24 12:00"), "", header="\ufeff" + HEADER, ending="\r\n")
    assert len(read_candles(path)) == 1


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    header = "note,Close,Open,High,Low,Volume,Time,Symbol,Exchange"
    path = file(tmp_path, "x,1,2,3,0.5,0,2026-05-24 12:00,BTC/USDT,binance", header=header)
    [found] = read_candles(path).values()
    assert bars(found) == [(0, 2, 3, 0.5, 1)]


def test_a_file_without_rows_has_no_market(tmp_path: Path) -> None:
    assert read_candles(file(tmp_path)) == {}


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            [row("2026-05-24 12:00"), row("2026-05-24 12:00", "10,12,9,10")],
            "line 3: another candle of the same minute stands in line 2",
        ),
        ([row("2026-05-24 12:00", "0,11,0,10")], "line 2: open is 0: a price is above 0"),
        ([row("2026-05-24 12:00", "-1,11,9,10")], "line 2: open is -1: a price is above 0"),
        ([row("2026-05-24 12:00", "nan,11,9,10")], 'line 2: open is no price: "nan"'),
        ([row("2026-05-24 12:00", "10,11,9,")], 'line 2: close is no price: ""'),
        ([row("2026-05-24 12:00", "10,9,11,10")], "line 2: no candle is like this"),
        ([row("2026-05-24 12:00", "12,11,9,10")], "line 2: no candle is like this"),
        ([row("2026-05-24 12:00", "10,11,9,8")], "line 2: no candle is like this"),
        ([row("2026-05-24 12:00:30")], 'line 2: time is "2026-05-24 12:00:30": a candle of one minute starts'),
        ([row("1779624001")], 'line 2: time is "1779624001": a candle of one minute starts'),
        ([row("yesterday")], 'line 2: time is no time: "yesterday"'),
        ([row("99999999999999999")], "line 2: time is no time"),
        ([row("9999-12-31T23:59:00Z")], 'line 2: time is no time: "9999-12-31T23:59:00Z"'),
        ([row("")], 'line 2: time is no time: ""'),
        (["binance,BTC/USDT,2026-05-24 12:00,10"], "line 2: expected 8 values, found 4"),
        ([row("2026-05-24 12:00", market="binance,BTCUSDT")], "line 2: expected an exchange's code and COIN/CURRENCY"),
        ([row(f"2026-05-24 12:{minute:02}") for minute in (0, 5, 10)], "line 3: most candles here are 5 minutes apart"),
    ],
)  # fmt: skip
def test_what_cannot_be_candles_is_refused_with_its_line(tmp_path: Path, rows: list[str], told: str) -> None:
    with pytest.raises(DataRefused) as refused:
        read_candles(file(tmp_path, *rows))
    assert told in str(refused.value)
    assert refused.value.exit_code == 65


def test_minutes_without_trades_are_no_other_step(tmp_path: Path) -> None:
    found = only(tmp_path, *(row(f"2026-05-24 12:{minute:02}") for minute in (0, 1, 7, 8, 30)))
    assert len(found.minutes) == 5


@pytest.mark.parametrize("content", [b"", b"time,open\n", b"\xff\xfe\x00", b'a,"b\n'])
def test_what_is_no_file_of_candles_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "candles.csv"
    path.write_bytes(content)
    with pytest.raises(DataRefused):
        read_candles(path)


def test_a_file_that_cannot_be_read_is_the_users_to_name(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(UsageError):
            read_candles(path)


def test_the_search_finds_what_looking_at_each_candle_finds() -> None:
    dice = Random(7)  # noqa: S311
    for count in (1, 15, 16, 17, 256, 257, 1000, 5000):
        opens = [dice.randint(50, 150) for _ in range(count)]
        highs, lows = [one + dice.randint(0, 9) for one in opens], [one - dice.randint(0, 9) for one in opens]
        found = Candles(range(count), opens, highs, lows, opens, decimals=0)
        for _ in range(40):
            first, end = sorted((dice.randint(0, count), dice.randint(0, count)))
            low, high, side = dice.randint(30, 60), dice.randint(140, 165), dice.choice((1, -1))
            touch = Touch(low * ONE, high * ONE) if side > 0 else Touch(-high * ONE, -low * ONE)
            touched = (at for at in range(first, end) if lows[at] <= low or highs[at] >= high)
            assert found.next_touch(first, end, touch, side) == next(touched, end)
            if first < end:
                assert found.extremes(first, end, side) == extremes(lows[first:end], highs[first:end], side)


def extremes(lows: Iterable[int], highs: Iterable[int], side: int) -> tuple[int, int]:
    ends = (max(highs) * ONE * side, min(lows) * ONE * side)
    return max(ends), min(ends)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_in_place_of_the_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="it is no file"):
        read_candles(tmp_path / "pipe")


def test_no_market_of_a_file_is_compared_with_all_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[str] = []

    def counted(exchange: str, symbol: str) -> MarketName:
        named.append(symbol)
        return market_name(exchange, symbol)

    monkeypatch.setattr(candle_files, "market_name", counted)
    rows = (row(NOON.isoformat(), market=f"binance,c{number}/usdt") for number in range(100))
    assert len(read_candles(file(tmp_path, *rows))) == 100
    assert len(named) < 400
