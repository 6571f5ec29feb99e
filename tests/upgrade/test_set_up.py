"""The config and the workflow that an earlier version's init wrote are of use to this one."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import yaml

from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.upgrade.books import ids, of_workbook
from tests.upgrade.news import NEWS_3, THIRD
from tests.upgrade.runs import WRITTEN, sync

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
