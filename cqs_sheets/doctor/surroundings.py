"""Around the journal and the targets: program, config, the signals API, market data, the Google account."""

from __future__ import annotations

import platform
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

from cqs_sheets import __version__
from cqs_sheets.alerts import sender
from cqs_sheets.api import Answer, ApiClient
from cqs_sheets.api.client import utc_now
from cqs_sheets.config import ApiSettings, OutcomesSettings, Settings
from cqs_sheets.config.document import read_config
from cqs_sheets.config.settings import absolute
from cqs_sheets.core.secret import FREE, Secret
from cqs_sheets.core.signals.exchanges import CLOSED
from cqs_sheets.core.signals.query import MAX_INTERVAL, Feed, Query
from cqs_sheets.core.signals.signal import FeedTable, Signal
from cqs_sheets.core.text import duration, plural, size_text
from cqs_sheets.doctor.finding import Finding, fail, ok, open_to_others, warn
from cqs_sheets.errors import CqsError
from cqs_sheets.installed import installed
from cqs_sheets.journal import Journal, JournalPlace
from cqs_sheets.market.exchanges import EXTRA, Budget, Exchanges, NoCandles, extra_is_there
from cqs_sheets.market.store import MOST_BYTES, STORE_FILE, CandleStore
from cqs_sheets.run.judging import market_of
from cqs_sheets.run.looking import shows_outcomes
from cqs_sheets.run.poll import SET_CLOCK, FeedAnswers, skew_text
from cqs_sheets.service import ServiceManager, runs
from cqs_sheets.template_files import load_template

PATIENCE = 5.0
"""Seconds of retries: a doctor who is asked wants to answer."""

_STANDS_ON = ("openpyxl", "gspread", "google-auth", "requests", "click")
_LATEST = 300  # signals: who is asked for candles follows what the feed speaks of
_MOST_EXCHANGES = 5


def check_program() -> Iterator[Finding]:
    """Versions, for whoever is asked for help."""
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    parts = [f"SQLite {sqlite3.sqlite_version}", *(f"{name} {version(name)}" for name in _STANDS_ON)]
    yield ok(
        "program.version",
        f"cqs-sheets {__version__}, {system}",
        ", ".join(parts),
        str(installed()),
    )


def check_service(service: ServiceManager) -> Iterator[Finding]:
    """Whether the watch that was installed as a service runs; nothing where none is."""
    if not service.file.exists():
        return
    if runs(service):
        yield ok("service.running", f"installed, and running ({service.file})")
        return
    yield warn(
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
            yield warn("alert.address", what, f"{error.hint} `cqs-sheets alerts test` tries it.")
        else:
            yield ok("alert.address", f"{alert.name}: its address is there")


def check_config(settings: Settings) -> Iterator[Finding]:
    """What the settings are made of, and each of their warnings."""
    if settings.source is None:
        yield ok(
            "config.file",
            "No cqs-sheets.toml: everything is at its default (`cqs-sheets init` writes one).",
        )
    else:
        count = f"{plural(len(settings.feeds), 'feed')}, {plural(len(settings.targets), 'target')}"
        yield ok("config.file", f"{settings.source}: {count}, times in {settings.zone}")
    for feed in settings.feeds:
        yield ok("config.feed", f"feed {feed.name}: {_selection(feed)}")
        for code in feed.exchange:
            if code.lower() in CLOSED:
                yield warn(
                    "config.exchange",
                    f"feed {feed.name} asks for {code}, but {CLOSED[code.lower()]}: nothing comes from there",
                    f'Take "{code}" out of its `exchange`.',
                )
    secret_file = _key_file(settings.source)
    for warning in settings.warnings:
        if secret_file and str(secret_file) in warning:
            yield from open_to_others("config.key_file", secret_file, f"{warning.partition(':')[0]}.")
        else:
            yield warn("config.warning", warning, "Correct it in the config if it is not meant so.")


def _key_file(source: Path | None) -> Path | None:
    """The file that the config names for the key."""
    named = read_config(source).values.get("api", {}).get("key_file") if source else None
    return absolute(named, source.parent) if source and named else None


def _selection(feed: Feed) -> str:
    named = (("exchange", feed.exchange), ("currency", feed.currency), ("type", feed.type))
    return "; ".join(f"{name} {', '.join(values)}" for name, values in named if values) or "every signal"


def check_api(settings: ApiSettings, sleep: Callable[[float], None]) -> Iterator[Finding]:
    """Ask for everything of the last 20 minutes, as a sync does, and look at the answers; `sleep` waits seconds."""
    patience = min(PATIENCE, settings.retry_for)
    open_api = partial(ApiClient, url=settings.url, retry_for=patience, clock=utc_now, sleep=sleep)
    free = settings.key.is_free
    tier = "the key FREE: the free signals" if free else "a premium key (not shown)"
    yield ok("api.key", f"asked with {tier}")
    heard: list[Answer] = []

    def keep(query: Query, table: FeedTable, answer: Answer) -> None:
        del query, table
        heard.append(answer)

    answers = FeedAnswers(Feed("doctor"), free=free, server_zone=settings.server_zone)
    try:
        with open_api(key=settings.key) as api:
            answers.ask(api, MAX_INTERVAL, keep)
    except CqsError as error:
        yield fail("api.answer", error)
        if not free:
            yield _free_request(open_api)
        return
    host = urlsplit(settings.url).hostname
    yield ok("api.answer", f"{host} answered: {plural(len(answers.signals), 'open signal')}")
    yield _clock(heard[-1].skew)
    yield _zone(settings, answers)
    for reject in answers.rejects:
        what = f"signal {reject.id or 'without id'} is malformed: {reject.reason}"
        yield warn("api.reject", what, "Nothing to do: it is set aside, and kept in the journal.")


def _free_request(open_api: Callable[..., ApiClient]) -> Finding:
    """As the API's guide advises before opening a ticket."""
    try:
        with open_api(key=Secret(FREE)) as api:
            api.ask(Query(MAX_INTERVAL))
    except CqsError as error:
        what = f"A request with the key FREE fails, too: {error.message}"
        return warn("api.free", what, "So it is not your key: wait, and look again.")
    return warn(
        "api.free",
        "A request with the key FREE is answered: the API is up, so it is your key.",
        "Copy the subscription ID again, see that the subscription runs, or write to CQS support.",
    )


def _clock(skew: timedelta) -> Finding:
    """Coverage goes by the server's clock, so a wrong one here loses nothing; Google is less patient."""
    wrong = skew_text(skew)
    if wrong:
        return warn("api.clock", wrong, SET_CLOCK)
    off = duration(abs(skew.total_seconds()))
    return ok("api.clock", f"this computer's clock agrees with the API's ({off} apart)")


def _zone(settings: ApiSettings, answers: FeedAnswers) -> Finding:
    zone = settings.server_zone
    off = [warning for warning in answers.warnings if "server_timezone" in warning]
    if off:
        return warn("api.zone", off[0], "Set server_timezone in the [api] section of the config.")
    if not answers.signals:
        return ok("api.zone", "no open signal just now, so the zone of its time stamps cannot be seen")
    return ok("api.zone", f"its time stamps fit server_timezone = {zone}")


def check_account(
    config_folder: Path, *, named: Path | None, emulator: str | None, file: Path | None = None
) -> Iterator[Finding]:
    """The credentials that a sync would use; nothing is asked of Google."""
    if emulator is not None:
        yield ok("google.credentials", f"an emulator at {emulator}: no credentials are looked at")
        return
    from cqs_sheets.destinations.google.wire import auth  # noqa: PLC0415 - google-auth is slow to import

    try:
        credentials = auth.find_credentials(config_folder, named=named, file=file)
    except CqsError as error:
        yield fail("google.credentials", error)
        return
    account = auth.account_of(credentials)
    share = f"; share the spreadsheet with {account} as an editor" if account else ""
    yield ok(
        "google.credentials",
        f"{auth.kind_of(credentials)}{share}",
        "It is asked for the scope spreadsheets alone.",
    )
    token = config_folder / auth.TOKEN_FILE
    seen = f"Other users of this computer can read {token}, and so write your spreadsheets."
    yield from open_to_others("google.token_mode", token, seen)


def check_outcomes(
    settings: Settings, journal: JournalPlace, progress: Callable[[str], None]
) -> Iterator[Finding]:
    """What judging needs, where outcomes are on; nothing is kept of what is fetched."""
    if not _are_on(settings):
        return
    if not extra_is_there():
        yield warn(
            "outcomes.extra",
            "market data comes through ccxt, which is not installed: no signal is judged.",
            f"{EXTRA}; what was written until then is judged afterwards.",
        )
        return
    yield ok("outcomes.extra", f"ccxt {version('ccxt')} is installed")
    progress("asking exchanges for a candle")
    with tempfile.TemporaryDirectory() as folder, CandleStore.open(Path(folder)) as store:
        exchanges = Exchanges(store=store, root=settings.markets_url, budget=Budget())
        yield from _markets(settings, _latest(journal), exchanges, utc_now())
    yield _candles(settings.home)


def _are_on(settings: Settings) -> bool:
    """As a run finds out: a template that shows outcomes switches them on, too."""
    if settings.outcomes is not None:
        return True
    try:
        return any(shows_outcomes(load_template(target.template)) for target in settings.targets)
    except CqsError:  # told where the target has its turn
        return False


def _latest(journal: JournalPlace) -> dict[str, Signal]:
    """The latest signal of each exchange (its code in lower case)."""
    try:
        with Journal.open_readonly(journal, clock=utc_now) as opened:
            return {record.signal.exchange.lower(): record.signal for record in opened.newest(_LATEST)}
    except CqsError:  # told where the journal has its turn
        return {}


def _markets(
    settings: Settings, latest: dict[str, Signal], exchanges: Exchanges, now: datetime
) -> Iterator[Finding]:
    instead = (settings.outcomes or OutcomesSettings()).candles_from
    minute = int((now - timedelta(minutes=1)).timestamp()) // 60
    for code in sorted(latest)[:_MOST_EXCHANGES]:
        market = market_of(latest[code], settings.targets[0].symbols, instead)
        if isinstance(market, str):
            yield ok("outcomes.market", f"{code}: {market}, so its signals are not judged")
            continue
        try:
            rows = exchanges.minutes(*market, minute - 5, minute)
        except NoCandles as refused:
            yield warn(
                "outcomes.market",
                f"{code}: {refused.reason}",
                "Signals are written as ever, and judged once it answers.",
            )
        else:
            told = plural(len(rows), "minute") + " of the last five traded"
            yield ok("outcomes.market", f"{code} answers: {market.symbol}, {told}")
    if not latest:
        yield ok("outcomes.market", "no signal yet whose exchange could be asked")


def _candles(home: Path) -> Finding:
    files = (home / STORE_FILE, home / f"{STORE_FILE}-wal")
    size = sum(file.stat().st_size for file in files if file.exists())
    kept = f"{size_text(size)} of candles kept in {files[0]}" if size else "no candles kept yet"
    return ok(
        "outcomes.candles",
        f"{kept}; from {size_text(MOST_BYTES)} on the oldest minutes are dropped",
    )
