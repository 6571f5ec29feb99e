"""What a release consists of: built here as the workflow builds it, held against tag and changelog, and tried."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

import cqs_sheets
from cqs_sheets.github.workflow import pasted_text
from tests.workflows.github import COMMIT, ROOT

REPOSITORY = "somebody/cqs-sheets"
CHECK = ROOT / ".github" / "check_release.py"
RELEASE = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist, built by the lines of the workflow."""
    if os.name != "posix":
        pytest.skip("the workflow's lines are for a POSIX shell")
    folder = tmp_path_factory.mktemp("release")
    for name in ("cqs_sheets", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder)
    lines = [step["run"] for step in RELEASE["jobs"]["build"]["steps"] if "run" in step]
    named, built = (
        next(line for line in lines if word in line) for word in ("project.urls", "hatchling build")
    )
    environ = os.environ | {"GITHUB_REPOSITORY": REPOSITORY}
    script = f"git() {{ echo {COMMIT}; }}\nset -e\n{named}\n{built.replace('python', sys.executable, 1)}\n"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / "dist"


@pytest.fixture(scope="module")
def alone(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """An environment in which Python finds the wheel, and not what is here."""
    (wheel,) = dist.glob("*.whl")
    folder = tmp_path_factory.mktemp("alone")
    pip = [
        sys.executable,
        *["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"],
        str(folder),
    ]
    subprocess.run([*pip, str(wheel)], check=True, capture_output=True)
    return os.environ | {"PYTHONPATH": str(folder), "CQS_HOME": str(folder / "home")}


def problems(tag: str, dist: Path, *action: str) -> str:
    """What the check says; "" if nothing is wrong."""
    command = [sys.executable, str(CHECK), tag, str(dist), *action]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr.strip()


def test_the_check_finds_nothing_wrong_with_what_is_here(dist: Path) -> None:
    assert problems(f"v{cqs_sheets.__version__}", dist, f"{REPOSITORY}@{COMMIT}") == ""
    assert "is from me/other" in problems(f"v{cqs_sheets.__version__}", dist, f"me/other@{COMMIT}")


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


def test_the_wheel_alone_makes_a_workbook(alone: Mapping[str, str], tmp_path: Path) -> None:
    for arguments in (["--version"], ["sync", "--sandbox"]):
        done = subprocess.run(
            [sys.executable, "-m", "cqs_sheets", *arguments],
            env=alone, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "signals.xlsx").stat().st_size > 5_000


def test_a_release_writes_a_workflow_with_nothing_to_fill_in(
    alone: Mapping[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "cqs_sheets", *["init", "--yes", "--github", "--to", "signals.xlsx"]],
        env=alone, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = (tmp_path / ".github" / "workflows" / "cqs-sheets.yml").read_text(encoding="utf-8")
    assert f"uses: {REPOSITORY}@{COMMIT}\n" in written
    pasted = tmp_path / "pasted.yml"
    command = [sys.executable, str(ROOT / "docs" / "make_github.py"), f"{REPOSITORY}@{COMMIT}", str(pasted)]
    subprocess.run(command, env=alone, check=True)
    assert pasted.read_text(encoding="utf-8") == pasted_text(f"{REPOSITORY}@{COMMIT}")


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
