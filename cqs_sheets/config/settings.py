"""Everything a run can be told, as frozen objects: made once at the edge by load.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from cqs_sheets.config.places import Place
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.query import Feed
from cqs_sheets.core.signals.symbols import BUILT_IN, Symbols

DEFAULT_TARGET = "signals.xlsx"
DEFAULT_TEMPLATE = "signals"
DEFAULT_FEED = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSettings:
    """How to ask the API.

    `interval` is the look-back in minutes (1-20), None for "as long as since the last good poll".
    `retry_for` bounds all retries of one sync, in seconds. `server_zone`: of the API's time stamps.
    """

    url: str
    key: Secret
    server_zone: ZoneInfo
    interval: int | None
    retry_for: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSettings:
    """One target. Times are in seconds; `heartbeat` 0 means never.

    `template` is a name, or the absolute path of a template file. `feeds` None means all.
    `where` is as core.rows.rows.passes reads it: a field's allowed values as texts, bounds as Decimal.
    `backups` is how many earlier versions of a workbook are kept; `symbols` how pairs are spelt.
    `tabs` maps tabs of the template to the titles of the user's own sheets that stand for them.
    """

    place: Place
    template: str = DEFAULT_TEMPLATE
    feeds: tuple[str, ...] | None = None
    heartbeat: int = 3600
    where: Mapping[str, object] = field(default_factory=dict)
    backups: int = 1
    lock_wait: int = 10
    symbols: Symbols = BUILT_IN
    tabs: Mapping[str, str] = field(default_factory=dict)

    @property
    def to(self) -> str:
        """The target as the user wrote it."""
        return self.place.text

    @property
    def name(self) -> str:
        """What reports call the target: as the user wrote it. Not unique over folders, see `identity`."""
        return self.place.text

    @property
    def path(self) -> Path | None:
        """The workbook's absolute path; None for a Google Sheet."""
        return self.place.path

    @property
    def identity(self) -> str:
        """The same for every spelling of one workbook or Google Sheet: remember it by this."""
        return self.place.identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run's settings. Neither repr nor str shows the key.

    `zone` is how times are shown, `home` the journal's folder (it need not exist yet), `source` the
    config file, `sheets_url` a loopback root for Google's endpoints. `warnings` are to be told.
    """

    api: ApiSettings
    feeds: tuple[Feed, ...]
    targets: tuple[TargetSettings, ...]
    zone: ZoneInfo
    home: Path
    source: Path | None = None
    sheets_url: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The command line's options of sync and watch; empty or None where not given.

    `to` narrows to configured targets or names others (relative to the working folder);
    `template` and `tabs` (tab -> title) are for all chosen targets. Filters replace those of every feed.
    """

    to: tuple[str, ...] = ()
    template: str | None = None
    tabs: Mapping[str, str] = field(default_factory=dict)
    interval: str | int | None = None
    exchange: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
