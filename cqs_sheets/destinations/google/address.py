"""What a Google Sheet's address says beside the spreadsheet's id."""

from __future__ import annotations

import re

_GID = re.compile(r"[#&?]gid=([0-9]+)")


def gid_in(address: str) -> int | None:
    """The id of the tab that an address points at (`#gid=…`), or None."""
    found = _GID.findall(address)
    return int(found[-1]) if found else None
