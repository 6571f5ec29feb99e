"""`journal export`: by field and by status, as a target's `where` means it."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest
from pyarrow import parquet

from tests.cli.command import Shell
from tests.cli.inside import run_inside

Row = dict[str, Any]


def exported(shell: Shell, *filters: str) -> list[Row]:
    done = run_inside(shell, "journal", "export", "--format", "jsonl", *filters)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def caught(shell: Shell) -> list[Row]:
    """Signals of many kinds, a third of them ended."""
    signals = [
        {
            "id": str(number),
            "timestamp": f"2026-05-24 12:{number:02}:00",
            "exchange": ("binance", "BYBIT")[number % 2],
            "currency": "USDT",
            "coin": ("BTC", "ETH", "SOL")[number % 3],
            "direction": ("LONG", "SHORT")[number % 2],
            "ask": "100",
            "risk_level": str(1 + number % 5),
            "type": "SHORT TERM",
        }
        for number in range(15)
    ]
    for name, sent in (("first", signals), ("second", signals[5:])):
        answer = {"error": 0, "message": "Success", "count": len(sent), "signals": sent}
        (shell.folder / f"{name}.json").write_text(json.dumps(answer))
    assert run_inside(shell, "journal", "import", "first.json", "second.json").returncode == 0
    return exported(shell)


@pytest.mark.parametrize(
    ("where", "passes"),
    [
        (["direction=LONG"], lambda row: row["direction"] == "LONG"),
        (["direction=long "], lambda row: row["direction"] == "LONG"),
        (["coin=BTC", "coin=ETH"], lambda row: row["coin"] in ("BTC", "ETH")),
        (["max_risk=3"], lambda row: int(row["risk_level"]) <= 3),
        (["risk_level=3.0"], lambda row: row["risk_level"] == "3"),
        (["min_risk=2", "max_risk=3", "exchange=binance"],
         lambda row: row["risk_level"] in "23" and row["exchange"] == "binance"),
        (["id=7"], lambda row: row["id"] == "7"),
        (["min_leverage=1"], lambda _: False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_an_export_holds_what_passes_and_nothing_else(
    shell: Shell, caught: list[Row], where: list[str], passes: Callable[[Row], bool]
) -> None:
    options = [word for text in where for word in ("--where", text)]
    assert exported(shell, *options) == [row for row in caught if passes(row)]


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_a_folder_that_is_not_there_is_told(shell: Shell, format_: str) -> None:
    done = run_inside(shell, "journal", "export", "--format", format_, "-o", f"absent/file.{format_}")
    assert done.returncode == 77
    assert f"file.{format_} cannot be written: No such file or directory." in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="pipes with a name are POSIX")
def test_an_export_into_a_pipe_does_not_take_its_place(shell: Shell, caught: list[Row]) -> None:
    pipe = shell.folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = run_inside(shell, "journal", "export", "--format", "jsonl", "-o", "pipe")
    read = os.read(reader, 1 << 16).decode()
    os.close(reader)
    assert done.returncode == 0, done.stderr
    assert pipe.is_fifo()
    assert [json.loads(line) for line in read.splitlines()] == caught


@pytest.mark.parametrize("status", ["open", "closed", "aged"])
def test_an_export_by_status(shell: Shell, caught: list[Row], status: str) -> None:
    assert exported(shell, "--status", status) == [row for row in caught if row["status"] == status]


def test_every_format_is_filtered(shell: Shell, caught: list[Row]) -> None:
    wanted = [row["id"] for row in caught if row["direction"] == "SHORT"]
    only = ("--where", "direction=SHORT")
    text = run_inside(shell, "journal", "export", "--format", "csv", *only).stdout
    assert [row["id"] for row in csv.DictReader(io.StringIO(text))] == wanted
    for form in ("parquet", "xlsx"):
        run_inside(shell, "journal", "export", "--format", form, "-o", f"short.{form}", *only)
    held = parquet.read_table(shell.folder / "short.parquet").to_pylist()
    assert [row["id"] for row in held] == wanted
    sheet = openpyxl.load_workbook(shell.folder / "short.xlsx")["Signals"]
    assert [str(row[0]) for row in sheet.iter_rows(min_row=2, values_only=True)] == wanted


def test_every_mistake_in_a_filter_is_told_at_once(shell: Shell) -> None:
    wrong = ["direction=LNG", "max_rsk=3", "max_risk=low", "LONG", "min_leverage=5", "max_leverage=3"]
    options = [word for text in wrong for word in ("--where", text)]
    done = run_inside(shell, "journal", "export", "--format", "csv", *options)
    assert done.returncode == 2
    assert done.stdout == ""
    for told in (
        "--where LONG: expected FIELD=VALUE",
        '--where direction: "LNG" is not known here: did you mean "LONG"?',
        "--where max_rsk: unknown key `max_rsk`: did you mean `max_risk`?",
        '--where max_risk: expected a number, found "low"',
        "--where max_leverage: max_leverage 3 is below min_leverage 5: nothing passes",
    ):
        assert told in done.stderr
