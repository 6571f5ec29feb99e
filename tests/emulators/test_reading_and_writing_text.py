"""Text to values and values to text; masks and ranges as text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from tests.emulators.sheets.a1 import Bounds, column_index, column_name, parse_cells, quote_title
from tests.emulators.sheets.cells import EMPTY, Scalar
from tests.emulators.sheets.masks import NotAMask, merged, parse_mask, project
from tests.emulators.sheets.rendering import render
from tests.emulators.sheets.typed import enter
from tests.emulators.sheets.wire import encode

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("text", "locale", "value", "kind"),
    [
        ("12", "en_US", 12, None),
        ("-1,234.5", "en_US", -1234.5, None),
        ("1.234,5", "de_DE", 1234.5, None),
        ("12%", "en_US", 0.12, "PERCENT"),
        ("1-2", "en_US", 46024, "DATE"),
        ("2/1/2026", "en_US", 46054, "DATE"),
        ("2/1/2026", "en_GB", 46024, "DATE"),
        ("2026-01-02 12:00", "en_US", 46024.5, "DATE_TIME"),
        ("6:00", "en_US", 0.25, "TIME"),
        ("31/31/2026", "en_US", "31/31/2026", None),
        ("1.2.3", "en_US", "1.2.3", None),
        ("e5", "en_US", "e5", None),
        ("false", "en_US", False, None),
        (" x ", "en_US", " x ", None),
    ],
)
def test_typed_text_becomes_what_a_person_would_get(
    text: str, locale: str, value: Scalar, kind: str | None
) -> None:
    entry = enter(EMPTY, text, locale)
    assert (entry.value, type(entry.value)) == (value, type(value))
    assert (entry.format or {}).get("type") == kind


@pytest.mark.parametrize(
    ("value", "number_format", "locale", "shown"),
    [
        (1.0, None, "en_US", "1"),
        (0.00001, None, "en_US", "0.00001"),
        (1.45, None, "de_DE", "1,45"),
        (True, None, "en_US", "TRUE"),
        (1234.5, {"type": "NUMBER", "pattern": "#,##0.00"}, "en_US", "1,234.50"),
        (1234.5, {"type": "NUMBER", "pattern": "#,##0.00"}, "de_DE", "1.234,50"),
        (0.1234, {"type": "PERCENT", "pattern": "0.0%"}, "en_US", "12.3%"),
        (0.5, {"type": "NUMBER", "pattern": "#.##"}, "en_US", ".5"),
        (46024.75, {"type": "DATE_TIME", "pattern": "yyyy-mm-dd hh:mm"}, "en_US", "2026-01-02 18:00"),
        (46024.75, {"type": "DATE_TIME", "pattern": "d mmm yy h:mm am/pm"}, "en_US", "2 Jan 26 6:00 PM"),
        (46024, {"type": "DATE"}, "en_US", "1/2/2026"),
    ],
)
def test_a_value_is_shown_by_its_format_and_locale(
    value: Scalar, number_format: dict[str, str] | None, locale: str, shown: str
) -> None:
    assert render(value, number_format, locale) == shown


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a", {"a": {}}),
        ("a,b.c", {"a": {}, "b": {"c": {}}}),
        ("a(b,c/d),e", {"a": {"b": {}, "c": {"d": {}}}, "e": {}}),
        (
            "sheets(properties, data(rowData(values(note))))",
            {"sheets": {"properties": {}, "data": {"rowData": {"values": {"note": {}}}}}},
        ),
        ("a.b,a", {"a": {}}),
        ("a,a.b", {"a": {}}),
    ],
)
def test_a_mask_is_a_tree(text: str, tree: dict[str, Any]) -> None:
    assert parse_mask(text) == tree


@pytest.mark.parametrize("text", ["", "a,", "a(b", "a)b", "a..b", "a b", "ä"])
def test_a_text_that_is_no_mask_is_refused(text: str) -> None:
    with pytest.raises(NotAMask):
        parse_mask(text)


def test_a_mask_reads_and_writes_only_what_it_names() -> None:
    value = {"a": {"b": 1, "c": 2}, "d": [{"b": 3, "c": 4}]}
    assert project(value, parse_mask("a.b,d.c,x")) == {"a": {"b": 1}, "d": [{"c": 4}]}
    assert merged(value, {"a": {"c": 9}}, parse_mask("a(b,c),d")) == {"a": {"c": 9}}


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("A1", Bounds(0, 1, 0, 1)),
        ("$B$2:C", Bounds(1, None, 1, 3)),
        ("A:A", Bounds(None, None, 0, 1)),
        ("2:4", Bounds(1, 4, None, None)),
        ("C3:A1", Bounds(0, 3, 0, 3)),
        ("A2:2", Bounds(1, 2, 0, None)),
        ("AAAA1", None),
        ("A", None),
        ("1", None),
        ("A0", None),
    ],
)
def test_cells_in_a1_notation(text: str, bounds: Bounds | None) -> None:
    assert parse_cells(text) == bounds


@given(st.integers(0, 18_277))
def test_column_names_count_both_ways(index: int) -> None:
    assert column_index(column_name(index)) == index


@pytest.mark.parametrize(
    ("title", "quoted"),
    [("Sheet1", "Sheet1"), ("I'm new", "'I''m new'"), ("A1", "'A1'"), ("R1C1", "'R1C1'"), ("1st", "'1st'")],
)
def test_titles_are_quoted_where_needed(title: str, quoted: str) -> None:
    assert quote_title(title) == quoted


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc", min_size=1), inner),
)


@given(values)
def test_indented_json_is_what_the_standard_encoder_writes(value: object) -> None:
    assert encode(value, pretty=True).decode() == json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def test_it_runs_alone() -> None:
    command = [sys.executable, "-m", "tests.emulators.google_sheets", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            answer = requests.get(
                f"{url}/v4/spreadsheets/x", headers={"Authorization": "Bearer t"}, timeout=10
            )
            assert answer.json()["error"]["status"] == "NOT_FOUND"
        finally:
            process.terminate()
