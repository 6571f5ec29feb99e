"""What programs see through the client: every signal once, whatever happens to the API meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

import cqs_sheets
from cqs_sheets import AccessRefused, Client, FeedTable, Signal, SignalKey, UsageError, Window, sandbox
from cqs_sheets.programs import tell_of_gap
from tests.api.fakes import NOW, FakeTime

FREE = {sandbox.Pool.FREE, sandbox.Pool.FREEMIUM}


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def server(time: FakeTime) -> Iterator[sandbox.RunningSandbox]:
    with sandbox.start(seed=5, clock=time.clock) as running:
        yield running


def client(
    server: sandbox.RunningSandbox,
    time: FakeTime,
    key: str = "FREE",
    sleep: Callable[[float], None] | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Client:
    return Client(
        key,
        url=server.url,
        retry_for=5,
        clock=clock or time.clock,
        monotonic=time.monotonic,
        sleep=sleep or time.sleep,
    )


class EnoughError(Exception):
    """The program has seen enough."""


def test_a_gap_that_nobody_asks_about_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    tell_of_gap(Window(NOW - timedelta(hours=1), NOW))
    assert f"to {NOW} may have been missed" in caplog.text


def streamed(
    server: sandbox.RunningSandbox,
    time: FakeTime,
    hours: float,
    every: float,
    gaps: list[Window],
    meanwhile: Callable[[], None] = lambda: None,
    clock: Callable[[], datetime] | None = None,
) -> list[Signal]:
    """The signals of so many hours."""

    def sleep(seconds: float) -> None:
        time.sleep(seconds)
        meanwhile()
        if time.passed > hours * 3600:
            raise EnoughError

    seen = []
    with suppress(EnoughError):
        for signal in client(server, time, sleep=sleep, clock=clock).stream(every=every, on_gap=gaps.append):
            seen.append(signal)  # noqa: PERF402 - what came before the end is kept
    return seen


def published(server: sandbox.RunningSandbox, hours: float, every: float) -> set[SignalKey]:
    """What the free key could see at two polls or more, by the market's own truth."""
    until = NOW + timedelta(hours=hours) - timedelta(seconds=2 * every)
    return {
        SignalKey(FeedTable(signal.table), str(signal.published_fields["id"]))
        for signal in server.market.history(NOW, until)
        if signal.pool in FREE and signal.closed - signal.published > every * 1e6
    }


def test_a_stream_yields_every_signal_once(server: sandbox.RunningSandbox, time: FakeTime) -> None:
    gaps: list[Window] = []
    keys = [signal.key for signal in streamed(server, time, 4, 120, gaps)]
    assert len(keys) == len(set(keys)) > 20
    assert published(server, 4, 120) <= set(keys)
    assert not gaps


def test_a_stream_goes_on_when_the_api_comes_back_and_tells_what_was_missed(
    server: sandbox.RunningSandbox, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    gaps: list[Window] = []

    def outage() -> None:
        server.set_faults(["signals-down"] if 1800 < time.passed < 1800 + 3600 else [])

    with caplog.at_level(logging.WARNING, "cqs_sheets"):
        keys = [signal.key for signal in streamed(server, time, 4, 60, gaps, outage)]
    assert len(keys) == len(set(keys))
    [gap] = gaps
    assert timedelta(minutes=35) < gap.end - gap.start < timedelta(minutes=50)
    assert "no usable answer" in caplog.text


def test_a_clock_that_jumps_yields_nothing_twice_and_misses_nothing(
    server: sandbox.RunningSandbox, time: FakeTime
) -> None:
    jumps, ahead, gaps = iter([0, 7200, 0, -86_400]), [timedelta(0)], list[Window]()

    def jump() -> None:
        ahead[0] += timedelta(seconds=next(jumps, 0))

    signals = streamed(server, time, 2, 240, gaps, jump, clock=lambda: time.clock() + ahead[0])
    keys = [signal.key for signal in signals]
    assert len(keys) == len(set(keys)) > 5
    assert published(server, 2, 240) <= set(keys)
    assert not gaps


def test_an_answer_with_a_wrong_count_yields_its_signals_but_covers_nothing(
    server: sandbox.RunningSandbox, time: FakeTime
) -> None:
    gaps: list[Window] = []

    def miscount() -> None:
        server.set_faults(["wrong-count"] if 600 < time.passed < 600 + 3600 else [])

    keys = [signal.key for signal in streamed(server, time, 2, 60, gaps, miscount)]
    assert len(keys) == len(set(keys))
    assert published(server, 2, 300) <= set(keys)
    [gap] = gaps
    assert timedelta(minutes=35) < gap.end - gap.start < timedelta(minutes=50)


def test_the_open_signals_are_those_of_the_filters(server: sandbox.RunningSandbox, time: FakeTime) -> None:
    everything = client(server, time).open_signals()
    assert [signal.timestamp for signal in everything] == sorted(signal.timestamp for signal in everything)
    exchange = everything[0].exchange
    chosen = client(server, time).open_signals(exchange=[exchange], leverage=True)
    assert {signal.exchange for signal in chosen} == {exchange}
    assert {signal.key for signal in chosen} <= {signal.key for signal in everything}


def test_a_refused_key_and_a_wrong_filter_are_errors_that_tell_what_to_do(
    server: sandbox.RunningSandbox, time: FakeTime
) -> None:
    with pytest.raises(AccessRefused):
        client(server, time, sandbox.INACTIVE_KEY).open_signals()
    with pytest.raises(UsageError, match="did you mean 'SHORT TERM'"):
        client(server, time).open_signals(type=["SHORT TERN"])
    with pytest.raises(UsageError):
        Client("two words")


def test_everything_that_is_promised_can_be_imported() -> None:
    for name in cqs_sheets.__all__:
        assert getattr(cqs_sheets, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Signals'"):
        _ = cqs_sheets.Signals  # type: ignore[attr-defined]
