"""The option of `pytest -m wild --wild FOLDER`, for a checkout of this project only.

pytest takes the folder for the project's own unless it knows the option before it looks for its
configuration, and only an installed plugin is early enough.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

_CHECKOUT = Path("tests", "wild", "test_wild.py")


def pytest_addoption(parser: Any) -> None:  # noqa: ANN401 - pytest need not be installed
    """Add `--wild`, where there are tests that heed it."""
    if _CHECKOUT.exists():
        parser.addoption("--wild", type=Path, help="edit every workbook of a folder: `-m wild --wild FOLDER`")
