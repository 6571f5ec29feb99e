"""The ways in which programs save a file."""

from __future__ import annotations

import random
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import openpyxl


def in_place(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def over_what_is_there(path: Path, content: bytes) -> None:
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


def by_rename(path: Path, content: bytes) -> None:
    beside = path.with_name("editor.tmp")
    beside.write_bytes(content)
    beside.replace(path)


def deleted_and_made(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def copied_with_its_time(path: Path, content: bytes) -> None:
    beside = path.with_name("copy.tmp")
    beside.write_bytes(content)
    shutil.copy2(beside, path)
    beside.unlink()


WAYS: Mapping[str, Callable[[Path, bytes], None]] = {
    way.__name__: way
    for way in (in_place, over_what_is_there, by_rename, deleted_and_made, copied_with_its_time)
}


def with_memo(content: bytes, text: str) -> bytes:
    """The workbook after somebody typed a memo into its first row."""
    book = openpyxl.load_workbook(BytesIO(content))
    sheet = book["Signals"]
    [header] = [cell for line in sheet.iter_rows() for cell in line if cell.value == "Memo"]
    sheet.cell(header.row + 1, header.column).value = text
    saved = BytesIO()
    book.save(saved)
    return saved.getvalue()


def keep_saving(path: Path, log: Path, seed: int) -> None:
    """Type and save until the log is gone, and note each save once it is done."""
    dice = random.Random(seed)  # noqa: S311
    number = 0
    while log.exists():
        try:
            content = with_memo(path.read_bytes(), str(number + 1))
        except Exception:  # noqa: BLE001, S112 - caught in the middle of another save of ours
            continue
        number += 1
        dice.choice(list(WAYS.values()))(path, content)
        with log.open("a") as file:
            file.write(f"{number}\n")
        time.sleep(dice.random() * 0.02)


if __name__ == "__main__":
    keep_saving(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
