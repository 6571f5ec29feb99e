"""Windows lets a program open a file for itself alone, and says no more to others than that it is not permitted."""

from __future__ import annotations

from pathlib import Path

HELD = (32, 33)
"""Windows' errors: another program has the file open, or a part of it locked."""


def is_held(file: Path) -> bool:
    """Whether another program has the file open so that nobody may put another in its place.

    To be asked on Windows, after an `open` that was not permitted: to rename a file to its own name
    changes nothing, and fails by the true reason.
    """
    try:
        file.rename(file)
    except OSError as error:
        return getattr(error, "winerror", None) in HELD
    return False
