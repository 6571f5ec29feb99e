"""The time zone that this machine is set to, as far as it tells by an IANA name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cqs_sheets.config.values import zone

_ETC = Path("/etc")


def machine_zone(environ: Mapping[str, str], etc: Path = _ETC) -> str:
    """A name such as "Europe/Berlin"; "UTC" where the machine tells none (Windows has names of its own)."""
    for name in _told(environ, etc):
        try:
            zone(name)
        except ValueError:
            continue
        return "UTC" if name.endswith("/UTC") else name
    return "UTC"


def _told(environ: Mapping[str, str], etc: Path) -> Iterator[str]:
    yield environ.get("TZ", "").removeprefix(":")
    link = etc / "localtime"
    if link.is_symlink():
        yield link.readlink().as_posix().rpartition("zoneinfo/")[2]
    try:
        yield (etc / "timezone").read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return
