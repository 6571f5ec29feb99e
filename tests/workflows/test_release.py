"""What a release consists of: built here as the workflow builds it, held against tag and changelog, and tried."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

import cqs_sheets
from tests.workflows.github import ROOT

CHECK = ROOT / ".github" / "check_release.py"
RELEASE = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist."""
    folder = tmp_path_factory.mktemp("dist")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


def problems(tag: str, dist: Path) -> str:
    """What the check says; "" if nothing is wrong."""
    command = [sys.executable, str(CHECK), tag, str(dist)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()


def test_the_check_finds_nothing_wrong_with_what_is_here(dist: Path) -> None:
    assert problems(f"v{cqs_sheets.__version__}", dist) == ""


def test_the_check_refuses_another_tag_and_a_wheel_without_templates(dist: Path, tmp_path: Path) -> None:
    assert "the tag is v9.9.9" in problems("v9.9.9", dist)
    assert "0 wheels" in problems("v9.9.9", tmp_path)
    for path in dist.iterdir():
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as whole, zipfile.ZipFile(tmp_path / path.name, "w") as part:
                for name in whole.namelist():
                    if not name.endswith("raw.toml"):
                        part.writestr(name, whole.read(name))
        else:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    assert "the wheel lacks the template raw.toml" in problems("v9.9.9", tmp_path)


def test_the_wheel_alone_makes_a_workbook(dist: Path, tmp_path: Path) -> None:
    (wheel,) = dist.glob("*.whl")
    alone = tmp_path / "alone"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(alone),
    ]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    environ = os.environ | {"PYTHONPATH": str(alone), "CQS_HOME": str(tmp_path / "home")}
    for arguments in (["--version"], ["sync", "--sandbox"]):
        done = subprocess.run(
            [sys.executable, "-m", "cqs_sheets", *arguments],
            env=environ, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "signals.xlsx").stat().st_size > 5_000


def test_what_builds_checks_and_publishes_knows_the_same_metadata() -> None:
    """Metadata 2.5, which hatchling writes since 1.33, is known to twine 7; the action brings it since 1.14.2."""
    pins = (ROOT / ".github" / "release" / "requirements.txt").read_text(encoding="utf-8")
    version = dict(re.findall(r"^(\w+)==(\d+)\.", pins, re.MULTILINE))
    assert (version["hatchling"], int(version["twine"]) >= 7) == ("1", True)
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    assert "twine check --strict" in text
    (action,) = re.findall(r"gh-action-pypi-publish@\w+ # v(\d+)\.(\d+)\.(\d+)", text)
    assert tuple(map(int, action)) >= (1, 14, 2)


def test_what_is_published_is_what_was_built_once_and_tried() -> None:
    jobs = RELEASE["jobs"]
    builds = [name for name, job in jobs.items() if "hatchling build" in yaml.dump(job)]
    assert builds == ["build"]
    assert set(jobs["publish"]["needs"]) == {"test", "build"}
    assert jobs["publish"]["environment"]["name"] == "pypi"
    assert not re.search(r"secrets\.|password", yaml.dump(jobs))


def test_only_the_jobs_that_publish_may_write() -> None:
    writers = {
        name: sorted(what for what, grade in job["permissions"].items() if grade == "write")
        for name, job in RELEASE["jobs"].items()
    }
    assert writers == {
        "test": [],
        "build": [],
        "publish": ["attestations", "id-token"],
        "announce": ["contents"],
    }
