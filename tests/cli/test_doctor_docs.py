"""docs/doctor.md tells of every check there is, and of no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
CHECK = re.compile(r'"((?:program|config|api|journal|google|target|folder|service|alert|outcomes)\.\w+)"')


def test_every_check_is_told_of() -> None:
    sources = (ROOT / "cqs_sheets" / "doctor").glob("*.py")
    there = {check for path in sources for check in CHECK.findall(path.read_text(encoding="utf-8"))}
    told = set(re.findall(r"`(\w+\.\w+)`", (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")))
    assert there == told
