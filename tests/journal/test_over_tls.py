"""A journal in PostgreSQL over a network: spoken to by TLS, with the server's name checked, or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import postgres
from tests.alerts.servers import certificate
from tests.cli.command import Shell

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere all of 127.0.0.0/8 is not this machine"
)
ADDRESS = f"127.{os.getpid() >> 16 & 0xFF}.{os.getpid() >> 8 & 0xFF}.{os.getpid() & 0xFF or 1}"
NAME = "db.test.example"


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    file = certificate(tmp_path_factory.mktemp("tls") / "ca.pem", [NAME])
    with postgres.over_tls(file, ADDRESS):
        yield file


def desk(shell: Shell, host: str, options: str) -> Shell:
    url = f"postgresql://postgres@{host}/postgres?hostaddr={ADDRESS}{options}"
    return replace(shell, variables={**shell.variables, "CQS_JOURNAL": url})


def test_a_sync_writes_its_journal_there(shell: Shell, trusted: Path) -> None:
    done = desk(shell, NAME, f"&sslrootcert={trusted}").run("sync", "--to", "signals.xlsx")
    assert (done.returncode, done.stderr) == (0, "")
    health = desk(shell, NAME, f"&sslrootcert={trusted}").run("doctor").stdout
    assert "not encrypted" not in health


@pytest.mark.parametrize(
    ("host", "options"),
    [
        (NAME, ""),  # a root certificate that this system does not know
        ("other.test.example", "&sslrootcert={}"),  # not its name
    ],
)
def test_whoever_cannot_prove_its_name_gets_nothing(
    shell: Shell, trusted: Path, host: str, options: str
) -> None:
    done = desk(shell, host, options.format(trusted)).run("sync", "--to", "signals.xlsx")
    assert done.returncode == 77
    assert "TLS" in done.stderr
    assert not (shell.folder / "signals.xlsx").exists()
