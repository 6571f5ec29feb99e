"""Candles from CSV files: `exchange,symbol,time,open,high,low,close,volume`, one row a minute."""

from __future__ import annotations

import csv
import io
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, MutableSequence, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from cqs_sheets.core.outcomes.candles import Candles, packed
from cqs_sheets.core.signals.signal import exact_decimal
from cqs_sheets.core.toml import quoted
from cqs_sheets.errors import DataRefused, UsageError
from cqs_sheets.files import opened
from cqs_sheets.patterns import regex

COLUMNS = ("exchange", "symbol", "time", "open", "high", "low", "close", "volume")
_PRICES = ("open", "high", "low", "close")
_PAIR = regex(r"[^/:\s]+/[^/:\s]+")
_WHOLE = regex(r"[0-9]{1,16}")
_PLAIN = regex(r"([0-9]{1,80})(?:\.([0-9]{1,80}))?")
_MILLISECONDS = 10**11  # from here on a number is no longer seconds
_UNIX_START = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_YEAR = 9000  # so that every horizon ends within the calendar
_MEANING = "Nothing was judged."


class MarketName(NamedTuple):
    """A market as signals name it: the exchange's code in lower case, the pair in upper case."""

    exchange: str
    symbol: str


def market_name(exchange: str, symbol: str) -> MarketName:
    """The name of a market, whichever way it is written."""
    return MarketName(exchange.strip().lower(), symbol.strip().upper())


def read_candles(path: Path) -> Mapping[MarketName, Candles]:
    """The candles of a file, by market, sorted; the same row twice counts once.

    Raises DataRefused with the line of what cannot be candles of one minute, UsageError for no such file.
    """
    try:
        with io.TextIOWrapper(opened(path), encoding="utf-8-sig", newline="") as file:
            return _read(file, path.name)
    except UnicodeDecodeError:
        raise _refused(path.name, None, "this is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}.",
            meaning=_MEANING,
            hint="Name a CSV file of candles with --candles.",
        ) from None


class _Broken(ValueError):
    """What is wrong with the file, and in which line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class _Column:
    """Whole numbers, eight bytes each as long as they fit."""

    def __init__(self) -> None:
        self.numbers: MutableSequence[int] = array("q")

    def append(self, number: int) -> None:
        try:
            self.numbers.append(number)
        except OverflowError:
            self.numbers = [*self.numbers, number]

    def scale(self, factor: int) -> None:
        self.numbers = packed([number * factor for number in self.numbers])


class _Rows:
    """The rows of one market as they come: prices as whole numbers of 10^-`decimals`."""

    def __init__(self) -> None:
        self.decimals = 0
        self.minutes, self.lines = _Column(), _Column()
        self.prices = tuple(_Column() for _ in _PRICES)

    def add(self, minute: int, line: int, candle: Sequence[tuple[int, int]]) -> None:
        """Add a candle, each price as (digits, decimals)."""
        most = max(decimals for _, decimals in candle)
        if most > self.decimals:
            for column in self.prices:
                column.scale(10 ** (most - self.decimals))
            self.decimals = most
        self.minutes.append(minute)
        self.lines.append(line)
        for column, (digits, decimals) in zip(self.prices, candle, strict=True):
            column.append(digits * 10 ** (self.decimals - decimals))

    def candles(self) -> Candles:
        """The candles in order; raises _Broken for rows that contradict each other."""
        minutes, columns = self.minutes.numbers, [column.numbers for column in self.prices]
        if any(later <= before for before, later in pairwise(minutes)):
            order = self._in_order(columns)
            minutes, columns = _taken(minutes, order), [_taken(column, order) for column in columns]
            self.lines.numbers = _taken(self.lines.numbers, order)
        self._check_step(minutes)
        return Candles(minutes, *columns, decimals=self.decimals)

    def _in_order(self, columns: Sequence[Sequence[int]]) -> list[int]:
        """The rows by minute, of rows that are the same only the first."""
        minutes, lines, kept = self.minutes.numbers, self.lines.numbers, list[int]()
        for at in sorted(range(len(minutes)), key=minutes.__getitem__):
            if not kept or minutes[kept[-1]] != minutes[at]:
                kept.append(at)
            elif any(column[at] != column[kept[-1]] for column in columns):
                raise _Broken(
                    lines[at], f"another candle of the same minute stands in line {lines[kept[-1]]}"
                )
        return kept

    def _check_step(self, minutes: Sequence[int]) -> None:
        steps = Counter(later - before for before, later in pairwise(minutes))
        commonest = min(steps, key=lambda step: (-steps[step], step), default=1)
        if commonest > 1:
            first = next(
                at for at, (before, later) in enumerate(pairwise(minutes), 1) if later - before == commonest
            )
            raise _Broken(
                self.lines.numbers[first],
                f"most candles here are {commonest} minutes apart: candles of one minute are needed",
            )


def _read(file: Iterable[str], name: str) -> dict[MarketName, Candles]:
    rows = csv.reader(file)
    markets: dict[tuple[str, str], _Rows] = {}
    try:
        places = _places(next(rows, []))
        for row in rows:
            if row:
                _take(row, rows.line_num, places, markets)
        by_name = {market_name(*names): of for names, of in markets.items()}
        return {name: of.candles() for name, of in by_name.items()}
    except _Broken as error:
        raise _refused(name, error.line, str(error)) from None
    except csv.Error as error:
        raise _refused(name, rows.line_num, f"this is not CSV ({error})") from None


def _places(header: Sequence[str]) -> list[int]:
    """Where each of COLUMNS stands."""
    names = [name.strip().lower() for name in header]
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise _Broken(1, f"the header must name {', '.join(COLUMNS)}; missing: {', '.join(missing)}")
    return [names.index(column) for column in COLUMNS]


def _take(
    row: Sequence[str], line: int, places: Sequence[int], markets: dict[tuple[str, str], _Rows]
) -> None:
    if len(row) <= max(places):
        raise _Broken(line, f"expected {len(COLUMNS)} values, found {len(row)}")
    exchange, symbol, time, *prices, _ = (row[place] for place in places)
    candle = [_price(text, column, line) for text, column in zip(prices, _PRICES, strict=True)]
    most = max(decimals for _, decimals in candle)
    first, high, low, last = (digits * 10 ** (most - decimals) for digits, decimals in candle)
    if high < max(first, low, last) or low > min(first, last):
        raise _Broken(line, "no candle is like this: high and low must enclose open and close")
    rows = markets.get((exchange, symbol)) or _begun(exchange, symbol, line, markets)
    rows.add(_minute(time.strip(), line), line, candle)


def _begun(exchange: str, symbol: str, line: int, markets: dict[tuple[str, str], _Rows]) -> _Rows:
    """The rows of a market in a spelling not met before."""
    name = market_name(exchange, symbol)
    if not name.exchange or not _PAIR.fullmatch(name.symbol):
        raise _Broken(line, f"expected an exchange's code and COIN/CURRENCY, found {quoted(','.join(name))}")
    rows = markets[exchange, symbol] = markets.setdefault(name, _Rows())
    return rows


def _price(text: str, column: str, line: int) -> tuple[int, int]:
    """A price as digits and decimals, exact."""
    plain = _PLAIN.fullmatch(text)
    if not plain:
        number = exact_decimal(text.strip())
        if number is None:
            raise _Broken(line, f"{column} is no price: {quoted(text)}")
        plain = _PLAIN.fullmatch(format(number, "f"))
    if not plain or not (digits := int(plain[1] + (plain[2] or ""))):
        raise _Broken(line, f"{column} is {text.strip()}: a price is above 0")
    return digits, len(plain[2] or "")


def _minute(text: str, line: int) -> int:
    """The minute that starts at a time: ISO 8601 (UTC if unmarked), seconds or milliseconds since 1970."""
    try:
        if _WHOLE.fullmatch(text):
            number = int(text)
            moment = _UNIX_START + timedelta(
                milliseconds=number if number >= _MILLISECONDS else number * 1000
            )
        else:
            moment = datetime.fromisoformat(text)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        known = moment.year <= _LAST_YEAR
    except (ValueError, OverflowError):
        known = False
    if not known:
        raise _Broken(line, f"time is no time: {quoted(text)}")
    minute, rest = divmod(moment - _UNIX_START, timedelta(minutes=1))
    if rest:
        raise _Broken(line, f"time is {quoted(text)}: a candle of one minute starts on a full minute")
    return minute


def _taken(numbers: Sequence[int], order: Sequence[int]) -> MutableSequence[int]:
    return packed([numbers[at] for at in order])


def _refused(name: str, line: int | None, message: str) -> DataRefused:
    where = name if line is None else f"{name}, line {line}"
    return DataRefused(
        f"{where}: {message}.",
        meaning=_MEANING,
        hint="Mend the file, or leave those rows out, and run again.",
        kind="candles",
    )
