"""Around the journal and the targets: program, config, the signals API, the Google account."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from cqs_sheets import __version__
from cqs_sheets.alerts import sender
from cqs_sheets.api import Answer, ApiClient
from cqs_sheets.config import ApiSettings, Settings
from cqs_sheets.config.document import read_config
from cqs_sheets.config.settings import absolute
from cqs_sheets.core.render import duration, plural
from cqs_sheets.core.secret import FREE, Secret
from cqs_sheets.core.signals.exchanges import CLOSED
from cqs_sheets.core.signals.query import MAX_INTERVAL, Feed, Query
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.doctor.finding import Finding, fail, ok, warn
from cqs_sheets.errors import CqsError
from cqs_sheets.installed import installed
from cqs_sheets.run.poll import SET_CLOCK, FeedAnswers, skew_text
from cqs_sheets.service import ServiceManager, runs

_PROGRAM = "program"
_STANDS_ON = ("openpyxl", "gspread", "google-auth", "requests", "click")
_SERVICE = "service"
_CONFIG = "config"
_API = "signals API"
_ACCOUNT = "Google account"
_OTHERS = 0o077


def check_program() -> Iterator[Finding]:
    """Versions, for whoever is asked for help."""
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    parts = [f"SQLite {sqlite3.sqlite_version}", *(f"{name} {version(name)}" for name in _STANDS_ON)]
    yield ok(
        _PROGRAM,
        "program.version",
        f"cqs-sheets {__version__}, {system}",
        details=[", ".join(parts), str(installed())],
    )


def check_service(service: ServiceManager) -> Iterator[Finding]:
    """Whether the watch that was installed as a service runs; nothing where none is."""
    if not service.file.exists():
        return
    if runs(service):
        yield ok(_SERVICE, "service.running", f"installed, and running ({service.file})")
        return
    yield warn(
        _SERVICE,
        "service.running",
        f"installed ({service.file}), and not running: nobody asks the API.",
        "`cqs-sheets service logs` may say why; `cqs-sheets service restart` starts it.",
    )


def check_alerts(settings: Settings) -> Iterator[Finding]:
    """Whether each alert's address can be had, and something is there to send with; nothing is sent."""
    for alert in settings.alerts:
        try:
            sender(alert.address(), alert.name)
        except CqsError as error:
            what = f"{alert.name}: {error.message}"
            yield warn("alerts", "alert.address", what, f"{error.hint} `cqs-sheets alerts test` tries it.")
        else:
            yield ok("alerts", "alert.address", f"{alert.name}: its address is there")


def check_config(settings: Settings) -> Iterator[Finding]:
    """What the settings are made of, and each of their warnings."""
    if settings.source is None:
        yield ok(
            _CONFIG,
            "config.file",
            "No cqs-sheets.toml: everything is at its default (`cqs-sheets init` writes one).",
        )
    else:
        count = f"{plural(len(settings.feeds), 'feed')}, {plural(len(settings.targets), 'target')}"
        yield ok(_CONFIG, "config.file", f"{settings.source}: {count}, times in {settings.zone}")
    for feed in settings.feeds:
        yield ok(_CONFIG, "config.feed", f"feed {feed.name}: {_selection(feed)}")
        for code in feed.exchange:
            if code.lower() in CLOSED:
                yield warn(
                    _CONFIG,
                    "config.exchange",
                    f"feed {feed.name} asks for {code}, but {CLOSED[code.lower()]}: nothing comes from there",
                    f'Take "{code}" out of its `exchange`.',
                )
    secret_file = _key_file(settings.source)
    for warning in settings.warnings:
        yield _warning(warning, secret_file)


def _key_file(source: Path | None) -> Path | None:
    """The file that the config names for the key."""
    named = read_config(source).values.get("api", {}).get("key_file") if source else None
    return absolute(named, source.parent) if source and named else None


def _selection(feed: Feed) -> str:
    named = (("exchange", feed.exchange), ("currency", feed.currency), ("type", feed.type))
    return "; ".join(f"{name} {', '.join(values)}" for name, values in named if values) or "every signal"


def _warning(warning: str, secret_file: Path | None) -> Finding:
    if secret_file is None or str(secret_file) not in warning:
        return warn(_CONFIG, "config.warning", warning, "Correct it in the config if it is not meant so.")
    what, _, _ = warning.partition(":")
    return warn(
        _CONFIG,
        "config.key_file",
        f"{what}.",
        f"Run `chmod 600 {secret_file}`.",
        fix=lambda: secret_file.chmod(0o600),
    )


OpenApi = Callable[[Secret], ApiClient]
"""A patient client for a key."""


def check_api(settings: ApiSettings, open_api: OpenApi) -> Iterator[Finding]:
    """Ask for everything of the last 20 minutes, as a sync does, and look at the answers."""
    free = settings.key.is_free
    tier = "the key FREE: the free signals" if free else "a premium key (not shown)"
    yield ok(_API, "api.key", f"asked with {tier}")
    heard: list[Answer] = []

    def keep(query: Query, table: FeedTable, answer: Answer) -> None:
        del query, table
        heard.append(answer)

    answers = FeedAnswers(Feed("doctor"), free=free, server_zone=settings.server_zone)
    try:
        with open_api(settings.key) as api:
            answers.ask(api, MAX_INTERVAL, keep)
    except CqsError as error:
        yield fail(_API, "api.answer", error)
        if not free:
            yield _free_request(open_api)
        return
    host = urlsplit(settings.url).hostname
    yield ok(_API, "api.answer", f"{host} answered: {plural(len(answers.signals), 'open signal')}")
    yield _clock(heard[-1].skew)
    yield _zone(settings, answers)
    for reject in answers.rejects:
        what = f"signal {reject.id or 'without id'} is malformed: {reject.reason}"
        yield warn(_API, "api.reject", what, "Nothing to do: it is set aside, and kept in the journal.")


def _free_request(open_api: OpenApi) -> Finding:
    """As the API's guide advises before opening a ticket."""
    try:
        with open_api(Secret(FREE)) as api:
            api.ask(Query(MAX_INTERVAL))
    except CqsError as error:
        what = f"A request with the key FREE fails, too: {error.message}"
        return warn(_API, "api.free", what, "So it is not your key: wait, and look again.")
    return warn(
        _API,
        "api.free",
        "A request with the key FREE is answered: the API is up, so it is your key.",
        "Copy the subscription ID again, see that the subscription runs, or write to CQS support.",
    )


def _clock(skew: timedelta) -> Finding:
    """Coverage goes by the server's clock, so a wrong one here loses nothing; Google is less patient."""
    wrong = skew_text(skew)
    if wrong:
        return warn(_API, "api.clock", wrong, SET_CLOCK)
    off = duration(abs(skew.total_seconds()))
    return ok(_API, "api.clock", f"this computer's clock agrees with the API's ({off} apart)")


def _zone(settings: ApiSettings, answers: FeedAnswers) -> Finding:
    zone = settings.server_zone
    off = [warning for warning in answers.warnings if "server_timezone" in warning]
    if off:
        return warn(_API, "api.zone", off[0], "Set server_timezone in the [api] section of the config.")
    if not answers.signals:
        return ok(_API, "api.zone", "no open signal just now, so the zone of its time stamps cannot be seen")
    return ok(_API, "api.zone", f"its time stamps fit server_timezone = {zone}")


def check_account(
    config_folder: Path, *, file_named: bool, emulator: str | None, file: Path | None = None
) -> Iterator[Finding]:
    """The credentials that a sync would use; nothing is asked of Google."""
    if emulator is not None:
        yield ok(_ACCOUNT, "google.credentials", f"an emulator at {emulator}: no credentials are looked at")
        return
    from cqs_sheets.destinations.google.wire import auth  # noqa: PLC0415 - google-auth is slow to import

    try:
        credentials = auth.find_credentials(config_folder, file_named=file_named, file=file)
    except CqsError as error:
        yield fail(_ACCOUNT, "google.credentials", error)
        return
    account = auth.account_of(credentials)
    share = f"; share the spreadsheet with {account} as an editor" if account else ""
    yield ok(
        _ACCOUNT,
        "google.credentials",
        f"{auth.kind_of(credentials)}{share}",
        details=["It is asked for the scope spreadsheets alone."],
    )
    yield from _mode(config_folder / auth.TOKEN_FILE)


def _mode(token: Path) -> Iterator[Finding]:
    if os.name == "posix" and token.exists() and token.stat().st_mode & _OTHERS:
        yield warn(
            _ACCOUNT,
            "google.token_mode",
            f"Other users of this computer can read {token}, and so write your spreadsheets.",
            f"Run `chmod 600 {token}`.",
            fix=lambda: token.chmod(0o600),
        )
