"""Durations, zones, URLs and places: what is accepted, and what is said of the rest."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.config import is_google, schema, spreadsheet_id
from cqs_sheets.config.settings import absolute, place_at, place_problem
from cqs_sheets.config.values import url_problem, zone
from cqs_sheets.core.toml import duration
from tests.symlinks import symlink

_ID = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("60m", 3600),
        ("5h50m", 21000),
        ("1d", 86400),
        ("1h0m5s", 3605),
        ("0s", 0),
        ("0", 0),
        (0, 0),
    ],
)
def test_a_duration_is_read_in_seconds(text: str | int, seconds: int) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", 5, -1, "-5s", "1.5h", "30 s", "5m1h", "1w", "٣s", "30s\n", "999999s"]
)
def test_what_is_no_duration_is_refused_with_examples(text: str | int) -> None:
    with pytest.raises(ValueError, match='such as "30s"'):
        duration(text)


@given(st.text("0123456789dhms", max_size=8))
def test_the_schema_and_the_reader_agree_on_durations(text: str) -> None:
    pattern = schema()["$defs"]["duration"]["anyOf"][1]["pattern"]
    try:
        duration(text)
    except ValueError:
        assert not re.search(pattern, text)
    else:
        assert re.search(pattern, text)


@pytest.mark.parametrize(
    ("name", "near"),
    [("Berlin", "Europe/Berlin"), ("europe/berlin", "Europe/Berlin"), ("Europe/Berln", "Europe/Berlin"),
     ("new york", "America/New_York"), ("UTC ", "UTC"), ("utc", "UTC")],
)  # fmt: skip
def test_an_unknown_zone_is_refused_with_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f'did you mean "{near}"'):
        zone(name)


@pytest.mark.parametrize(
    "name", ["", "../../etc/passwd", "/etc/localtime", "Europe", "a\x00b", "x" * 5000, "CET+1!"]
)
def test_odd_zones_are_refused_as_unknown(name: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        zone(name)


@pytest.mark.parametrize(
    "url",
    ["https://api.example.com", "https://api.example.com:8443/api/v1/getSignal", "http://127.0.0.1:1/",
     "http://localhost:8000/getSignal/", "http://[::1]:9", "HTTPS://EXAMPLE.COM"],
)  # fmt: skip
def test_https_anywhere_and_http_on_this_machine_are_accepted(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    "url",
    ["", "example.com", "ftp://example.com", "http://example.com", "http://127.0.0.1.example.com", "https://",
     "http://localhost.example.com", "http://127.0.0.1@example.com", "https://example.com/a b", "https://x:99999",
     "http://example.com\\@127.0.0.1", "https://[::1", "https://example.com/?a=1", "https://example.com#a",
     "https://exa\nmple.com", "https://example.com\\path", "file:///etc/passwd", "http://0.0.0.0:1"],
)  # fmt: skip
def test_other_urls_are_refused(url: str) -> None:
    assert url_problem(url)


def test_where_only_this_machine_is_allowed_https_elsewhere_is_refused() -> None:
    assert url_problem("http://127.0.0.1:1", loopback_only=True) is None
    assert url_problem("https://sheets.googleapis.com", loopback_only=True)


@pytest.mark.parametrize(
    "to",
    [_ID, f"https://docs.google.com/spreadsheets/d/{_ID}", f"http://docs.google.com/spreadsheets/d/{_ID}/edit#gid=1",
     f"docs.google.com/spreadsheets/u/0/d/{_ID}/edit", f"HTTPS://DOCS.GOOGLE.COM/spreadsheets/d/{_ID}?x"],
)  # fmt: skip
def test_a_google_sheet_is_known_by_url_or_bare_id(to: str) -> None:
    assert is_google(to)
    assert spreadsheet_id(to) == _ID
    assert place_problem(to) is None
    assert place_at(to, Path("/here")).path is None


@pytest.mark.parametrize("to", ["signals.xlsx", "signals", "a" * 24, "sub/" + "a" * 30, "a" * 30 + ".xlsx"])
def test_everything_else_is_a_path(tmp_path: Path, to: str) -> None:
    assert not is_google(to)
    assert place_at(to, tmp_path).path == tmp_path / to


@pytest.mark.parametrize(
    "to",
    ["", " ", "a\nb.xlsx", "https://example.com/a.xlsx", "https://docs.google.com/", "s3://bucket/a.xlsx",
     "https://docs.google.com/spreadsheets/d/e/2PACX-1vSomethingPublishedOnTheWeb/pubhtml",
     f"https://docs.google.com.example.com/spreadsheets/d/{_ID}"],
)  # fmt: skip
def test_what_can_be_no_target_is_refused(to: str) -> None:
    assert place_problem(to)


def test_a_linked_workbook_is_the_same_place_but_keeps_its_own_path(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    symlink(tmp_path / "link", tmp_path / "real")
    linked, real = place_at("link/a.xlsx", tmp_path), place_at("real/a.xlsx", tmp_path)
    assert linked.identity == real.identity
    assert linked.path == tmp_path / "link" / "a.xlsx"


def test_the_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USERPROFILE" if os.name == "nt" else "HOME", str(tmp_path))
    assert absolute("~/a.xlsx", Path("/here")) == tmp_path / "a.xlsx"
