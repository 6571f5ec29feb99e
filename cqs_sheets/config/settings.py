"""What a run is told, frozen: the environment, where targets are, and everything that the config can say."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cqs_sheets.config.values import zone
from cqs_sheets.core.alerts import AlertPolicy
from cqs_sheets.core.secret import Secret
from cqs_sheets.core.signals.exchanges import BUILT_IN, Symbols
from cqs_sheets.core.signals.query import Feed, selection
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass, field

if TYPE_CHECKING:
    from cqs_sheets.core.outcomes.rules import Rules

_GOOGLE_URL = regex(r"(?:https?://)?docs\.google\.com(?:[/?#].*)?", re.IGNORECASE)
_GOOGLE_ID = regex(r"[A-Za-z0-9_-]{25,}")
_ID_IN_URL = regex(r"/spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]{20,})(?:[/?#]|$)")
_OTHER_URL = regex(r"[A-Za-z][A-Za-z0-9+.-]+://.*")
_CONTROL = regex(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Location:
    """A target's place: as written, and the workbook's absolute path or the spreadsheet's id."""

    text: str
    path: Path | None
    spreadsheet: str | None

    @property
    def identity(self) -> str:
        """One text for every spelling of the same place (symlinks followed)."""
        return self.spreadsheet or os.path.normcase(os.path.realpath(self.path or ""))


def is_google(to: str) -> bool:
    """Whether a target is a Google Sheet: a docs.google.com URL, or a bare id of 25 and more characters."""
    return bool(_GOOGLE_URL.fullmatch(to) or _GOOGLE_ID.fullmatch(to))


def spreadsheet_id(to: str) -> str | None:
    """The id in a Google Sheet's URL, or the bare id itself; None if there is none."""
    if _GOOGLE_ID.fullmatch(to):
        return to
    found = _ID_IN_URL.search(to) if _GOOGLE_URL.fullmatch(to) else None
    return found[1] if found else None


def place_problem(to: str) -> str | None:
    """Why this cannot be a target, or None."""
    if is_google(to):
        if spreadsheet_id(to):
            return None
        return "this Google URL names no spreadsheet: it should look like https://docs.google.com/spreadsheets/d/ID"
    if _OTHER_URL.fullmatch(to):
        return "only Google Sheets are written by URL; for a workbook give its path"
    return path_problem(to)


def path_problem(text: str) -> str | None:
    """Why this cannot be a path, or None."""
    if not text.strip():
        return "the path is empty"
    return "the path holds control characters" if _CONTROL.search(text) else None


def place_at(to: str, folder: Path) -> Location:
    """The place of a target written in or for `folder`; `place_problem` must have nothing against it."""
    spreadsheet = spreadsheet_id(to)
    return Location(to, None if spreadsheet else absolute(to, folder), spreadsheet)


def template_at(template: str, folder: Path) -> str:
    """A template's name as it is; a file (it has a slash or ends in .toml) as an absolute path."""
    is_file = template.lower().endswith(".toml") or any(slash in template for slash in "/\\")
    return str(absolute(template, folder)) if is_file else template


def absolute(text: str, folder: Path) -> Path:
    """A path made absolute against a folder, `~` expanded; symlinks are kept."""
    return Path(os.path.abspath(folder / os.path.expanduser(text)))  # noqa: PTH100, PTH111 - neither fails nor follows links


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What the process was started with. Empty variables count as unset.

    `home` is CQS_HOME as given. `step_summary` and `output` are GitHub's files to append to.
    `no_color` follows https://no-color.org. `google_credentials`: the file of them that is named.
    """

    home: Path | None = None
    github_actions: bool = False
    step_summary: Path | None = None
    output: Path | None = None
    no_color: bool = False
    google_credentials: Path | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> Environment:
        """The environment of this process, or another one."""
        return cls(
            home=_path(environ.get("CQS_HOME")),
            github_actions=environ.get("GITHUB_ACTIONS") == "true",
            step_summary=_path(environ.get("GITHUB_STEP_SUMMARY")),
            output=_path(environ.get("GITHUB_OUTPUT")),
            no_color=bool(environ.get("NO_COLOR")),
            google_credentials=_path(environ.get("GOOGLE_APPLICATION_CREDENTIALS")),
        )


def process_environ() -> Mapping[str, str]:
    """The environment of this process, for `load`: nothing else of the project looks at it."""
    return os.environ


def name_google_credentials(file: Path) -> None:
    """For the rest of this process, as if GOOGLE_APPLICATION_CREDENTIALS had been set to the file."""
    os.environ["GOOGLE_APPLICATION_CREDENTIALS"] = str(file)


def machine_zone() -> str:
    """The IANA name of this machine's time zone, such as "Europe/Berlin"; "UTC" where it tells none."""
    from tzlocal import get_localzone_name  # noqa: PLC0415 - init alone needs it

    with suppress(LookupError, ValueError, OSError):  # names that are none, or contradict each other
        name = get_localzone_name() or "UTC"
        zone(name)
        return "UTC" if name.endswith("/UTC") else name
    return "UTC"


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


DEFAULT_TARGET = "signals.xlsx"
DEFAULT_TEMPLATE = "signals"
DEFAULT_FEED = "all"
DEFAULT_TENANT = "default"


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
    `where` is as core.plan.rows.passes reads it: a field's allowed values as texts, bounds as Decimal.
    `backups` is how many earlier versions of a workbook are kept; `symbols` how pairs are spelt.
    `tabs` maps tabs of the template to the titles of the user's own sheets that stand for them. With
    `newest_first` new rows come on top.
    """

    place: Location
    template: str = DEFAULT_TEMPLATE
    feeds: tuple[str, ...] | None = None
    heartbeat: int = 3600
    where: Mapping[str, object] = field(default_factory=dict)
    backups: int = 1
    lock_wait: int = 10
    symbols: Symbols = BUILT_IN
    tabs: Mapping[str, str] = field(default_factory=dict)
    newest_first: bool = False

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
class AlertSettings:
    """Who is told, and of what. `address` finds out where that is (a secret, None: this desktop) when it is needed.

    It raises UsageError if the address cannot be had; neither repr nor str shows it. `variable` is the
    environment variable that it is in, if it is in one.
    """

    name: str
    policy: AlertPolicy
    address: Callable[[], Secret | None] = field(repr=False, compare=False)
    variable: str | None = None


def _usual_rules() -> Rules:
    from cqs_sheets.core.outcomes.rules import Rules  # noqa: PLC0415 - for those who judge

    return Rules()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesSettings:
    """How signals are judged: by which rules, at most every so many seconds, on whose candles.

    `candles_from` maps exchange codes (lower case) to others whose candles stand for theirs.
    """

    rules: Rules = field(default_factory=_usual_rules)
    prices_every: int = 300
    candles_from: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One run's settings. Neither repr nor str shows the key.

    `zone` is how times are shown, `home` the journal's folder (it need not exist yet), `source` the
    config file, `sheets_url` a loopback root for Google's endpoints, `markets_url` one for those of all
    exchanges. `outcomes` None: signals are not judged. `journal_url` names a journal in PostgreSQL (None: a
    file in `home`), `tenant` whose part of it. `google_file`: credentials of this config's own. `warnings` are to be
    told.
    """

    api: ApiSettings
    feeds: tuple[Feed, ...]
    targets: tuple[TargetSettings, ...]
    zone: ZoneInfo
    home: Path
    source: Path | None = None
    sheets_url: str | None = None
    markets_url: str | None = None
    outcomes: OutcomesSettings | None = None
    journal_url: Secret | None = None
    tenant: str = DEFAULT_TENANT
    tenant_named: bool = False
    google_file: Path | None = None
    warnings: tuple[str, ...] = ()

    @property
    def selections(self) -> list[tuple[str, str]]:
        """The name of each feed, and what it asks for with this key."""
        return [(feed.name, selection(feed, free=self.api.key.is_free)) for feed in self.feeds]

    @property
    def alert_owner(self) -> str:
        """The config file that alerts are of: several may share a journal; on other machines it has another path."""
        return "" if self.source is None else self.source.name if self.journal_url else str(self.source)

    alerts: tuple[AlertSettings, ...] = ()
    symbols: Symbols = BUILT_IN


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What the command line says in place of the config; empty or None where not given.

    `to` narrows to configured targets or names others (relative to the working folder);
    `template`, `tabs` (tab -> title) and `newest_first` are for all chosen targets. Filters replace those of feeds.
    """

    to: tuple[str, ...] = ()
    template: str | None = None
    tabs: Mapping[str, str] = field(default_factory=dict)
    newest_first: bool = False
    interval: str | int | None = None
    exchange: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
