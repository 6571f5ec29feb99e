"""The client and the parser against the documented API as a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, timedelta

import pytest

from cqs_sheets.api import ApiClient
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.exchanges import is_futures
from cqs_sheets.core.signals.parse import Parsed, merge_leverage, parse_signals
from cqs_sheets.core.signals.query import Feed, Query, leverage_queries, queries, table_of, wants
from cqs_sheets.core.signals.signal import FeedTable, Signal
from cqs_sheets.errors import AccessRefused, ApiUnavailable
from cqs_sheets.sandbox import (
    ACTIVE_KEY,
    API_PATHS,
    EXPIRED_KEY,
    FREE_KEY,
    INACTIVE_KEY,
    RunningSandbox,
    start,
)
from tests.api.fakes import NOW, FakeTime

Ask = Callable[[Query], Parsed]


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with start(seed=3, clock=lambda: NOW) as running:
        yield running


def client(sandbox: RunningSandbox, key: str, *, path: str = "", retry_for: float = 10.0) -> ApiClient:
    time = FakeTime()
    return ApiClient(
        url=sandbox.url + path,
        key=Secret(key),
        monotonic=time.monotonic,
        sleep=time.sleep,
        random=lambda: 0.5,
        retry_for=retry_for,
    )


def ask(api: ApiClient, query: Query, *, free: bool) -> Parsed:
    answer = api.ask(query)
    table = table_of(query, free=free)
    return parse_signals(answer.envelope.signals, table=table, zone=UTC, count=answer.envelope.count)


@pytest.mark.parametrize("path", ["", *sorted(API_PATHS)])
@pytest.mark.parametrize("key", [FREE_KEY, ACTIVE_KEY])
def test_every_signal_is_understood_on_every_path(sandbox: RunningSandbox, key: str, path: str) -> None:
    with client(sandbox, key, path=path) as api:
        answer = api.ask(Query(20))
        found = parse_signals(
            answer.envelope.signals, table=FeedTable.MAIN, zone=UTC, count=answer.envelope.count
        )
    assert found.signals
    assert (found.rejects, found.warnings, found.complete) == ((), (), True)
    assert answer.at == NOW
    for signal in found.signals:
        assert NOW - timedelta(minutes=20) <= signal.timestamp <= NOW


@pytest.mark.parametrize("key", [EXPIRED_KEY, INACTIVE_KEY, "NOSUCHKEY0123456789"])
def test_a_key_that_is_no_longer_good_is_refused(sandbox: RunningSandbox, key: str) -> None:
    with client(sandbox, key) as api, pytest.raises(AccessRefused):
        api.ask(Query(5))
    assert len(sandbox.requests) == 1


def test_a_free_feed_gets_both_tables_and_every_leverage(sandbox: RunningSandbox) -> None:
    feed = Feed("all", leverage=True)
    with client(sandbox, FREE_KEY) as api:
        signals: list[Signal] = []
        for query in queries(feed, 20, free=True):
            signals = merge_leverage(signals, ask(api, query, free=True).signals)
        assert {signal.key.table for signal in signals} == set(FeedTable)
        assert all(signal.leverage is None for signal in signals)
        for query in leverage_queries(feed, 20, signals):
            signals = merge_leverage(signals, ask(api, query, free=True).signals)
    futures = [signal for signal in signals if is_futures(signal.exchange) and signal.exchange.islower()]
    assert futures
    assert all(signal.leverage for signal in futures)
    assert all(signal.leverage is None for signal in signals if not is_futures(signal.exchange))


def test_a_premium_feed_finds_its_scalps_in_the_main_table(sandbox: RunningSandbox) -> None:
    with client(sandbox, ACTIVE_KEY) as api:
        (query,) = queries(Feed("scalps", type=("SCALPING",)), 20, free=False)
        found = ask(api, query, free=False).signals
    assert found
    assert {(signal.key.table, signal.type) for signal in found} == {(FeedTable.MAIN, "SCALPING")}


def test_filters_with_spaces_and_slashes_arrive(sandbox: RunningSandbox) -> None:
    feed = Feed("mid", exchange=("binance", "bybit"), currency=("USDT",), type=("SHORT/MID TERM", "MID TERM"))
    with client(sandbox, ACTIVE_KEY) as api:
        found = [s for query in queries(feed, 20, free=False) for s in ask(api, query, free=False).signals]
    assert all(wants(feed, signal) for signal in found)
    assert {request.params["type"] for request in sandbox.requests} == set(feed.type)


@pytest.mark.parametrize(
    "fault",
    ["billing-down", "signals-down", "rate-limit", "http-429", "http-500", "http-503", "html", "truncated",
     "dropped", "reset", "not-envelope"],
)  # fmt: skip
@pytest.mark.parametrize("key", [FREE_KEY, ACTIVE_KEY])
def test_a_passing_fault_costs_one_more_request_and_a_lasting_one_is_unavailable(
    sandbox: RunningSandbox, fault: str, key: str
) -> None:
    sandbox.set_faults([f"{fault}@1"])
    with client(sandbox, key) as api:
        assert api.ask(Query(5)).http_requests == 2
        sandbox.set_faults([fault])
        with pytest.raises(ApiUnavailable) as caught:
            api.ask(Query(5))
    assert ACTIVE_KEY not in str(caught.value)


@pytest.mark.parametrize("fault", ["redirect", "oversized"])
def test_a_fault_that_repeating_does_not_mend_ends_at_once(sandbox: RunningSandbox, fault: str) -> None:
    sandbox.set_faults([fault])
    with client(sandbox, ACTIVE_KEY) as api, pytest.raises(ApiUnavailable):
        api.ask(Query(5))
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("fault", ["unknown-fields", "duplicate-id", "wrong-content-type", "bad-encoding"])
def test_a_blemish_loses_no_signal(sandbox: RunningSandbox, fault: str) -> None:
    with client(sandbox, ACTIVE_KEY) as api:
        clean = ask(api, Query(20), free=False)
        sandbox.set_faults([fault])
        spoilt = ask(api, Query(20), free=False)
    assert [signal.key for signal in spoilt.signals] == [signal.key for signal in clean.signals]
    assert (spoilt.rejects, spoilt.complete) == ((), True)


def test_a_wrong_count_makes_the_answer_incomplete(sandbox: RunningSandbox) -> None:
    sandbox.set_faults(["wrong-count"])
    with client(sandbox, ACTIVE_KEY) as api:
        found = ask(api, Query(20), free=False)
    assert found.signals
    assert (len(found.warnings), found.complete) == (1, False)
