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
from tests.workflows.github import ACT, COMMIT, ROOT, git

pytest.importorskip("procrastinate", reason="the extra `worker` is not installed")

PAGE = (ROOT / "docs" / "how-to" / "many-machines.md").read_text(encoding="utf-8")
[WORKFLOW] = re.findall(r"```yaml\n(on:.*?)```", PAGE, re.DOTALL)
SHEETS, LASTING = 12, "40s"


@pytest.mark.soak
@pytest.mark.skipif(ACT is None or os.name != "posix", reason="needs act, on a system like its runner")
def test_jobs_of_a_matrix_share_one_journal(tmp_path: Path, postgres_server: Server) -> None:
    assert ACT
    checkout = tmp_path / "checkout"  # act brings the folder itself
    checkout.mkdir()
    step = "name: checkout\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: 'true'\n"
    (checkout / "action.yml").write_text(step)
    text = WORKFLOW.replace("checkout@COMMIT", f"checkout@{COMMIT}")
    text = text.replace("pip install 'cqs-sheets[worker]'", "true").replace("5h30m", f"{LASTING} --every 10s")
    text = text.replace("cqs-sheets worker", f"{sys.executable} -m cqs_sheets worker")
    with sandbox.start(seed=5, speed=20) as market, start() as sheets:
        repository = tmp_path / "repository"
        repository.mkdir()
        git(repository, "init", "--quiet", "--initial-branch=main", ".")
        (repository / ".github" / "workflows").mkdir(parents=True)
        (repository / ".github" / "workflows" / "matrix.yml").write_text(text)
        (repository / "tenants").mkdir()
        books = [sheets.create() for _ in range(SHEETS)]
        for number in range(3):
            targets = "".join(f'[[target]]\nto = "{one}"\ntemplate = "raw"\n' for one in books[number::3])
            (repository / "tenants" / f"desk-{number}.toml").write_text(
                f'[api]\nkey_env = "DESK_A_KEY"\n{targets}'
            )
        git(repository, "add", "--all")
        git(repository, "commit", "--quiet", "-m", "As it is")
        environ = {
            "CQS_API_URL": market.url, "CQS_SHEETS_URL": sheets.url, "CQS_HOME": str(tmp_path / "home"),
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        secrets = {"CQS_JOURNAL": postgres_server.url(), "DESK_A_KEY": "FREE"}
        ran = subprocess.run(
            [ACT, "schedule", "-P", "ubuntu-24.04=-self-hosted", "--rm",
             "--local-repository", f"actions/checkout@{COMMIT}={checkout}",
             *(part for name, value in environ.items() for part in ("--env", f"{name}={value}")),
             *(part for name, value in secrets.items() for part in ("--secret", f"{name}={value}"))],
            cwd=repository, capture_output=True, text=True, check=False, timeout=400,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert ran.stdout.count("Job succeeded") == 4
        for book in books:
            found = Counter(ids_in(sheets, book))
            assert len(found) > 10
            assert set(found.values()) == {1}
