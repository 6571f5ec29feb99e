"""The reference is made from the code, and says what the code does."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from docs.make_reference import REFERENCE, pages
from tests.cli.command import Shell

PAGES = pages()
SCHEMA = json.loads((REFERENCE / "report.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_up_to_date(name: str) -> None:
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == PAGES[name].rstrip() + "\n", "run: python docs/make_reference.py"


def test_reports_follow_their_schema(shell: Shell, tmp_path: Path) -> None:
    jsonschema.validate(shell.report(), SCHEMA)
    jsonschema.validate(shell.report("--dry-run"), SCHEMA)
    (tmp_path / "broken.xlsx").write_text("no workbook")
    failed = shell.report("--to", "broken.xlsx", "--to", "signals.xlsx")
    assert failed["outcome"] == "degraded"
    jsonschema.validate(failed, SCHEMA)
