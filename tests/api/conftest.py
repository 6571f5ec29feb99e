from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from cqs_sheets.api import ApiClient
from cqs_sheets.core.secret import Secret
from tests.api.fakes import FakeTime, ScriptedServer, serving

KEY = "k3yNobodyMaySee0123456789abcdef"

Connect = Callable[..., ApiClient]


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving() as scripted:
        yield scripted


@pytest.fixture
def connect(server: ScriptedServer, time: FakeTime) -> Iterator[Connect]:
    """Makes clients of the scripted server, with the premium key unless told otherwise."""
    with ExitStack() as stack:

        def make(**options: Any) -> ApiClient:
            told: dict[str, Any] = {
                "url": server.url,
                "key": Secret(KEY),
                "clock": time.clock,
                "monotonic": time.monotonic,
                "sleep": time.sleep,
                "random": lambda: 0.5,
            }
            return stack.enter_context(ApiClient(**told | options))

        yield make
