"""The matrix of docs/how-to/many-machines.md, run by `act`: jobs over one journal, each takes what nobody holds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from tests.emulators.google_sheets import start
from tests.postgres import Server
from tests.soak.test_fleet import ids_in
from tests.workflows.github import ACT, ROOT, git

pytest.importorskip("procrastinate", reason="the extra `worker` is not installed")

PAGE = (ROOT / "docs" / "how-to" / "many-machines.md").read_text(encoding="utf-8")
[WORKFLOW] = re.findall(r"```yaml\n(on:.*?)```", PAGE, re.DOTALL)
SHEETS, LASTING = 12, "40s"


@pytest.mark.soak
@pytest.mark.skipif(ACT is None or os.name != "posix", reason="needs act, on a system like its runner")
def test_jobs_of_a_matrix_share_one_journal(tmp_path: Path, postgres_server: Server) -> None:
    assert ACT
    text = WORKFLOW.replace("      - uses: actions/checkout@COMMIT  # the configs, in tenants/\n", "")
    text = text.replace("pip install 'cqs-sheets[worker]'", "true").replace("5h30m", f"{LASTING} --every 10s")
    text = text.replace("cqs-sheets worker", f"{sys.executable} -m cqs_sheets worker")
    with sandbox.start(seed=5, speed=20) as market, start() as sheets:
        git(tmp_path, "init", "--quiet", "--initial-branch=main", ".")
        (tmp_path / ".github" / "workflows").mkdir(parents=True)
        (tmp_path / ".github" / "workflows" / "matrix.yml").write_text(text)
        (tmp_path / "tenants").mkdir()
        books = [sheets.create() for _ in range(SHEETS)]
        for number in range(3):
            targets = "".join(f'[[target]]\nto = "{one}"\ntemplate = "raw"\n' for one in books[number::3])
            (tmp_path / "tenants" / f"desk-{number}.toml").write_text(
                f'[api]\nkey_env = "DESK_A_KEY"\n{targets}'
            )
        git(tmp_path, "add", "--all")
        git(tmp_path, "commit", "--quiet", "-m", "As it is")
        environ = {
            "CQS_API_URL": market.url, "CQS_SHEETS_URL": sheets.url, "CQS_HOME": str(tmp_path / "home"),
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        secrets = {"CQS_JOURNAL": postgres_server.url(), "DESK_A_KEY": "FREE"}
        ran = subprocess.run(
            [ACT, "schedule", "-P", "ubuntu-24.04=-self-hosted", "--rm",
             *(part for name, value in environ.items() for part in ("--env", f"{name}={value}")),
             *(part for name, value in secrets.items() for part in ("--secret", f"{name}={value}"))],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=400,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stdout.count("Job succeeded") == 4
        for book in books:
            found = Counter(ids_in(sheets, book))
            assert len(found) > 10
            assert set(found.values()) == {1}
