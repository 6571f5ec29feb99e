"""A POST of JSON to an address of the user's own: docs/reference/alert.schema.json."""

from __future__ import annotations

from urllib.parse import urlsplit

import requests

from cqs_sheets.core.alerts.news import Message, Send, Sent
from cqs_sheets.core.secret import Secret, is_loopback

VERSION = 1
_TIMEOUT = (5.0, 10.0)  # seconds to connect, and to be answered
_TAKEN, _SERVER_ERRORS = range(200, 300), 500
_PLAIN = {"http": True, "https": False}


def problem(address: Secret) -> str | None:
    """Why this can be no webhook, or None; never shows the address."""
    try:
        parts = urlsplit(address.reveal())
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is not a valid address"
    if parts.scheme not in _PLAIN or not host:
        return "no service that apprise knows has such an address, nor is it one that begins with https://"
    if _PLAIN[parts.scheme] and not is_loopback(host):
        return "plain http is accepted for this machine only: write https"
    return None


def webhook(address: Secret, name: str) -> Send:
    """What posts messages there; redirects are not followed, as they would show the address to others."""

    def send(message: Message) -> Sent:
        body = {
            "version": VERSION,
            "alert": name,
            "title": message.title,
            "text": message.text,
            "events": list(message.events),
        }
        try:
            answer = requests.post(address.reveal(), json=body, timeout=_TIMEOUT, allow_redirects=False)
        except (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError):
            return Sent(reason="it cannot be reached")
        except requests.RequestException as error:
            refused = "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
            return Sent(reason="it cannot be reached" if refused else "it did not answer", unsure=not refused)
        status = answer.status_code
        if status in _TAKEN:
            return Sent()
        return Sent(reason=f"it answered HTTP {status}", unsure=status >= _SERVER_ERRORS)

    return send
