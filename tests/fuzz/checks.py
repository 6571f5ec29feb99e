"""What is checked of bytes that a guided fuzzer made: a body, a workbook's sheet, a template."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from tests.fuzz.books import books, zipped
from tests.fuzz.signals import check_bytes
from tests.fuzz.toml_files import check_template_text
from tests.fuzz.workbooks import check_book

CORPUS = Path(__file__).with_name("corpus")


@cache
def _book() -> tuple[dict[str, bytes], str]:
    parts = books()[0]
    return parts, next(name for name in parts if name.endswith("worksheets/sheet1.xml"))


def check_sheet(part: bytes) -> str:
    """A workbook of ours whose first sheet holds these very bytes."""
    parts, sheet = _book()
    return check_book(zipped(parts | {sheet: part}))


CHECKS: dict[str, Callable[[bytes], str]] = {
    "body": check_bytes,
    "sheet": check_sheet,
    "template": check_template_text,
}
