from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulators.caller import Caller
from tests.emulators.google_sheets import RunningSheets, start


@pytest.fixture
def sheets() -> Iterator[RunningSheets]:
    with start() as running:
        yield running


@pytest.fixture
def api(sheets: RunningSheets) -> Iterator[Caller]:
    with Caller(sheets) as caller:
        yield caller
