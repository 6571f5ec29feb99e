from collections.abc import Iterator

import pytest

from cqs_sheets.sandbox import FaultSettings, RunningSandbox, start
from tests.sandbox.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox(clock: Clock) -> Iterator[RunningSandbox]:
    settings = FaultSettings(slow_seconds=0, hang_seconds=30, retry_after=7, oversized_bytes=300_000)
    with start(clock=clock, fault_settings=settings) as running:
        yield running
