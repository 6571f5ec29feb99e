"""The config and the workflow that an earlier version's init wrote, and its journal, are of use to this one."""

from __future__ import annotations

import csv
import re
import shutil
from pathlib import Path

import yaml

from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.upgrade.books import ids, of_workbook
from tests.upgrade.news import NEWS_3, THIRD
from tests.upgrade.runs import WRITTEN, sync, unpack

ROOT = Path(__file__).parent.parent.parent
INIT = WRITTEN / "init"
WORKFLOW = (INIT / "cqs-sheets.yml").read_text(encoding="utf-8")


def test_the_config_is_taken_as_it_is(tmp_path: Path) -> None:
    shutil.copy(INIT / "cqs-sheets.toml", tmp_path)
    report = sync(tmp_path, NEWS_3, THIRD)
    assert (report["exit_code"], report["warnings"]) == (0, [])
    assert ids(of_workbook(tmp_path / "signals.xlsx")["Signals"]) == ["5004", "5006"]


def test_the_workflow_gives_the_action_only_what_it_takes(tmp_path: Path) -> None:
    (step,) = [
        step for step in yaml.safe_load(WORKFLOW)["jobs"]["sync"]["steps"] if "cqs-sheets" in step["uses"]
    ]
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert step["with"].keys() <= action["inputs"].keys()
    for duration in re.findall(r"'(\d+[hms]\w*)'", WORKFLOW):
        for option in ("--every", "--for"):
            done = run_inside(
                Shell(tmp_path), "watch", "--config", "cqs-sheets.toml", option, duration, "--help"
            )
            assert done.returncode == 0, done.stderr


def test_what_that_workflow_kept_in_a_cache_is_taken_up_from_there() -> None:
    """A cache is found by its paths, word for word, and a prefix of its key."""
    (step,) = [
        step for step in yaml.safe_load(WORKFLOW)["jobs"]["sync"]["steps"] if "cqs-sheets" in step["uses"]
    ]
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    (restore,) = [each for each in action["runs"]["steps"] if "cache/restore" in each.get("uses", "")]
    assert restore["with"]["path"] == ".cqs-sheets\n${{ inputs.workbooks }}\n!*.bak*.xlsx\n"
    assert step["with"]["workbooks"] == "signals.xlsx\n"
    assert all(
        key.startswith("cqs-sheets-${{ inputs.name }}-")
        for key in restore["with"]["restore-keys"].splitlines()
    )
    assert "name" not in step["with"]
    assert action["inputs"]["name"]["default"] == "default"


def test_the_journal_tells_all_it_knew(tmp_path: Path) -> None:
    unpack(WRITTEN / "templates", tmp_path)
    sound = run_inside(Shell(tmp_path), "journal", "verify")
    assert sound.returncode == 0, sound.stderr
    told = run_inside(Shell(tmp_path), "journal", "export", "--format", "csv")
    signals = list(csv.DictReader(told.stdout.splitlines()))
    known = [(each["id"], each["coin"], each["status"]) for each in signals]
    assert sorted(known) == [
        ("11", "S11", "closed"), ("12", "S12", "open"), ("5001", "C5001", "aged"), ("5002", "C5002", "closed"),
        ("5003", "C5003", "open"), ("5003", "S5003", "open"), ("5004", "C5004", "open"), ("5005", "C5005", "open"),
    ]  # fmt: skip
