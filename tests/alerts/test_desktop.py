"""A message on this computer's screen: what each system is asked to show, and what it cannot mean."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

import pytest

from cqs_sheets.alerts import sender
from cqs_sheets.core.alerts import Message

pytestmark = pytest.mark.skipif(os.name == "nt", reason="programs are played by shell scripts")
MESSAGE = Message(title="New: LONG B_C*/USDT", text='it\'s "here"\n$(rm) \\ %s', markdown="", events=())


class Desktop:
    """A folder that is the whole PATH; its programs write down what they are given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, program: str, exit_code: int = 0) -> None:
        file = self._folder / program
        file.write_text(
            f"#!/bin/sh\nfor word; do printf '%s\\0' \"$word\"; done > '{file}.said'\nexit {exit_code}\n"
        )
        file.chmod(0o755)

    def said(self, program: str) -> list[str]:
        return (self._folder / f"{program}.said").read_text(encoding="utf-8").split("\0")[:-1]


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desktop:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    return Desktop(tmp_path)


def test_linux_shows_title_and_text_as_they_are(desktop: Desktop) -> None:
    desktop.has("notify-send")
    assert sender(None, "desk")(MESSAGE).reason == ""
    assert desktop.said("notify-send")[-3:] == ["--", MESSAGE.title, MESSAGE.text]


def test_a_desktop_without_libnotify_is_asked_by_its_bus(desktop: Desktop) -> None:
    desktop.has("gdbus")
    assert sender(None, "desk")(MESSAGE).reason == ""
    assert desktop.said("gdbus")[-5:-3] == [f"'{MESSAGE.title}'", r"""'it\'s "here"\n$(rm) \\ %s'"""]


def test_mac_takes_both_as_arguments_of_a_script(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    desktop.has("osascript")
    assert sender(None, "desk")(MESSAGE).reason == ""
    assert desktop.said("osascript")[-2:] == [MESSAGE.title, MESSAGE.text]


def test_windows_gets_them_encoded_in_a_script(desktop: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "win32")
    desktop.has("powershell")
    assert sender(None, "desk")(MESSAGE).reason == ""
    script = base64.b64decode(desktop.said("powershell")[-1]).decode("utf-16-le")
    texts = [base64.b64decode(text).decode() for text in re.findall(r"\$text '([^']*)'", script)]
    assert texts == [MESSAGE.title, MESSAGE.text]


def test_a_screen_that_is_not_there_is_told(desktop: Desktop) -> None:
    assert "libnotify" in sender(None, "desk")(MESSAGE).reason
    desktop.has("notify-send", exit_code=1)
    assert sender(None, "desk")(MESSAGE).reason == "there is no desktop to show it on"


@pytest.mark.usefixtures("desktop")
def test_a_program_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert sender(None, "desk")(MESSAGE).reason.startswith("osascript cannot be started")
