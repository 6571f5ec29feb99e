"""One run's settings, from config file, environment and command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from cqs_sheets.config import settings
from cqs_sheets.config.document import Document, find_config, read_config
from cqs_sheets.config.key import VARIABLE, command_output, file_content, find_key, variable_problem
from cqs_sheets.config.rules import command_words, where_values
from cqs_sheets.config.values import interval, journal_problem, symbols_of, url_problem, zone
from cqs_sheets.core.alerts import AlertPolicy, Kind
from cqs_sheets.core.secret import API_URL, Secret
from cqs_sheets.core.signals import query
from cqs_sheets.core.toml import duration
from cqs_sheets.errors import UsageError
from cqs_sheets.patterns import regex
from cqs_sheets.values import replace

JOURNAL_VARIABLE = "CQS_JOURNAL"
_NOTHING = settings.Overrides()
_MOST_A_MINUTE = 10
_USABLE = regex(r"[a-z][a-z0-9+.-]*://[\x21-\x7e]{1,2000}", re.IGNORECASE)
_DEFAULT = frozenset(kind.value for kind in Kind) - {Kind.CHANGED.value, Kind.TEST.value}


def load(
    *,
    config: Path | None,
    environ: Mapping[str, str],
    cwd: Path,
    overrides: settings.Overrides = _NOTHING,
    search: bool = True,
) -> settings.Settings:
    """The settings of one run; raises UsageError that tells every problem of each source.

    The config file is `config`, else $CQS_CONFIG, else `cqs-sheets.toml` in `cwd` if there is one and
    it is to be searched for.
    The command line goes before the environment, the environment before the file.
    """
    problems = _outside_problems(environ, overrides)
    try:
        document = _document(config, environ, cwd, search=search)
    except UsageError as error:
        raise _with(problems, error) from None
    if problems:
        raise _with(problems)
    found = find_key(document, environ)
    api, google = document.values.get("api", {}), document.values.get("google", {})
    feeds = tuple(_filtered(feed, overrides) for feed in _feeds(document))
    noted = [warning for feed in feeds for warning in query.warnings(feed, free=found.key.is_free)]
    symbols = symbols_of(document.values.get("symbols", {}))
    targets = _chosen(_targets(document), overrides, cwd)
    return settings.Settings(
        api=settings.ApiSettings(
            url=environ.get("CQS_API_URL") or api.get("url", API_URL),
            key=found.key,
            server_zone=zone(api.get("server_timezone", "UTC")),
            interval=interval(
                api.get("interval", query.MAX_INTERVAL) if overrides.interval is None else overrides.interval
            ),
            retry_for=duration(api.get("retry_for", "30s")),
        ),
        feeds=feeds,
        targets=tuple(replace(target, symbols=symbols) for target in targets),
        zone=zone(document.values.get("timezone", "UTC")),
        home=home_folder(environ, cwd),
        source=document.source,
        sheets_url=environ.get("CQS_SHEETS_URL") or None,
        markets_url=environ.get("CQS_MARKETS_URL") or None,
        outcomes=_outcomes(document.values.get("outcomes")),
        journal_url=_journal_url(document, environ),
        tenant=document.values.get("journal", {}).get("tenant", settings.DEFAULT_TENANT),
        tenant_named="tenant" in document.values.get("journal", {}),
        google_file=settings.absolute(google["credentials_file"], document.folder) if google else None,
        warnings=(*found.warnings, *noted),
        alerts=alerts_of(document, environ),
        symbols=symbols,
    )


def _journal_url(document: Document, environ: Mapping[str, str]) -> Secret | None:
    """The URL of a journal elsewhere, None for a file; raises UsageError for a variable that holds none."""
    named = document.values.get("journal", {}).get("url_env", JOURNAL_VARIABLE)
    url = environ.get(JOURNAL_VARIABLE) or environ.get(named)
    if not url:
        if named == JOURNAL_VARIABLE and "url_env" not in document.values.get("journal", {}):
            return None
        raise document.refusal(("journal", "url_env"), f"the environment variable {named} is not set")
    if problem := journal_problem(url):
        raise (
            document.refusal(("journal", "url_env"), problem)
            if document.source
            else _with([f"{named}: {problem}"])
        )
    return Secret(url)


def home_folder(environ: Mapping[str, str], cwd: Path) -> Path:
    """Where the journal is: $CQS_HOME, else the platform's folder for a user's data."""
    given = settings.Environment.read(environ).home
    if given is not None:
        return settings.absolute(str(given), cwd)
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed with CQS_HOME

    return user_data_path("cqs-sheets", appauthor=False)


def _document(config: Path | None, environ: Mapping[str, str], cwd: Path, *, search: bool) -> Document:
    source = find_config(config, environ.get("CQS_CONFIG"), cwd, search=search)
    return read_config(source) if source else Document(folder=cwd)


def _outside_problems(environ: Mapping[str, str], overrides: settings.Overrides) -> list[str]:
    """What is wrong with the environment and the command line."""
    api_url, sheets_url = environ.get("CQS_API_URL"), environ.get("CQS_SHEETS_URL")
    markets_url = environ.get("CQS_MARKETS_URL")
    found = [
        (VARIABLE, variable_problem(environ)),
        ("CQS_API_URL", url_problem(api_url) if api_url else None),
        (
            JOURNAL_VARIABLE,
            journal_problem(environ[JOURNAL_VARIABLE]) if environ.get(JOURNAL_VARIABLE) else None,
        ),
        ("CQS_SHEETS_URL", url_problem(sheets_url, loopback_only=True) if sheets_url else None),
        ("CQS_MARKETS_URL", url_problem(markets_url, loopback_only=True) if markets_url else None),
        ("CQS_HOME", settings.path_problem(environ["CQS_HOME"]) if environ.get("CQS_HOME") else None),
        *(("--to", settings.place_problem(to)) for to in overrides.to),
        ("--template", settings.path_problem(overrides.template) if overrides.template is not None else None),
        ("--interval", _interval_problem(overrides.interval)),
        *(("--exchange", query.exchange_problem(text)) for text in overrides.exchange),
        *(("--currency", query.currency_problem(text)) for text in overrides.currency),
        *(("--type", query.type_problem(text)) for text in overrides.type),
    ]
    return [f"{source}: {problem}" for source, problem in found if problem]


def _interval_problem(text: str | int | None) -> str | None:
    try:
        interval("auto" if text is None else text)
    except ValueError as error:
        return str(error)
    return None


def _with(problems: Sequence[str], error: UsageError | None = None) -> UsageError:
    """One error for all that is wrong outside the config file and in it."""
    if error is not None:
        told = "\n".join([*problems, error.message])
        return UsageError(told, meaning=error.meaning, hint=error.hint, kind=error.kind)
    return UsageError(
        "\n".join(problems),
        meaning="Nothing was asked and nothing was written.",
        hint="Correct the option or the environment variable, and run again.",
    )


def _feeds(document: Document) -> list[query.Feed]:
    tables = document.values.get("feed") or [{"name": settings.DEFAULT_FEED}]
    return [
        query.Feed(
            name=table["name"],
            exchange=tuple(table.get("exchange", ())),
            currency=tuple(table.get("currency", ())),
            type=tuple(table.get("type", ())),
            leverage=table.get("leverage", True),
        )
        for table in tables
    ]


def _filtered(feed: query.Feed, overrides: settings.Overrides) -> query.Feed:
    return replace(
        feed,
        exchange=overrides.exchange or feed.exchange,
        currency=overrides.currency or feed.currency,
        type=overrides.type or feed.type,
    )


def _targets(document: Document) -> list[settings.TargetSettings]:
    tables = document.values.get("target") or [{"to": settings.DEFAULT_TARGET}]
    return [_target(table, document.folder) for table in tables]


def _outcomes(table: Mapping[str, Any] | None) -> settings.OutcomesSettings | None:
    if table is None:
        return None
    from cqs_sheets.core.outcomes.rules import rules_of  # noqa: PLC0415 - for configs that judge

    return settings.OutcomesSettings(
        rules=rules_of(table),
        prices_every=duration(table.get("prices_every", "5m")),
        candles_from={code.lower(): other.lower() for code, other in table.get("candles_from", {}).items()},
    )


def _target(table: Mapping[str, Any], folder: Path) -> settings.TargetSettings:
    given: dict[str, Any] = {
        name: read(table[name]) for name, read in _TARGET_READERS.items() if name in table
    }
    template = settings.template_at(table.get("template", settings.DEFAULT_TEMPLATE), folder)
    return settings.TargetSettings(place=settings.place_at(table["to"], folder), template=template, **given)


_TARGET_READERS: Mapping[str, Callable[[Any], Any]] = {
    "feeds": tuple,
    "heartbeat": duration,
    "where": where_values,
    "backups": int,
    "lock_wait": duration,
    "tabs": dict,
    "newest_first": bool,
}


def _chosen(
    configured: Sequence[settings.TargetSettings], overrides: settings.Overrides, cwd: Path
) -> tuple[settings.TargetSettings, ...]:
    """The targets that --to names, each with its configured settings if it has some; all without --to."""
    known = {target.identity: target for target in configured}
    chosen = dict(known)
    if overrides.to:
        named = [settings.TargetSettings(place=settings.place_at(to, cwd)) for to in overrides.to]
        chosen = {target.identity: known.get(target.identity, target) for target in named}
    targets = tuple(
        replace(
            target,
            tabs={**target.tabs, **overrides.tabs},
            newest_first=target.newest_first or overrides.newest_first,
        )
        for target in chosen.values()
    )
    if overrides.template is None:
        return targets
    template = settings.template_at(overrides.template, cwd)
    return tuple(replace(target, template=template) for target in targets)


def alerts_of(document: Document, environ: Mapping[str, str]) -> tuple[settings.AlertSettings, ...]:
    """The alerts of a checked config."""
    tables = document.values.get("alert", [])
    return tuple(_alert(document, environ, position, table) for position, table in enumerate(tables))


def _alert(
    document: Document, environ: Mapping[str, str], position: int, table: Mapping[str, Any]
) -> settings.AlertSettings:
    begin, _, end = table.get("quiet", "").partition("-")
    return settings.AlertSettings(
        name=table.get("name", f"alert {position + 1}"),
        policy=AlertPolicy(
            on=frozenset(table.get("on", _DEFAULT)),
            where=where_values(table.get("where", {})),
            digest=timedelta(seconds=duration(table.get("digest", 0))),
            quiet=(time.fromisoformat(begin), time.fromisoformat(end)) if begin else None,
            limit=table.get("limit", _MOST_A_MINUTE),
        ),
        address=partial(_address, document, environ, position, table),
        variable=table.get("to_env"),
    )


def _address(
    document: Document, environ: Mapping[str, str], position: int, table: Mapping[str, Any]
) -> Secret | None:
    """No message shows what was found: some people put the address itself where its name belongs."""
    if "to" in table:
        return None
    way = next(name for name in ("to_env", "to_file", "to_command") if name in table)
    try:
        if way == "to_env":
            text, problem = environ.get(table[way], "").strip(), "that variable is not set, or empty"
        elif way == "to_file":
            text, problem = file_content(settings.absolute(table[way], document.folder)), "the file is empty"
        else:
            words = command_words(table[way])
            text = command_output(words, document.folder, environ, what="address")
            problem = "the command prints nothing"
        if text:
            problem = (
                ""
                if _USABLE.fullmatch(text)
                else "what it holds is no address like service://... (not shown)"
            )
    except OSError as error:
        problem = (error.strerror or "unknown trouble").lower()
    except ValueError as error:
        problem = str(error)
    if problem:
        raise document.refusal(("alert", position, way), problem) from None
    return Secret(text)
