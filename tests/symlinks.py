"""Symbolic links, which not every system makes."""

from __future__ import annotations

from pathlib import Path

import pytest


def symlink(link: Path, to: Path) -> None:
    """Make a link; where none can be made, as by most users of Windows, the test is skipped."""
    try:
        link.symlink_to(to)
    except OSError as error:
        pytest.skip(f"no symbolic link can be made: {error}")
    if not link.is_symlink():
        pytest.skip("no symbolic link can be made, though none was refused")
