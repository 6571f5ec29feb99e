"""What the signals API answers, as its guide has it; market data beside it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

from cqs_sheets.sandbox import answers
from cqs_sheets.sandbox.market import Simulation, microseconds
from cqs_sheets.sandbox.market_data import MARKETS_PREFIX, MarketData
from cqs_sheets.sandbox.prices import FUTURES_CODES
from cqs_sheets.sandbox.signals import Fields, Horizon, Signal, Table

API_PATHS: Final = frozenset({"/getSignal", "/getSignal/", "/api/v1/getSignal", "/api/v1/getSignal/"})

DEFAULT_INTERVAL: Final = "5"
LONGEST_INTERVAL: Final = 20

BILLING_DOWN: Final = "billing-down"
SIGNALS_DOWN: Final = "signals-down"
RATE_LIMIT: Final = "rate-limit"

_VALID_TYPES = ", ".join(Horizon)


class Service:
    """Answers requests from a market. Holds nothing between requests but how much market data was asked for."""

    def __init__(
        self, market: Simulation, subscriptions: Sequence[answers.Subscription] = answers.SUBSCRIPTIONS
    ) -> None:
        self._market = market
        self._market_data = MarketData(market.prices)
        self._subscriptions = tuple(subscriptions)

    def answer(
        self,
        method: str,
        path: str,
        params: Mapping[str, str],
        now: datetime,
        *,
        outages: Collection[str] = (),
    ) -> answers.Answer:
        """Answer one request as of `now` (aware).

        `outages` names parts of the service that are down: BILLING_DOWN, SIGNALS_DOWN, RATE_LIMIT, and of
        market data MARKET_FAULTS.
        """
        if path.startswith(MARKETS_PREFIX):
            if method != "GET":
                return not_allowed(method, "GET")
            return self._market_data.answer(path, params, now, tuple(outages))
        if path not in API_PATHS:
            return answers.failure(answers.ErrorCode.BAD_REQUEST, "Not found", HTTPStatus.NOT_FOUND)
        if method not in ("GET", "POST"):
            return not_allowed(method, "GET, POST")
        return self._signals(params, now, outages)

    def _signals(self, params: Mapping[str, str], now: datetime, outages: Collection[str]) -> answers.Answer:
        if RATE_LIMIT in outages:
            return answers.failure(answers.ErrorCode.RATE_LIMITED, "Rate limit exceeded")
        key = params.get("api_key", "")
        problem = _problem(key, params)
        if problem is not None:
            return answers.failure(answers.ErrorCode.BAD_REQUEST, problem)
        if BILLING_DOWN in outages:
            return answers.failure(answers.ErrorCode.CANNOT_VALIDATE, "Unable to validate API Key")
        pools = answers.pools_for(key, self._subscriptions, now)
        if pools is None:
            return answers.failure(answers.ErrorCode.REFUSED, "Invalid API Key")
        if SIGNALS_DOWN in outages:
            return answers.failure(answers.ErrorCode.REFUSED, "System unavailable")
        wanted = params.get("type", "")
        scalping_table = key == answers.FREE_KEY and wanted == Horizon.SCALPING
        signals = self._market.open_signals(
            now,
            minutes=int(params.get("interval", DEFAULT_INTERVAL)),
            table=Table.SCALPING if scalping_table else Table.MAIN,
            pools=pools,
            horizon=Horizon(wanted) if wanted else None,
        )
        return answers.envelope(
            _filtered(signals, params.get("exchange", ""), params.get("currency", ""), now)
        )


def not_allowed(method: str, allowed: str) -> answers.Answer:
    """Answer 405, naming the methods that are allowed."""
    message = f"Method {_shown(method)} is not allowed here, only {allowed}"
    return answers.failure(
        answers.ErrorCode.BAD_REQUEST, message, HTTPStatus.METHOD_NOT_ALLOWED
    ).with_headers(Allow=allowed)


def _problem(key: str, params: Mapping[str, str]) -> str | None:
    """Say what is wrong with the request itself, if anything is."""
    if not key:
        return "Missing API key: send api_key, either FREE or your premium subscription ID"
    wanted = params.get("type", "")
    if wanted and wanted not in set(Horizon):
        return f"Invalid type '{_shown(wanted)}'. Valid types: {_VALID_TYPES}"
    interval = params.get("interval", DEFAULT_INTERVAL)
    if not re.fullmatch(r"[0-9]{1,9}", interval) or not 1 <= int(interval) <= LONGEST_INTERVAL:
        span = f"a whole number of minutes from 1 to {LONGEST_INTERVAL}"
        return f"Bad parameter: interval must be {span}, not '{_shown(interval)}'"
    return None


def _filtered(signals: Sequence[Signal], exchange: str, currency: str, now: datetime) -> list[Fields]:
    # The stored value is matched with its case; which codes bring leverage is a matter of the
    # exchange, and the guide's own example filter is BINANCE_FUTURES: so case is no matter there.
    with_leverage = exchange.lower() in FUTURES_CODES
    instant = microseconds(now)
    rows: list[Fields] = []
    for signal in signals:
        stored = signal.published_fields
        if (exchange and stored["exchange"] != exchange) or (currency and stored["currency"] != currency):
            continue
        fields = signal.fields_at(instant)
        if with_leverage and signal.leverage is not None:
            fields["leverage"] = signal.leverage
        rows.append(fields)
    return rows


def _shown(text: str, most: int = 40) -> str:
    """Return what a message may repeat of a request's text."""
    printable = "".join(char if char.isprintable() else "?" for char in text[:most])
    return printable + ("..." if len(text) > most else "")
