"""A workbook in a folder of OneDrive, Dropbox, iCloud Drive, Google Drive: conflict copies, and files not whole yet."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cqs_sheets.destinations.excel.synced import conflict_copies, service_of
from tests.cli.command import Shell


@pytest.mark.parametrize(
    ("folder", "service"),
    [
        ("Users/ann/OneDrive/trades", "OneDrive"),
        ("Users/ann/OneDrive - Desk Ltd/trades", "OneDrive"),
        ("home/ann/Dropbox (Personal)", "Dropbox"),
        ("Users/ann/Library/Mobile Documents/com~apple~CloudDocs", "iCloud Drive"),
        ("Users/ann/Library/CloudStorage/GoogleDrive-ann@x.example/My Drive", "Google Drive"),
        ("home/ann/onedrive-exports", None),
        ("home/ann/trades", None),
    ],
)
def test_whose_folder_it_is(folder: str, service: str | None) -> None:
    assert service_of(Path("/") / folder / "signals.xlsx") == service


@pytest.mark.parametrize(
    ("folder", "name", "is_one"),
    [
        ("trades", "signals (Ann's conflicted copy 2026-05-24).xlsx", True),
        ("trades", "signals (In Konflikt stehende Kopie von Ann).xlsx", True),
        ("trades", "signals.sync-conflict-20260524-143205-ABCDEFG.xlsx", True),
        ("OneDrive", "signals-DESKTOP-AB12CD.xlsx", True),
        ("trades", "signals-DESKTOP-AB12CD.xlsx", False),
        ("Google Drive", "signals (1).xlsx", True),
        ("trades", "signals (1).xlsx", False),
        ("iCloud Drive", "signals 2.xlsx", True),
        ("OneDrive", "signals-2025.xlsx", False),
        ("OneDrive", "signals.bak.xlsx", False),
        ("OneDrive", "signals.xlsx", False),
        ("OneDrive", "other (conflicted copy).xlsx", False),
    ],
)
def test_which_names_are_conflict_copies(folder: str, name: str, is_one: bool) -> None:
    assert list(conflict_copies(Path("/home") / folder / "signals.xlsx", [name])) == (
        [name] if is_one else []
    )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "Dropbox"
    folder.mkdir()
    return Shell(folder)


def test_a_conflict_copy_is_told_and_left_alone(shell: Shell) -> None:
    copy = shell.folder / "signals (Ann's conflicted copy 2026-05-24).xlsx"
    copy.write_bytes(b"hers")
    done = shell.run("sync", "--sandbox", "--template", "raw")
    assert done.returncode == 0
    assert "is a copy that Dropbox made" in " ".join(done.stderr.split())
    assert copy.read_bytes() == b"hers"


def test_a_half_synced_workbook_is_waited_for_and_a_damaged_old_one_refused(shell: Shell) -> None:
    assert shell.run("sync", "--sandbox", "--template", "raw").returncode == 0
    book = shell.folder / "signals.xlsx"
    whole = book.read_bytes()
    book.write_bytes(whole[: len(whole) // 2])
    waits = shell.run("sync", "--sandbox", "--template", "raw")
    assert waits.returncode == 75
    assert "may still be bringing it" in " ".join(waits.stderr.split())
    old = time.time() - 600
    os.utime(book, (old, old))
    assert shell.run("sync", "--sandbox", "--template", "raw").returncode == 65


def test_a_workbook_that_icloud_took_away_is_not_made_anew(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    assert shell.run("sync", "--sandbox", "--template", "raw").returncode == 0
    (tmp_path / "signals.xlsx").rename(tmp_path / "kept.xlsx")
    (tmp_path / ".signals.xlsx.icloud").write_bytes(b"bplist")
    done = shell.run("sync", "--sandbox", "--template", "raw")
    assert done.returncode == 75
    assert not (tmp_path / "signals.xlsx").exists()
