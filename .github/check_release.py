"""Holds a built wheel and sdist against tag, changelog and source: check_release.py TAG DIST [OWNER/REPO@COMMIT]."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent


def problems(tag: str, dist: Path, action: str = "") -> Iterator[str]:
    """What must be put right before this is published, one line each; nothing for a sound release.

    `action` is what workflows use that the released program writes: its metadata has to say so.
    """
    wheels, sdists = list(dist.glob("*.whl")), list(dist.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sdists) != 1:
        yield f"{dist} holds {len(wheels)} wheels and {len(sdists)} sdists, not one of each"
        return
    with zipfile.ZipFile(wheels[0]) as wheel:
        in_wheel = set(wheel.namelist())
        (metadata,) = [name for name in in_wheel if name.endswith(".dist-info/METADATA")]
        text = wheel.read(metadata).decode()
        version = re.search(r"^Version: (.+)$", text, re.MULTILINE)
    with tarfile.open(sdists[0]) as sdist:
        in_sdist = {name.partition("/")[2] for name in sdist.getnames()}
    number = version[1] if version else "none"
    if tag != f"v{number}":
        yield f"the tag is {tag}, the version {number}"
    if not re.search(
        rf"^## {re.escape(number)} - (\d{{4}}-\d\d-\d\d|unreleased)$", _changelog(), re.MULTILINE
    ):
        yield f"CHANGELOG.md has no line '## {number} - YYYY-MM-DD' (or `unreleased`: the tag has the date)"
    owner, _, commit = action.partition("@")
    if action and f"Project-URL: Commit, https://github.com/{owner}/tree/{commit}\n" not in text:
        yield f"the wheel does not say that it is from {action}"
    for path in (ROOT / "templates").iterdir():
        if f"cqs_sheets/templates/{path.name}" not in in_wheel:
            yield f"the wheel lacks the template {path.name}"
        if f"templates/{path.name}" not in in_sdist:
            yield f"the sdist lacks the template {path.name}"
    if strange := {name for name in in_wheel if not name.startswith(("cqs_sheets/", f"cqs_sheets-{number}"))}:
        yield f"the wheel holds what is not the package: {sorted(strange)}"
    if "cqs_sheets/py.typed" not in in_wheel:
        yield "the wheel lacks py.typed"


def _changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    found = list(problems(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
    sys.exit("\n".join(found) or 0)
