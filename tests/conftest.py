"""What all tests share: the folder of workbooks that `-m wild` edits."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--wild", type=Path, help="a folder of workbooks: add a tab to each, update it three times"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--wild") is None:
        items[:] = [item for item in items if not item.get_closest_marker("wild")]
