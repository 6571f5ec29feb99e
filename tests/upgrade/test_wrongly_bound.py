"""Sheets that an earlier version took for two tabs, or that have lost our marks since: rows of two tables never meet
in one sheet, and where they do already, it is refused with the line that mends it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.upgrade.books import differences, ids, of_workbook
from tests.upgrade.news import NEWS_3, THIRD
from tests.upgrade.runs import WRITTEN, sync, unpack

WRONGLY_BOUND, ADOPTED = WRITTEN / "wrongly_bound", WRITTEN / "adopted"
with_and_without = pytest.mark.parametrize("journal", [True, False], ids=["its journal", "a fresh machine"])


def assert_refused(folder: Path, name: str) -> None:
    before = (folder / name).read_bytes()
    report = sync(folder, NEWS_3, THIRD, "--to", name)
    assert report["exit_code"] == 65
    assert any("--tab" in (error["hint"] or "") for error in report["errors"]), report["errors"]
    assert report["targets"][0]["pending"] > 0
    assert (folder / name).read_bytes() == before


@with_and_without
@pytest.mark.parametrize("name", ["two_on_one.xlsx", "renamed_first.xlsx"])
def test_two_tabs_on_one_sheet_are_refused(tmp_path: Path, name: str, *, journal: bool) -> None:
    unpack(WRONGLY_BOUND, tmp_path, journal=journal)
    assert_refused(tmp_path, name)


def test_a_sheet_without_marks_that_the_journal_has_written_to_is_refused(tmp_path: Path) -> None:
    unpack(WRONGLY_BOUND, tmp_path)
    assert_refused(tmp_path, "marks_dropped.xlsx")


def test_a_sheet_without_marks_is_not_guessed_by_a_fresh_machine(tmp_path: Path) -> None:
    unpack(WRONGLY_BOUND, tmp_path, journal=False)
    before = of_workbook(tmp_path / "marks_dropped.xlsx")
    report = sync(tmp_path, NEWS_3, THIRD, "--to", "marks_dropped.xlsx")
    after = of_workbook(tmp_path / "marks_dropped.xlsx")
    assert report["exit_code"] == 0
    assert {title: after[title] for title in before} == before
    assert ids(after["Signals"]) == ["5005", "5006"]


@with_and_without
def test_a_sheet_that_is_one_tab_by_its_marks_is_not_another_by_its_headers(
    tmp_path: Path, *, journal: bool
) -> None:
    unpack(ADOPTED, tmp_path, journal=journal)
    before = of_workbook(tmp_path / "by_headers.xlsx")
    report = sync(tmp_path, NEWS_3, THIRD, "--to", "by_headers.xlsx")
    after = of_workbook(tmp_path / "by_headers.xlsx")
    assert (report["exit_code"], list(after)) == (0, ["Plans", "Trades"])
    assert ids(after["Trades"]) == ["901", "902", "5001", "5002", "5003", "5005", "5006"]
    assert differences(before, after, {("5003", "Status")}) == []


@pytest.mark.parametrize("name", ["two_on_one.xlsx", "renamed_first.xlsx"])
def test_the_line_that_mends_it_gives_scalps_a_tab_of_their_own(tmp_path: Path, name: str) -> None:
    unpack(WRONGLY_BOUND, tmp_path)
    before = of_workbook(tmp_path / name)
    (title,) = [title for title, grid in before.items() if ids(grid)]
    report = sync(tmp_path, NEWS_3, THIRD, "--to", name, "--tab", f"Signals={title}")
    after = of_workbook(tmp_path / name)
    assert report["exit_code"] == 0, report["errors"]
    kept = ids(after[title])
    assert kept[: len(ids(before[title]))] == ids(before[title])
    assert sorted(kept) == ["12", "5001", "5002", "5003", "5004", "5005", "5006", "5007"]
    scalps = ids(after["Scalping"])
    assert {"5003", "12", "13", "14"} <= set(scalps)
    assert len(set(scalps)) == len(scalps)
    added = sum(len(ids(grid)) for grid in after.values()) - sum(len(ids(grid)) for grid in before.values())
    assert report["targets"][0]["added"] == added
