"""Folders that are written to: can they be, and is there room."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from cqs_sheets.doctor.finding import Finding, fail, ok, warn
from cqs_sheets.errors import AccessRefused, TargetBusy

_SCARCE, _NONE = 500 << 20, 20 << 20

_WAITS = "A sync cannot write there; its rows wait in the journal."


def check_folder(subject: str, folder: Path) -> Iterator[Finding]:
    """A folder, or the nearest one above it that exists, as it is made when it is needed."""
    found = next((each for each in (folder, *folder.parents) if each.exists()), None)
    if found is None:  # a drive of Windows
        hint = "Connect the drive, or name another folder."
        gone = AccessRefused(f"The drive of {folder} is not there.", meaning=_WAITS, hint=hint)
        yield fail(subject, "folder.writable", gone)
        return
    if not os.access(found, os.W_OK | os.X_OK):
        yield fail(
            subject,
            "folder.writable",
            AccessRefused(
                f"The folder {found} is not writable.",
                meaning=_WAITS,
                hint="Allow writing to it (a new file takes the old one's place), or name another folder.",
            ),
        )
        return
    free = shutil.disk_usage(found).free
    text = f"{size_text(free)} free in {found}"
    if free < _NONE:
        hint = "Free some space, then run again."
        yield fail(
            subject, "folder.space", TargetBusy(f"The disk is full: {text}.", meaning=_WAITS, hint=hint)
        )
    elif free < _SCARCE:
        mend = "Free some space soon: a workbook is written beside the old one before it takes its place."
        yield warn(subject, "folder.space", f"The disk is nearly full: {text}.", mend)
    else:
        yield ok(subject, "folder.space", f"writable, {text}")


def size_text(size: float) -> str:
    """`900 bytes`, `12.3 MB`."""
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 100 else f"{size:.1f} {unit}"  # noqa: PLR2004
        size /= 1000
    return f"{size:.1f} TB"
