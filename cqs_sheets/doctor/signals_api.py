"""The signals API: does it answer, does it take the key, is its clock ours, is its time zone what we think."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

from cqs_sheets.api import Answer, ApiClient
from cqs_sheets.config import ApiSettings
from cqs_sheets.core.reports.render import duration, plural
from cqs_sheets.core.secret import FREE, Secret
from cqs_sheets.core.signals.query import MAX_INTERVAL, Feed, Query
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.doctor.finding import Finding, fail, ok, warn
from cqs_sheets.errors import CqsError
from cqs_sheets.run.ask import FeedAnswers

_SUBJECT = "signals API"
_SKEW = timedelta(minutes=2)

OpenApi = Callable[[Secret], ApiClient]
"""A patient client for a key."""


def check_api(settings: ApiSettings, open_api: OpenApi) -> Iterator[Finding]:
    """Ask for everything of the last 20 minutes, as a sync does, and look at the answers."""
    free = settings.key.is_free
    tier = "the key FREE: the free signals" if free else "a premium key (not shown)"
    yield ok(_SUBJECT, "api.key", f"asked with {tier}")
    heard: list[Answer] = []

    def keep(query: Query, table: FeedTable, answer: Answer) -> None:
        del query, table
        heard.append(answer)

    answers = FeedAnswers(Feed("doctor"), free=free, server_zone=settings.server_zone)
    try:
        with open_api(settings.key) as api:
            answers.ask(api, MAX_INTERVAL, keep)
    except CqsError as error:
        yield fail(_SUBJECT, "api.answer", error)
        if not free:
            yield _free_request(open_api)
        return
    host = urlsplit(settings.url).hostname
    yield ok(_SUBJECT, "api.answer", f"{host} answered: {plural(len(answers.signals), 'open signal')}")
    yield _clock(heard[-1].skew)
    yield _zone(settings, answers)
    for reject in answers.rejects:
        what = f"signal {reject.id or 'without id'} is malformed: {reject.reason}"
        yield warn(_SUBJECT, "api.reject", what, "Nothing to do: it is set aside, and kept in the journal.")


def _free_request(open_api: OpenApi) -> Finding:
    """As the API's guide advises before opening a ticket."""
    try:
        with open_api(Secret(FREE)) as api:
            api.ask(Query(MAX_INTERVAL))
    except CqsError as error:
        what = f"A request with the key FREE fails, too: {error.message}"
        return warn(_SUBJECT, "api.free", what, "So it is not your key: wait, and look again.")
    return warn(
        _SUBJECT,
        "api.free",
        "A request with the key FREE is answered: the API is up, so it is your key.",
        "Copy the subscription ID again, see that the subscription runs, or write to CQS support.",
    )


def _clock(skew: timedelta) -> Finding:
    """Coverage goes by the server's clock, so a wrong one here loses nothing; Google is less patient."""
    off = duration(abs(skew.total_seconds()))
    if abs(skew) <= _SKEW:
        return ok(_SUBJECT, "api.clock", f"this computer's clock agrees with the API's ({off} apart)")
    return warn(
        _SUBJECT,
        "api.clock",
        f"This computer's clock is {off} {'behind' if skew > timedelta(0) else 'ahead of'} the API's.",
        "Let this computer set its clock by itself: Google refuses to sign in when it is minutes off.",
    )


def _zone(settings: ApiSettings, answers: FeedAnswers) -> Finding:
    zone = settings.server_zone
    off = [warning for warning in answers.warnings if "server_timezone" in warning]
    if off:
        return warn(_SUBJECT, "api.zone", off[0], "Set server_timezone in the [api] section of the config.")
    if not answers.signals:
        return ok(
            _SUBJECT, "api.zone", "no open signal just now, so the zone of its time stamps cannot be seen"
        )
    return ok(_SUBJECT, "api.zone", f"its time stamps fit server_timezone = {zone}")
