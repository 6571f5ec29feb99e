"""What the disk itself does, on this system and on file systems that can less."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cqs_sheets.destinations.excel.disk import Disk
from cqs_sheets.files import is_held

linux = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("one", "other"):
        (tmp_path / name).write_text(name)
    return tmp_path / "one", tmp_path / "other"


@linux
def test_two_files_change_places_or_it_is_said_that_they_cannot(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = files
    assert Disk().exchange(one, other)
    assert (one.read_text(), other.read_text()) == ("other", "one")
    with pytest.raises(FileNotFoundError):
        Disk().exchange(one, other.with_name("absent"))
    assert not Disk().exchange(one, Path("/proc/self/comm"))  # another file system
    monkeypatch.setattr("platform.system", lambda: "Windows")
    assert not Disk().exchange(one, other)
    assert (one.read_text(), other.read_text()) == ("other", "one")


def test_a_file_is_put_where_nothing_is_without_hard_links_too(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = files

    def none_here(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    for again in range(2):
        with pytest.raises(FileExistsError):
            Disk().place(one, other)
        Disk().place(one, tmp_path / f"new {again}")
        assert (tmp_path / f"new {again}").read_text() == "one"
        monkeypatch.setattr("os.link", none_here)
    assert other.read_text() == "other"


@linux
def test_a_libreoffice_that_runs_is_seen_by_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "soffice.bin"
    program.symlink_to(sys.executable)
    command = [str(program), "-c", "print('here', flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert running.stdin
        running.stdout.readline()
        assert Disk().office_runs()
        running.stdin.write("\n")
    monkeypatch.setattr("cqs_sheets.destinations.excel.disk._command", lambda process: process.name)
    assert not Disk().office_runs()


def test_a_file_that_nobody_has_open_is_not_held(files: tuple[Path, Path]) -> None:
    assert not is_held(files[0])
    assert not is_held(files[0].with_name("absent"))
