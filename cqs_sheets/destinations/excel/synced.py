"""Folders that a service keeps the same on several computers: whose they are, and the copies it makes of a conflict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from cqs_sheets.patterns import regex

HALF_SYNCED = 120.0
"""Seconds: a workbook there that cannot be read and was saved in the last of them may not be whole yet."""

# a part of the path (lower case) -> whose folder that is
_FOLDERS = (
    (regex(r"onedrive( - .*)?|.* - sharepoint"), "OneDrive"),
    (regex(r"dropbox( \(.*\))?"), "Dropbox"),
    (regex(r"mobile documents|com~apple~clouddocs|icloud ?drive"), "iCloud Drive"),
    (regex(r"google ?drive(-.*)?|my drive|googledrive-.*"), "Google Drive"),
    (regex(r"nextcloud|owncloud"), "Nextcloud"),
)
_SAYS_SO = regex(r"[ ._-]?[\[(].*(confli|konflikt).*[\])]|\.sync-conflict-\d{8}-\d{6}.*", re.IGNORECASE)
_BY_SERVICE = {
    "OneDrive": regex(r"-(DESKTOP|LAPTOP)-[A-Z0-9]+(-\d+)?"),  # it names the other computer
    "iCloud Drive": regex(r" [2-9]"),
    "Google Drive": regex(r" \([1-9]\)"),
}


def service_of(path: Path) -> str | None:
    """The service whose folder a file is in, by the folders' names; None for none that is known."""
    parts = [part.lower() for part in path.parent.parts]
    return next((name for sign, name in _FOLDERS if any(sign.fullmatch(part) for part in parts)), None)


def conflict_copies(path: Path, names: Iterable[str]) -> Iterator[str]:
    """Which of the names beside a file are copies that a service made where two computers saved at once."""
    by_service = _BY_SERVICE.get(service_of(path) or "")
    for name in sorted(names):
        rest = name.removeprefix(path.stem).removesuffix(path.suffix)
        if not (name.startswith(path.stem) and name.endswith(path.suffix) and rest):
            continue
        if _SAYS_SO.fullmatch(rest) or (by_service and by_service.fullmatch(rest)):
            yield name


def placeholder(path: Path) -> Path:
    """What iCloud Drive leaves of a file that it has taken off this Mac."""
    return path.with_name(f".{path.name}.icloud")
