"""One run's settings, from config file, environment and command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from cqs_sheets.config import settings
from cqs_sheets.config.document import Document, find_config, read_config
from cqs_sheets.config.key import VARIABLE, find_address, find_key, variable_problem
from cqs_sheets.config.rules import where_values
from cqs_sheets.config.values import interval, journal_problem, problem_of, symbols_of, url_problem, zone
from cqs_sheets.core.alerts import AlertPolicy, Kind
from cqs_sheets.core.secret import API_URL, Secret
from cqs_sheets.core.signals import query
from cqs_sheets.core.toml import duration
from cqs_sheets.errors import UsageError
from cqs_sheets.values import replace

JOURNAL_VARIABLE = "CQS_JOURNAL"
_NOTHING = settings.Overrides()
_MOST_A_MINUTE = 10
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
        source = find_config(config, environ.get("CQS_CONFIG"), cwd, search=search)
        document = read_config(source) if source else Document(folder=cwd)
    except UsageError as error:
        raise _with(problems, error) from None
    if problems:
        raise _with(problems)
    found = find_key(document, environ)
    api, google = document.values.get("api", {}), document.values.get("google", {})
    feeds = tuple(_feeds(document, overrides))
    noted = [warning for feed in feeds for warning in query.warnings(feed, free=found.key.is_free)]
    symbols = symbols_of(document.values.get("symbols", {}))
    tables = document.values.get("target") or [{"to": settings.DEFAULT_TARGET}]
    targets = _chosen([_target(table, document.folder) for table in tables], overrides, cwd)
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
        alerts=tuple(
            _alert(document, environ, position, table)
            for position, table in enumerate(document.values.get("alert", []))
        ),
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


def _outside_problems(environ: Mapping[str, str], overrides: settings.Overrides) -> list[str]:
    """What is wrong with the environment and the command line."""
    loopback = partial(url_problem, loopback_only=True)
    variables: Mapping[str, Callable[[str], str | None]] = {
        "CQS_API_URL": url_problem, JOURNAL_VARIABLE: journal_problem, "CQS_SHEETS_URL": loopback,
        "CQS_MARKETS_URL": loopback, "CQS_HOME": settings.path_problem,
    }  # fmt: skip
    template = () if overrides.template is None else (overrides.template,)
    look_back = () if overrides.interval is None else (overrides.interval,)
    options: Mapping[str, tuple[Callable[[Any], str | None], Sequence[str | int]]] = {
        "--to": (settings.place_problem, overrides.to),
        "--template": (settings.path_problem, template),
        "--interval": (partial(problem_of, interval), look_back),
        "--exchange": (query.exchange_problem, overrides.exchange),
        "--currency": (query.currency_problem, overrides.currency),
        "--type": (query.type_problem, overrides.type),
    }
    found = [(VARIABLE, variable_problem(environ))]
    found += [(name, problem(environ[name])) for name, problem in variables.items() if environ.get(name)]
    found += [(name, problem(text)) for name, (problem, texts) in options.items() for text in texts]
    return [f"{source}: {problem}" for source, problem in found if problem]


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


def _feeds(document: Document, overrides: settings.Overrides) -> Iterator[query.Feed]:
    for table in document.values.get("feed") or [{"name": settings.DEFAULT_FEED}]:
        yield query.Feed(
            name=table["name"],
            exchange=overrides.exchange or tuple(table.get("exchange", ())),
            currency=overrides.currency or tuple(table.get("currency", ())),
            type=overrides.type or tuple(table.get("type", ())),
            leverage=table.get("leverage", True),
        )


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
    template = None if overrides.template is None else settings.template_at(overrides.template, cwd)
    return tuple(
        replace(
            target,
            template=template or target.template,
            tabs={**target.tabs, **overrides.tabs},
            newest_first=target.newest_first or overrides.newest_first,
        )
        for target in chosen.values()
    )


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
        address=partial(find_address, document, environ, position),
        variable=table.get("to_env"),
    )
