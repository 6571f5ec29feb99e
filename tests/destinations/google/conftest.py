from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.destinations.google.user import GoogleUser


@pytest.fixture
def user(tmp_path: Path) -> Iterator[GoogleUser]:
    made = GoogleUser(tmp_path)
    yield made
    made.close()
