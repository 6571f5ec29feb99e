"""Sending one message: to this desktop, as JSON to an address of the user's own, or to a service by apprise."""

from __future__ import annotations

import base64
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Thread
from urllib.parse import urlsplit

from cqs_sheets.core.alerts import Message, Send, Sent
from cqs_sheets.core.secret import Secret, is_loopback
from cqs_sheets.errors import UsageError
from cqs_sheets.patterns import regex

_PATIENCE = 10.0  # seconds for a program of the system
_MOST = 400  # characters that a notice has room for
_NAME = "cqs-sheets"
_MAC = ("on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run")
_WINDOWS = """
$text = { param($b) [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($b)) }
$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$toast = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent(1)
$lines = $toast.GetElementsByTagName('text')
$null = $lines.Item(0).AppendChild($toast.CreateTextNode((& $text '%s')))
$null = $lines.Item(1).AppendChild($toast.CreateTextNode((& $text '%s')))
$app = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
$notice = [Windows.UI.Notifications.ToastNotification]::new($toast)
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($app).Show($notice)
"""
# what apprise logs of a failure
_STATUS = regex(r"error[=: ]+([1-5][0-9][0-9])\b")
_BROKE_OFF = regex(r"timed? ?out|aborted|reset|disconnected|closed", re.IGNORECASE)
_MARKS = regex(r"[\\`*_\[\]<>~|]+")
_REFUSED = range(400, 500)
_VERSION = 1  # of docs/reference/alert.schema.json
_TIMEOUT = (5.0, 10.0)  # seconds to connect, and between two bytes of the answer
_LONGEST = 60.0  # seconds for all of it
_TAKEN, _SERVER_ERRORS = range(200, 300), 500
_PLAIN = {"http": True, "https": False}


def sender(address: Secret | None, name: str) -> Send:
    """What sends to an address; None is this desktop. Raises UsageError if there is no way to send there."""
    if address is None:
        return _desktop
    try:
        found = _service(address)
    except ModuleNotFoundError:
        raise UsageError(
            f"The alert {name!r} needs apprise, which is not installed.",
            meaning="Nothing is sent; what there is to tell waits in the journal.",
            hint='Install it with: pip install "cqs-sheets[alerts]" (uv tool install "cqs-sheets[alerts]").',
        ) from None
    if found is not None:
        return _in_time(found)
    wrong = _webhook_problem(address)
    if wrong:
        raise UsageError(
            f"The address of the alert {name!r} cannot be used: {wrong} (it is not shown).",
            meaning="Nothing is sent; what there is to tell waits in the journal.",
            hint="docs/how-to/alerts.md shows how addresses of services look.",
        )
    return _in_time(_webhook(address, name))


def _in_time(send: Send) -> Send:
    """The same, waited for no longer than any service takes: one that drips its answer would hold all other alerts.

    Nothing more is sent there until it lets go.
    """
    before: Future[Sent] | None = None

    def send_in_time(message: Message) -> Sent:
        nonlocal before
        if before and not before.done():
            return Sent(reason="it still holds the message before")
        sent = before = Future[Sent]()

        def work() -> None:
            try:
                sent.set_result(send(message))
            except Exception as error:  # noqa: BLE001 - raised again below, not printed by the thread
                sent.set_exception(error)

        Thread(target=work, daemon=True).start()
        try:
            return sent.result(_LONGEST)
        except TimeoutError:
            return Sent(reason="it did not answer in time", unsure=True)

    return send_in_time


def _desktop(message: Message) -> Sent:
    """Show a message. Fails where nobody is at the screen, or the system has no way to."""
    command = _notifier(sys.platform, message.title, message.text[:_MOST])
    if not command:
        return Sent(reason="this system has no way to show notices (on Linux: install libnotify-bin)")
    try:
        done = subprocess.run(  # noqa: S603 - texts are arguments, never code
            command, timeout=_PATIENCE, check=False, stdin=subprocess.DEVNULL, capture_output=True
        )
    except subprocess.TimeoutExpired:
        return Sent(reason="the desktop did not answer", unsure=True)
    except OSError as error:
        return Sent(reason=f"{command[0]} cannot be started: {(error.strerror or 'unknown trouble').lower()}")
    return Sent() if done.returncode == 0 else Sent(reason="there is no desktop to show it on")


def _notifier(platform: str, title: str, text: str) -> Sequence[str]:
    """What shows a notice on a platform (as sys.platform names it); empty where nothing does."""
    if platform == "darwin":
        script = [part for line in _MAC for part in ("-e", line)]
        return ["osascript", *script, title, text]
    if platform == "win32":
        filled = _WINDOWS % tuple(base64.b64encode(one.encode()).decode() for one in (title, text))
        encoded = base64.b64encode(filled.encode("utf-16-le")).decode()
        return [
            "powershell",
            *["-NoProfile", "-NonInteractive", "-WindowStyle", "Hidden", "-EncodedCommand"],
            encoded,
        ]
    if shutil.which("notify-send"):
        return ["notify-send", "--app-name", _NAME, "--", title, text]
    if shutil.which("gdbus"):
        where = ["--dest", "org.freedesktop.Notifications", "--object-path", "/org/freedesktop/Notifications"]
        quoted = [_gvariant(one) for one in (_NAME, "", title, text)]
        return [
            "gdbus", "call", "--session", *where, "--method", "org.freedesktop.Notifications.Notify",
            quoted[0], "0", *quoted[1:], "[]", "{}", "-1",
        ]  # fmt: skip
    return []


def _gvariant(text: str) -> str:
    """A text as GVariant spells it, so that it is never read as anything else."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def _service(address: Secret) -> Send | None:
    """What sends messages to the service of that address; None for one that apprise does not know.

    Raises ModuleNotFoundError where apprise is not installed.
    """
    import apprise  # noqa: PLC0415 - slow, and an extra

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


def _webhook_problem(address: Secret) -> str | None:
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


def _webhook(address: Secret, name: str) -> Send:
    """What posts messages there; redirects are not followed, as they would show the address to others."""
    import requests  # noqa: PLC0415 - not needed where no webhook is

    def send(message: Message) -> Sent:
        body = {
            "version": _VERSION,
            "alert": name,
            "title": message.title,
            "text": message.text,
            "events": list(message.events),
        }
        try:
            with requests.post(  # unread, as it may be endless
                address.reveal(), json=body, timeout=_TIMEOUT, allow_redirects=False, stream=True
            ) as answer:
                status = answer.status_code
        except (requests.ConnectTimeout, requests.exceptions.SSLError, requests.exceptions.ProxyError):
            return Sent(reason="it cannot be reached")
        except requests.RequestException as error:
            refused = "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error)
            return Sent(reason="it cannot be reached" if refused else "it did not answer", unsure=not refused)
        if status in _TAKEN:
            return Sent()
        return Sent(reason=f"it answered HTTP {status}", unsure=status >= _SERVER_ERRORS)

    return send
