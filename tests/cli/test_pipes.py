"""A pipe where a file should be: nothing waits for what may never come, and a signal ends what waits all the same."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from cqs_sheets import deadline
from cqs_sheets.cli.session import Interruption
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import TargetBusy
from tests.cli.command import Shell
from tests.destinations.excel.books import add, signals_book, sync

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has no such pipes in folders")


@pytest.mark.parametrize(
    "command",
    [
        ("templates", "check", "./pipe.toml"),
        ("sync", "--template", "./pipe.toml"),
        ("journal", "import", "pipe.toml"),
        ("outcomes", "--rules", "pipe.toml"),
    ],
    ids=" ".join,
)
def test_a_pipe_is_not_waited_for(shell: Shell, command: tuple[str, ...]) -> None:
    os.mkfifo(shell.folder / "pipe.toml")
    done = shell.run(*command, CQS_API_URL="http://127.0.0.1:9")
    assert done.returncode in (2, 65)
    assert "it is no file" in done.stderr


def test_nor_is_one_called_as_what_excel_puts_beside_an_open_workbook(tmp_path: Path) -> None:
    path = signals_book(tmp_path / "book.xlsx")
    for name in ("~$book.xlsx", ".~lock.book.xlsx#"):
        os.mkfifo(tmp_path / name)
    with suppress(TargetBusy):  # whether it is taken for open is not the point
        sync(path, adds=[add("7")])
    assert ExcelDestination(path).stamp("")


def test_a_second_sigterm_ends_at_once_unless_it_comes_with_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    interruption = Interruption()
    interruption._stop(signal.SIGTERM, None)
    interruption._stop(signal.SIGTERM, None)  # timeout(1) sends two
    assert interruption.requested
    monkeypatch.setattr(deadline, "GRACE", -1.0)
    with pytest.raises(KeyboardInterrupt) as ended:
        interruption._stop(signal.SIGTERM, None)
    assert ended.value.args == (signal.SIGTERM,)
    deadline.at_leisure()
