"""Runners without a memory over one journal, as the jobs of a matrix start them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from cqs_sheets import sandbox
from tests.emulators.google_sheets import start
from tests.postgres import Server
from tests.soak.test_fleet import ids_in

JOBS = 3


def test_jobs_that_sync_the_same_sheets_at_once_double_nothing(
    tmp_path: Path, server: sandbox.RunningSandbox, postgres_server: Server
) -> None:
    """One that finds a sheet held by another for long ends with 75: that one writes it."""
    with start() as sheets:
        books = [sheets.create() for _ in range(2)]
        config = tmp_path / "cqs-sheets.toml"
        config.write_text(
            f'[journal]\ntenant = "{tmp_path.name}"\n'
            + "".join(f'[[target]]\nto = "{one}"\ntemplate = "raw"\n' for one in books)
        )
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CQS_")},
            "CQS_JOURNAL": postgres_server.url(), "CQS_API_URL": server.url, "CQS_SHEETS_URL": sheets.url,
            "CQS_API_KEY": "FREE",
        }  # fmt: skip
        jobs = [
            subprocess.Popen(
                [sys.executable, "-m", "cqs_sheets", "sync", "--config", str(config), "-q"],
                env={**environ, "CQS_HOME": str(tmp_path / f"runner-{number}")},
            )
            for number in range(JOBS)
        ]
        codes = {job.wait() for job in jobs}
        assert codes <= {0, 75}
        assert 0 in codes
        for book in books:
            found = Counter(ids_in(sheets, book))
            assert found
            assert set(found.values()) == {1}
