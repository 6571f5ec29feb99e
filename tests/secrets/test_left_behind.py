"""Key, service account and tokens are nowhere in what a run prints, keeps, sends or shows to others on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cqs_sheets import sandbox
from tests.cli.command import Shell
from tests.secrets.google import (
    ACCESS_TOKEN,
    CLIENT_SECRET,
    REFRESH_TOKEN,
    private_key,
    service_account,
    signing_in,
    user,
)
from tests.secrets.leftovers import left_behind

KEY = sandbox.ACTIVE_KEY
BOOK = "1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789"


def search(shell: Shell, done: subprocess.CompletedProcess[str], secrets: list[str]) -> None:
    """Fail if one of the secrets, or a tell-tale part of it, is anywhere."""
    places = {
        "stdout": done.stdout.encode(),
        "stderr": done.stderr.encode(),
        **dict(left_behind(shell.folder)),
    }
    for where, content in places.items():
        for secret in secrets:
            assert secret.encode() not in content, f"{secret[:12]} is in {where}"


def run(shell: Shell, *targets: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A sync that tells as much as it can, and may take its time."""
    return subprocess.run(
        shell.command("sync", "-v", "--json", "--template", "raw", *targets),
        env=shell.environ | variables, cwd=shell.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def parts(key: str) -> list[str]:
    """The lines of a private key."""
    return [line for line in key.splitlines() if len(line) > 20]


@pytest.fixture
def vault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the user keeps secrets: the one place that is not searched."""
    return tmp_path_factory.mktemp("vault")


def asked_for_by_command(shell: Shell, vault: Path) -> None:
    """The key comes from a program, which notes what it was shown."""
    (vault / "key").write_text(KEY)
    script = vault / "tell.py"
    script.write_text(
        "import os, pathlib, sys\n"
        f"pathlib.Path({str(shell.folder / 'shown.txt')!r}).write_text(repr((sys.argv, dict(os.environ))))\n"
        f"print(pathlib.Path({str(vault / 'key')!r}).read_text())\n"
    )
    words = [sys.executable, str(script), "$HOME;`id`|$(id)"]
    (shell.folder / "cqs-sheets.toml").write_text(
        f'[api]\nretry_for = "1s"\nkey_command = {json.dumps(words)}\n', encoding="utf-8"
    )


@pytest.fixture
def closed(shell: Shell) -> Shell:
    """A shell whose only way out is a proxy of this machine."""
    home = {
        "HOME": str(shell.folder),
        "XDG_CONFIG_HOME": str(shell.folder / "config"),
        "NO_GCE_CHECK": "true",
    }
    return Shell(shell.folder, {**shell.variables, **home})


@pytest.mark.parametrize(
    ("kind", "behaviour"),
    [
        ("service account", "refuses"),
        pytest.param("service account", "talks nonsense", marks=pytest.mark.soak),  # asked for 75 s, as is
        pytest.param("user", "refuses", marks=pytest.mark.soak),  # Google itself, which the proxy hides
    ],
)
def test_a_sign_in_that_fails_tells_no_secret(closed: Shell, vault: Path, kind: str, behaviour: str) -> None:
    asked_for_by_command(closed, vault)
    key = private_key()
    with signing_in(behaviour) as google:
        document = service_account(key, google.url) if kind == "service account" else user(google.url)
        (vault / "google.json").write_text(json.dumps(document))
        done = run(
            closed, "--to", BOOK, "--to", "signals.xlsx",
            GOOGLE_APPLICATION_CREDENTIALS=str(vault / "google.json"), HTTPS_PROXY=google.url,
        )  # fmt: skip
    report = json.loads(done.stdout)
    assert [target["outcome"] for target in report["targets"]] == ["failed", "ok"], done.stderr
    assert report["targets"][0]["pending"] > 0
    search(closed, done, [KEY, *parts(key), REFRESH_TOKEN, CLIENT_SECRET, ACCESS_TOKEN])
    assert all(secret not in line for line in google.log for secret in (KEY, REFRESH_TOKEN, CLIENT_SECRET))


@pytest.mark.soak
def test_a_token_that_was_granted_is_told_to_nobody_while_google_is_away(closed: Shell, vault: Path) -> None:
    asked_for_by_command(closed, vault)
    key = private_key()
    with signing_in("grants") as google:
        (vault / "google.json").write_text(json.dumps(service_account(key, google.url)))
        done = run(
            closed, "--to", BOOK,
            GOOGLE_APPLICATION_CREDENTIALS=str(vault / "google.json"), HTTPS_PROXY=google.url,
        )  # fmt: skip
    assert done.returncode == 75, done.stderr
    search(closed, done, [KEY, *parts(key), ACCESS_TOKEN])
    assert any("sheets.googleapis.com" in line for line in google.log)
    assert not any(ACCESS_TOKEN in line for line in google.log)


def test_a_crash_tells_no_token(closed: Shell, vault: Path) -> None:
    (closed.folder / "sitecustomize.py").write_text(
        "import cqs_sheets.destinations.google.wire.auth as auth\n"
        "def broken(credentials):\n"
        "    raise RuntimeError(vars(credentials))\n"
        "auth.account_of = broken\n"
    )
    with signing_in("grants") as google:
        (vault / "google.json").write_text(json.dumps(user(google.url)))
        done = closed.run_apart(
            "sync", "-v", "--to", BOOK, PYTHONPATH=str(closed.folder), HTTPS_PROXY=google.url,
            GOOGLE_APPLICATION_CREDENTIALS=str(vault / "google.json"), CQS_API_KEY=KEY,
        )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "bug" in done.stderr
    search(closed, done, [KEY, REFRESH_TOKEN, CLIENT_SECRET])


@pytest.fixture
def command_lines() -> Iterator[set[str]]:
    """The command lines of all processes, looked at again and again while the test runs."""
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            seen.update(_command_lines())

    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    over.set()
    thread.join()


def _command_lines() -> Iterator[str]:
    for process in Path("/proc").glob("[0-9]*"):
        try:
            yield (process / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc on this system")
def test_the_process_list_and_the_key_command_show_no_key(
    shell: Shell, vault: Path, server: sandbox.RunningSandbox, command_lines: set[str]
) -> None:
    asked_for_by_command(shell, vault)
    done = shell.run_apart("sync", "--template", "raw")
    assert done.returncode == 0, done.stderr
    assert all(dict(request.form)["api_key"] == KEY for request in server.requests)
    assert any("cqs_sheets" in line for line in command_lines)
    assert not any(KEY in line for line in command_lines)
    arguments, environ = (shell.folder / "shown.txt").read_text().split("], {", 1)
    assert "$HOME;`id`|$(id)" in arguments  # no shell has looked at it
    assert KEY not in environ
    search(shell, done, [KEY])
