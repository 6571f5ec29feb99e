"""The hundred services that apprise knows. What it logs can hold tokens, so none of it is shown."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import apprise

from cqs_sheets.core.alerts.news import Message, Send, Sent
from cqs_sheets.core.secret import Secret

_STATUS = re.compile(r"error[=: ]+([1-5][0-9][0-9])\b")
_BROKE_OFF = re.compile(r"timed? ?out|aborted|reset|disconnected|closed", re.IGNORECASE)
_MARKS = re.compile(r"[\\`*_\[\]<>~|]+")
_REFUSED = range(400, 500)


def service(address: Secret) -> Send | None:
    """What sends messages to the service of that address; None for one that apprise does not know."""
    asset = apprise.AppriseAsset(app_id="cqs-sheets", app_desc="cqs-sheets", async_mode=False)
    with _overheard():
        server = apprise.Apprise.instantiate(address.reveal(), asset=asset, suppress_exceptions=True)
    if server is None:
        return None
    known = apprise.Apprise(asset=asset)
    known.add(server)
    takes = server.notify_format
    marked = takes not in (apprise.NotifyFormat.TEXT, (apprise.NotifyFormat.TEXT,))
    kind = apprise.NotifyFormat.MARKDOWN if marked else apprise.NotifyFormat.TEXT

    def send(message: Message) -> Sent:
        with _overheard() as said:
            try:
                title = _MARKS.sub(" ", message.title) if marked else message.title
                done = known.notify(
                    body=message.markdown if marked else message.text, title=title, body_format=kind
                )
            except Exception as error:  # noqa: BLE001 - a plug-in of a hundred; its message may hold a token
                return Sent(reason=f"apprise failed ({type(error).__name__})", unsure=True)
        return Sent() if done else _failure(said)

    return send


def _failure(said: list[str]) -> Sent:
    text = "\n".join(said)
    found = _STATUS.findall(text)
    if found:
        return Sent(reason=f"it answered HTTP {found[-1]}", unsure=int(found[-1]) not in _REFUSED)
    unsure = bool(_BROKE_OFF.search(text)) and "NewConnection" not in text
    return Sent(reason="it did not answer" if unsure else "it cannot be reached, or refused", unsure=unsure)


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """What apprise logs meanwhile, for our eyes only."""
    said: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, ear = logging.getLogger("apprise"), Ear()
    before = logger.level, logger.propagate
    logger.addHandler(ear)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.removeHandler(ear)
        logger.setLevel(before[0])
        logger.propagate = before[1]
