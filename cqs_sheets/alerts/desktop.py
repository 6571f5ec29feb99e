"""A notice on this computer's screen, by what the system brings: no account and no further package."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from collections.abc import Sequence

from cqs_sheets.core.alerts.news import Message, Sent

_PATIENCE = 10.0  # seconds
_MOST = 400  # characters that a notice has room for
_NAME = "cqs-sheets"
_MAC = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)
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


def notice(message: Message) -> Sent:
    """Show a message. Fails where nobody is at the screen, or the system has no way to."""
    command = command_for(sys.platform, message.title, message.text[:_MOST])
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


def command_for(platform: str, title: str, text: str) -> Sequence[str]:
    """What shows a notice on a platform (as sys.platform names it); empty where nothing does."""
    if platform == "darwin":
        script = [part for line in _MAC for part in ("-e", line)]
        return ["osascript", *script, title, text]
    if platform == "win32":
        filled = _WINDOWS % tuple(base64.b64encode(one.encode()).decode() for one in (title, text))
        encoded = base64.b64encode(filled.encode("utf-16-le")).decode()
        return [
            "powershell",
            "-NoProfile",
            "-NonInteractive",
            "-WindowStyle",
            "Hidden",
            "-EncodedCommand",
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
