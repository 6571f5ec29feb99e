"""Public market data as exchanges document it: Binance spot, Binance USD-M futures and Bybit.

Each is served below `/markets/<its name in ccxt>`, with the paths, limits and errors of its own. The
last candle is the one that has not ended yet, as at the exchanges. Nobody needs a key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Final

from cqs_sheets.sandbox import answers
from cqs_sheets.sandbox.prices import EXCHANGES, Candle, Exchange, Pair, Prices

MARKETS_PREFIX: Final = "/markets/"
LIMITED, BANNED, BLOCKED, AWAY = "market-429", "market-418", "market-451", "market-503"
MARKET_FAULTS: Final = (LIMITED, BANNED, BLOCKED, AWAY)
"""What can be wrong with all market data: too many requests, banned for that, not served here, out of order."""

_BY_CODE = {exchange.code: exchange for exchange in EXCHANGES}
_CONTRACTS = {
    "binance_futures": {"SHIB": "1000SHIB", "PEPE": "1000PEPE"},
    "bybit": {"SHIB": "SHIB1000", "PEPE": "1000PEPE"},
}
"""Perpetuals of a thousand coins, as the exchanges name them."""
_PERPETUAL = 4133404800000  # the delivery date of what is never delivered
_LISTED = 1569398400000
_BINANCE_STEPS = {"1m": 1, "1h": 60}
_BYBIT_STEPS = {"1": 1, "60": 60}
_DEFAULT_LIMIT, _SPOT_LIMIT, _USDM_LIMIT, _BYBIT_LIMIT = 500, 1000, 1500, 1000

Params = Mapping[str, str]


class MarketData:
    """Answers requests for market data."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def answer(self, path: str, params: Params, now: datetime, faults: Sequence[str] = ()) -> answers.Answer:
        """Answer one GET request for a path below MARKETS_PREFIX as of `now` (aware)."""
        name, _, rest = path.removeprefix(MARKETS_PREFIX).partition("/")
        serve = {
            ("binance", "api/v3/exchangeInfo"): self._binance_spot_markets,
            ("binance", "api/v3/klines"): self._binance_spot_klines,
            ("binanceusdm", "fapi/v1/exchangeInfo"): self._usdm_markets,
            ("binanceusdm", "fapi/v1/klines"): self._usdm_klines,
            ("bybit", "v5/market/instruments-info"): _bybit_markets,
            ("bybit", "v5/market/kline"): self._bybit_klines,
        }.get((name, rest))
        if serve is None:
            return _error(HTTPStatus.NOT_FOUND, -1, "the sandbox has candles of Binance and Bybit alone")
        return _refused(name, faults) or serve(params, int(now.timestamp()))

    def _binance_spot_markets(self, params: Params, now: int) -> answers.Answer:
        del params
        symbols = [
            {
                "symbol": f"{pair.coin}{pair.currency}", "status": "TRADING", "baseAsset": pair.coin,
                "baseAssetPrecision": 8, "quoteAsset": pair.currency, "quotePrecision": 8,
                "quoteAssetPrecision": 8, "orderTypes": ["LIMIT", "MARKET"], "isSpotTradingAllowed": True,
                "isMarginTradingAllowed": False, "permissions": [], "permissionSets": [["SPOT"]],
                "filters": [_tick_filter(pair)],
            }
            for pair in _pairs("binance")
        ]  # fmt: skip
        return _exchange_info(symbols, now)

    def _usdm_markets(self, params: Params, now: int) -> answers.Answer:
        del params
        symbols = [
            {
                "symbol": f"{pair.coin}{pair.currency}", "pair": f"{pair.coin}{pair.currency}",
                "contractType": "PERPETUAL", "deliveryDate": _PERPETUAL, "onboardDate": _LISTED,
                "status": "TRADING", "baseAsset": pair.coin, "quoteAsset": pair.currency,
                "marginAsset": pair.currency, "pricePrecision": 8, "quantityPrecision": 3,
                "baseAssetPrecision": 8, "quotePrecision": 8, "underlyingType": "COIN",
                "filters": [_tick_filter(pair)], "orderTypes": ["LIMIT", "MARKET"],
            }
            for pair in _pairs("binance_futures")
        ]  # fmt: skip
        return _exchange_info(symbols, now)

    def _binance_spot_klines(self, params: Params, now: int) -> answers.Answer:
        return self._binance_klines("binance", params, now, _SPOT_LIMIT)

    def _usdm_klines(self, params: Params, now: int) -> answers.Answer:
        return self._binance_klines("binance_futures", params, now, _USDM_LIMIT)

    def _binance_klines(self, code: str, params: Params, now: int, most: int) -> answers.Answer:
        pair = next(
            (one for one in _pairs(code) if f"{one.coin}{one.currency}" == params.get("symbol")), None
        )
        step = _BINANCE_STEPS.get(params.get("interval", ""))
        if pair is None:
            return _error(HTTPStatus.BAD_REQUEST, -1121, "Invalid symbol.")
        if step is None:
            return _error(HTTPStatus.BAD_REQUEST, -1120, "Invalid interval.")
        limit = min(int(params.get("limit", _DEFAULT_LIMIT)), most)
        candles = self._candles(
            _BY_CODE[code],
            _pairs(code)[pair],
            step,
            now,
            limit,
            params.get("startTime"),
            params.get("endTime"),
        )
        return answers.as_json([_binance_row(pair, one, step) for one in candles])

    def _bybit_klines(self, params: Params, now: int) -> answers.Answer:
        inverse = params.get("category") == "inverse"
        pairs = [one for one in _pairs("bybit") if (one.currency == "USD") == inverse]
        pair = next((one for one in pairs if f"{one.coin}{one.currency}" == params.get("symbol")), None)
        step = _BYBIT_STEPS.get(params.get("interval", ""))
        if pair is None or step is None:
            return _bybit(now, {}, code=10001, message="Not supported symbols")
        limit = min(int(params.get("limit", 200)), _BYBIT_LIMIT)
        candles = self._candles(
            _BY_CODE["bybit"], _pairs("bybit")[pair], step, now, limit, params.get("start"), params.get("end")
        )
        rows = [
            [str(one.minute * 60_000), *_prices(pair, one), f"{one.volume:.3f}", f"{one.volume:.3f}"]
            for one in reversed(candles)
        ]
        shown = {"category": params.get("category"), "symbol": params.get("symbol"), "list": rows}
        return _bybit(now, shown)

    def _candles(
        self, exchange: Exchange, pair: Pair, step: int, now: int, limit: int, start: str | None, end: str | None
    ) -> list[Candle]:  # fmt: skip
        """At most `limit` candles from `start` on, or else the last ones up to `end` (milliseconds)."""
        last = min(now, int(end) // 1000 if end else now) // 60
        first = -(-int(start) // 60_000) if start else last - limit * step + 1
        first = -(-first // step) * step
        read = self._prices.minutes if step == 1 else self._prices.hours
        found: list[Candle] = []
        while len(found) < limit and first <= last:
            until = min(first + (limit - len(found)) * step, last // step * step + step)
            begun = now // (60 * step) * step  # the candle that has not ended yet
            found += read(exchange, pair, first, min(until, begun))
            if first <= begun < until:
                found += self._unfinished(exchange, pair, begun, now)
            first = until
        return found

    def _unfinished(self, exchange: Exchange, pair: Pair, begun: int, now: int) -> list[Candle]:
        """The candle from the minute `begun` up to this second."""
        minutes = self._prices.minutes(exchange, pair, begun, now // 60)
        seconds = range(now // 60 * 60, now + 1)
        if not self._prices.minutes(exchange, pair, now // 60, now // 60 + 1):
            seconds = range(0)
        paid = [self._prices.at(exchange, pair, second) for second in seconds]
        prices = [*(price for one in minutes for price in one[1:5]), *paid]
        if not prices:
            return []
        volume = sum(one.volume for one in minutes) + len(paid)
        return [Candle(begun, prices[0], max(prices), min(prices), prices[-1], volume)]


def _pairs(code: str) -> Mapping[Pair, Pair]:
    """The pairs of an exchange as it names and prices them, and the same as signals do."""
    contracts = _CONTRACTS.get(code, {})
    return {
        replace(pair, coin=contracts[pair.coin], decimals=pair.decimals - 3) if pair.coin in contracts else pair: pair
        for pair in _BY_CODE[code].pairs
    }  # fmt: skip


def _exchange_info(symbols: Sequence[Mapping[str, object]], now: int) -> answers.Answer:
    return answers.as_json(
        {
            "timezone": "UTC",
            "serverTime": now * 1000,
            "rateLimits": [],
            "exchangeFilters": [],
            "symbols": symbols,
        }
    )


def _tick_filter(pair: Pair) -> dict[str, str]:
    return {
        "filterType": "PRICE_FILTER",
        "minPrice": pair.price(1),
        "maxPrice": "1000000",
        "tickSize": pair.price(1),
    }


def _prices(pair: Pair, candle: Candle) -> list[str]:
    return [pair.price(price) for price in candle[1:5]]


def _binance_row(pair: Pair, candle: Candle, step: int) -> list[object]:
    opened = candle.minute * 60_000
    volume = f"{candle.volume:.8f}"
    return [
        opened,
        *_prices(pair, candle),
        volume,
        opened + step * 60_000 - 1,
        volume,
        1,
        volume,
        volume,
        "0",
    ]


def _bybit_markets(params: Params, now: int) -> answers.Answer:
    category = params.get("category", "")
    kind = {"linear": "LinearPerpetual", "inverse": "InversePerpetual"}.get(category)
    listed = [
        {
            "symbol": f"{pair.coin}{pair.currency}", "contractType": kind, "status": "Trading",
            "baseCoin": pair.coin, "quoteCoin": pair.currency, "launchTime": str(_LISTED), "deliveryTime": "0",
            "priceScale": "8", "leverageFilter": {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"},
            "priceFilter": {"minPrice": pair.price(1), "maxPrice": "1999999", "tickSize": pair.price(1)},
            "lotSizeFilter": {"maxOrderQty": "100", "minOrderQty": "0.001", "qtyStep": "0.001"},
            "unifiedMarginTrade": True, "fundingInterval": 480,
            "settleCoin": pair.currency if category == "linear" else pair.coin,
        }
        for pair in _pairs("bybit")
        if kind and "status" not in params and (pair.currency == "USD") == (category == "inverse")
    ]  # fmt: skip
    return _bybit(now, {"category": category, "list": listed, "nextPageCursor": ""})


def _bybit(now: int, result: object, *, code: int = 0, message: str = "OK") -> answers.Answer:
    return answers.as_json(
        {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now * 1000}
    )


def _refused(name: str, faults: Sequence[str]) -> answers.Answer | None:
    """Why a request is not served at all, if it is not."""
    if BLOCKED in faults:
        return _error(
            HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, 0,
            "Service unavailable from a restricted location according to 'b. Eligibility' in the terms.",
        )  # fmt: skip
    if AWAY in faults:
        return _error(HTTPStatus.SERVICE_UNAVAILABLE, -1, "Service unavailable")
    if BANNED in faults:
        banned = _error(HTTPStatus.IM_A_TEAPOT, -1003, "Way too much request weight used; IP banned.")
        return banned.with_headers(Retry_After="120")
    if LIMITED in faults:
        if name == "bybit":
            return _bybit(0, {}, code=10006, message="Too many visits!")
        limited = _error(HTTPStatus.TOO_MANY_REQUESTS, -1003, "Too much request weight used.")
        return limited.with_headers(Retry_After="1")
    return None


def _error(status: int, code: int, message: str) -> answers.Answer:
    return answers.as_json({"code": code, "msg": message}, status)
