"""Candles kept on this computer, so that none is fetched twice: hours as they are, minutes hour by hour.

It is a cache: a file that cannot be read is begun anew, and what is oldest goes where it grows beyond its bound.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal, DecimalTuple
from pathlib import Path
from typing import Any, NamedTuple

from cqs_sheets.core.outcomes.candles import HOUR, Candles
from cqs_sheets.errors import DataRefused
from cqs_sheets.values import dataclass, field

STORE_FILE = "candles.sqlite3"
"""The store's name in the home folder."""

MOST_BYTES = 200 * 1024 * 1024
"""From this size on the oldest minutes are dropped."""

_VERSION = 1
_TABLES = """
CREATE TABLE markets (id INTEGER PRIMARY KEY, exchange TEXT, symbol TEXT, entry TEXT, asked INTEGER,
    UNIQUE (exchange, symbol));
CREATE TABLE hours (market INTEGER, hour INTEGER, candle TEXT, PRIMARY KEY (market, hour)) WITHOUT ROWID;
CREATE TABLE minutes (market INTEGER, hour INTEGER, until INTEGER, candles BLOB, PRIMARY KEY (market, hour));
"""


class Row(NamedTuple):
    """A candle: the minute it begins in, and prices as whole numbers of 10^-`decimals`."""

    minute: int
    open: int
    high: int
    low: int
    close: int
    decimals: int

    @classmethod
    def of(cls, minute: int, prices: Iterable[Decimal]) -> Row:
        """The candle of exact prices."""
        exact = [price.as_tuple() for price in prices]
        decimals = max(0, *(-int(one.exponent) for one in exact))
        opened, high, low, last = (_whole(one, decimals) for one in exact)
        return cls(minute, opened, high, low, last, decimals)


@dataclass(frozen=True, slots=True)
class KnownCandles:
    """What is known of a market: by the first minute of an hour its candle (None: nobody traded), and its minutes.

    Of `minutes` the number is how many of the hour's minutes are known.
    """

    hours: dict[int, Row | None] = field(default_factory=dict)
    minutes: dict[int, tuple[int, list[Row]]] = field(default_factory=dict)

    def has_minutes(self, hour: int, now: int) -> bool:
        """Whether all minutes of an hour that have ended by `now` are known."""
        return self.minutes.get(hour, (0, []))[0] >= min(HOUR, now - hour)

    def candles(self, until: int) -> Candles:
        """All of it before the minute `until`, in order: the minutes of an hour where they are known."""
        whole: list[int] = []
        rows: list[Row] = []
        for hour in sorted(self.hours.keys() | self.minutes.keys()):
            known, minutes = self.minutes.get(hour, (0, []))
            candle = self.hours.get(hour)
            if known >= HOUR or candle is None:
                rows += minutes
            else:
                rows.append(candle)
                whole.append(hour)
        while rows and rows[-1].minute >= until:
            rows.pop()
        decimals = max((row.decimals for row in rows), default=0)
        factors = [10 ** (decimals - finer) for finer in range(decimals + 1)]
        columns = [[row[at] * factors[row.decimals] for row in rows] for at in range(1, 5)]
        return Candles([row.minute for row in rows], *columns, decimals=decimals, until=until, hours=whole)


class CandleStore:
    """The candles of one home folder."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[CandleStore]:
        """Open the store of a folder, making both if need be; raises DataRefused where that cannot be."""
        path = folder / STORE_FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                connection = _connected(path)
            except sqlite3.DatabaseError:
                for name in (STORE_FILE, f"{STORE_FILE}-wal", f"{STORE_FILE}-shm"):
                    with suppress(FileNotFoundError):
                        (folder / name).unlink()
                connection = _connected(path)
        except (sqlite3.Error, OSError) as error:
            raise DataRefused(
                f"The candles in {path} cannot be kept: {error}.",
                meaning="Signals are written as ever, but not judged.",
                hint="Make the folder writable, and see that the disk has room.",
                kind="candles",
            ) from None
        try:
            yield cls(connection)
        finally:
            connection.close()

    def market(self, exchange: str, symbol: str) -> int:
        """The number of a market, made if need be."""
        with self._db:
            self._db.execute(
                "INSERT INTO markets (exchange, symbol) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (exchange, symbol),
            )
        rows = self._db.execute(
            "SELECT id FROM markets WHERE exchange = ? AND symbol = ?", (exchange, symbol)
        )
        return int(rows.fetchone()[0])

    def entries(self, exchange: str, *, since: int) -> dict[str, dict[str, Any] | None]:
        """What an exchange said of its markets, by symbol, since that second; None: it has none of that name."""
        rows = self._db.execute(
            "SELECT symbol, entry FROM markets WHERE exchange = ? AND entry IS NOT NULL AND asked >= ?",
            (exchange, since),
        )
        return {symbol: json.loads(entry) for symbol, entry in rows}

    def keep_entries(self, exchange: str, entries: Mapping[str, Any], asked: int) -> None:
        """Keep what an exchange says of some of its markets."""
        with self._db:
            self._db.executemany(
                "INSERT INTO markets (exchange, symbol, entry, asked) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET entry = excluded.entry, asked = excluded.asked",
                (
                    (exchange, symbol, json.dumps(entry, default=str), asked)
                    for symbol, entry in entries.items()
                ),
            )

    def known(self, market: int, first: int) -> KnownCandles:
        """What is known of a market from the hour around a minute on."""
        since = first - first % HOUR
        found = KnownCandles()
        for hour, text in self._db.execute(
            "SELECT hour, candle FROM hours WHERE market = ? AND hour >= ?", (market, since)
        ):
            found.hours[hour] = None if text is None else Row(hour, *json.loads(text))
        for hour, until, body in self._db.execute(
            "SELECT hour, until, candles FROM minutes WHERE market = ? AND hour >= ?", (market, since)
        ):
            rows = json.loads(zlib.decompress(body))
            found.minutes[hour] = (until, [Row(hour + within, *prices) for within, *prices in rows])
        return found

    def add_hours(self, market: int, known: KnownCandles, rows: Iterable[Row], first: int, end: int) -> None:
        """Keep the candles of the hours that begin in [first, end), all of which were asked for."""
        told = {row.minute: row for row in rows}
        found = {hour: told.get(hour) for hour in range(first, end, HOUR)}
        known.hours.update(found)
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO hours (market, hour, candle) VALUES (?, ?, ?)",
                ((market, hour, None if row is None else json.dumps(row[1:])) for hour, row in found.items()),
            )

    def add_minutes(
        self, market: int, known: KnownCandles, rows: Iterable[Row], first: int, end: int
    ) -> None:
        """Keep the candles of the minutes [first, end), all of which were asked for; `first` begins an hour."""
        by_hour: dict[int, list[Row]] = {hour: [] for hour in range(first, end, HOUR)}
        for row in rows:
            if first <= row.minute < end:
                by_hour[row.minute - row.minute % HOUR].append(row)
        found = {hour: (min(HOUR, end - hour), minutes) for hour, minutes in by_hour.items()}
        known.minutes.update(found)
        with self._db:
            self._db.executemany(
                "INSERT OR REPLACE INTO minutes (market, hour, until, candles) VALUES (?, ?, ?, ?)",
                ((market, hour, until, _body(hour, minutes)) for hour, (until, minutes) in found.items()),
            )

    def shrink(self) -> None:
        """Drop the oldest quarter of minutes if the file holds more than MOST_BYTES."""
        [(pages,)], [(size,)] = self._db.execute("PRAGMA page_count"), self._db.execute("PRAGMA page_size")
        if pages * size <= MOST_BYTES:
            return
        with self._db:
            self._db.execute(
                "DELETE FROM minutes WHERE rowid IN (SELECT rowid FROM minutes ORDER BY hour"
                " LIMIT (SELECT count(*) / 4 + 1 FROM minutes))"
            )
        self._db.execute("VACUUM")


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # what is lost with the power is fetched again
        [(version,)] = connection.execute("PRAGMA user_version")
        if version != _VERSION:  # the tables of another version are there already: begun anew, then
            connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {_VERSION};COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _body(hour: int, rows: Sequence[Row]) -> bytes:
    return zlib.compress(json.dumps([[row.minute - hour, *row[1:]] for row in rows]).encode())


def _whole(price: DecimalTuple, decimals: int) -> int:
    """A price as a whole number of 10^-`decimals`."""
    digits = int("".join(map(str, price.digits)))
    return digits * int(10 ** (decimals + int(price.exponent)))
