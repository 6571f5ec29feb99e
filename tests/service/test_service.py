"""The watch as a service: what is written and called on each system, and that nothing of it holds a secret."""

from __future__ import annotations

import os
import plistlib
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath
from xml.etree import ElementTree as ET

import pytest

from cqs_sheets import sandbox
from cqs_sheets.service import Action, RemoveFile, RunProgram, ServiceSpec, WriteFile
from cqs_sheets.service.managers import launch_agent, scheduled_task, systemd_unit, unit_text
from tests.cli.command import Shell

GOLDEN = Path(__file__).parent / "golden"
ODD = '/home/ann/100% "new" $HOME\\x/trades'


def spec(
    folder: str = "/home/ann/trades", command: tuple[str, ...] = ("/home/ann/.local/bin/cqs-sheets",)
) -> ServiceSpec:
    return ServiceSpec(
        name="cqs-sheets",
        command=[*command, "watch", "--every", "60s", "--config", f"{folder}/cqs-sheets.toml"],
        folder=Path(folder),
        variables={"CQS_HOME": f"{folder}/home", "PATH": "/usr/bin"},
        log=Path("/home/ann/.local/share/cqs-sheets/cqs-sheets.log"),
    )


def windows_spec() -> ServiceSpec:
    here = PureWindowsPath(r"C:\Users\Ann & Bob\trades")
    return ServiceSpec(
        name="cqs-sheets",
        command=[
            r"C:\Users\Ann & Bob\uv\tools\cqs-sheets\Scripts\python.exe", "-P", "-m", "cqs_sheets", "watch",
            "--every", "60s", "--config", str(here / "cqs-sheets.toml"), "--log-file", "cqs-sheets.log", "-q",
        ],
        folder=here,  # type: ignore[arg-type]  # a path of that system
        variables={"CQS_HOME": str(here / "home")},
        log=here / "cqs-sheets.log",  # type: ignore[arg-type]
        user="ann",
    )  # fmt: skip


def golden(name: str, text: str) -> None:
    """The file as it was looked at by a person; CQS_GOLDEN=1 writes it anew."""
    file = GOLDEN / name
    if os.environ.get("CQS_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    assert file.read_text(encoding="utf-8") == text


def calls(actions: Sequence[Action]) -> list[str]:
    return [" ".join(action.words) for action in actions if isinstance(action, RunProgram)]


def removed(actions: Sequence[Action]) -> set[Path]:
    return {action.path for action in actions if isinstance(action, RemoveFile)}


def written(actions: Sequence[Action]) -> set[Path]:
    return {action.path for action in actions if isinstance(action, WriteFile)}


def test_linux() -> None:
    unit = systemd_unit("cqs-sheets", folder=Path("/home/ann/.config/systemd/user"), system=False)
    golden("cqs-sheets.service", unit_text(spec(), system=False))
    assert calls(unit.install(spec())) == [
        "systemctl --user daemon-reload",
        "systemctl --user enable cqs-sheets.service",
        "systemctl --user restart cqs-sheets.service",
        "loginctl enable-linger",
    ]
    assert removed(unit.uninstall) == written(unit.install(spec())) == {unit.file}


def test_linux_for_the_whole_system() -> None:
    unit = systemd_unit("cqs-sheets", folder=Path("/etc/systemd/system"), system=True)
    text = unit_text(spec(), system=True)
    golden("cqs-sheets-system.service", text)
    assert calls(unit.install(spec()))[-1] == "systemctl restart cqs-sheets.service"
    assert unit.logs(50, follow=True) == [
        "journalctl", "--unit", "cqs-sheets.service", "--lines", "50", "--follow",
    ]  # fmt: skip


def test_mac() -> None:
    agent = launch_agent("cqs-sheets", home=Path("/Users/ann"), uid=501)
    [file] = [action for action in agent.install(spec()) if isinstance(action, WriteFile)]
    golden("org.cqs-sheets.watch.plist", file.content.decode())
    assert plistlib.loads(file.content)["ProgramArguments"] == list(spec().command)
    assert removed(agent.uninstall) == written(agent.install(spec()))
    assert agent.runs_by("\tstate = running\n")
    assert not agent.runs_by("\tstate = not running\n")
    assert agent.is_running == ["launchctl", "print", "gui/501/org.cqs-sheets.watch"]
    assert calls(agent.restart) == ["launchctl kickstart -k gui/501/org.cqs-sheets.watch"]


def test_windows() -> None:
    task = scheduled_task("cqs-sheets", folder=Path("config"))
    files = {
        action.path.name: action.content
        for action in task.install(windows_spec())
        if isinstance(action, WriteFile)
    }
    xml = files["cqs-sheets-service.xml"].decode("utf-16")
    golden(
        "cqs-sheets-service.xml", xml.replace(os.sep + "cqs-sheets-service.pyw", "/cqs-sheets-service.pyw")
    )
    golden("cqs-sheets-service.pyw", files["cqs-sheets-service.pyw"].decode())
    command = ET.fromstring(xml.replace('encoding="UTF-16"', "")).find(".//{*}Command")  # noqa: S314 - ours
    assert command is not None
    assert str(command.text).endswith("pythonw.exe")  # no console window
    compile(files["cqs-sheets-service.pyw"], "launcher", "exec")
    assert removed(task.uninstall) == written(task.install(windows_spec()))
    assert calls(task.restart) == ["schtasks /End /TN cqs-sheets", "schtasks /Run /TN cqs-sheets"]
    assert task.is_running[-1] == "(Get-ScheduledTask -TaskName 'cqs-sheets').State.value__"
    assert (task.runs_by("4\r\n"), task.runs_by("3\r\n")) == (True, False)


def test_the_launcher_of_windows_runs_the_watch_with_its_folder_and_variables(tmp_path: Path) -> None:
    """The launcher itself is the same on every system."""
    (tmp_path / "cqs-sheets.toml").write_text('timezone = "Nowhere/At_all"\n')
    started = ServiceSpec(
        name="x",
        command=[sys.executable, "-P", "-m", "cqs_sheets", "watch", "--config", "cqs-sheets.toml"],
        folder=tmp_path,
        variables={"CQS_HOME": str(tmp_path / "home")},
        log=tmp_path / "x.log",
    )
    file = tmp_path / "x.pyw"
    [text] = [
        action.content
        for action in scheduled_task("x", folder=tmp_path).install(started)
        if isinstance(action, WriteFile)
    ][:1]
    file.write_bytes(text)
    done = subprocess.run([sys.executable, "-P", str(file)], cwd="/", check=False, capture_output=True)
    assert done.returncode == 2
    assert "Nowhere/At_all" in (tmp_path / "x.log.err").read_text()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("folder", ["plain", '100% "new" $HOME x'])
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path, folder: str) -> None:
    place = tmp_path / folder
    place.mkdir()
    program = place / "cqs-sheets"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "cqs-sheets.service"
    unit.write_text(unit_text(spec(str(place), (str(program),)), system=False))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", "--man=no", unit],
        capture_output=True, text=True, check=False,
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
    )  # fmt: skip
    ours = [line for line in done.stderr.splitlines() if "cqs-sheets" in line]
    assert ours == []


@pytest.fixture
def shell(tmp_path: Path, server: sandbox.RunningSandbox) -> Shell:
    """A user with systemd's programs, which note what they were called with."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("systemctl", "loginctl", "journalctl"):
        file = programs / name
        file.write_text(
            f'#!/bin/sh\necho "{name} $*" >> "{tmp_path}/called"\ncat "{tmp_path}/says" 2>/dev/null\nexit 0\n'
        )
        file.chmod(0o755)
    return Shell(
        tmp_path,
        {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "HOME": str(tmp_path),
            "CQS_API_URL": server.url,
        },
    )


linux = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")


@linux
def test_install_status_and_uninstall_leave_nothing(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('[api]\nkey_file = "key"\n')
    (shell.folder / "key").write_text("premium-key-1234")
    shown = shell.run("service", "install", "--dry-run")
    assert not (shell.folder / "config").exists()
    assert "Restart=on-failure" in shown.stdout
    installed = shell.run("service", "install")
    assert installed.returncode == 0, installed.stderr
    unit = shell.folder / "config" / "systemd" / "user" / "cqs-sheets.service"
    assert f'"--config" "{shell.folder}/cqs-sheets.toml"' in unit.read_text()
    assert "premium-key" not in unit.read_text() + shown.stdout
    assert stat.S_IMODE(unit.stat().st_mode) == 0o644
    (shell.folder / "says").write_text("active\n")
    assert shell.run("service", "status").returncode == 0
    assert "installed, and running" in shell.run("doctor", "--to", "a.xlsx", "--json").stdout
    (shell.folder / "says").write_text("failed\n")
    assert "and not running" in shell.run("doctor", "--to", "a.xlsx", "--json").stdout
    assert shell.run("service", "status").returncode == 75
    (shell.folder / "called").unlink()
    for word in ("restart", "uninstall"):
        shown = shell.run("service", word, "--dry-run")
        assert (shown.returncode, shown.stdout.count("$ systemctl")) == (0, 1 if word == "restart" else 3)
    assert f"remove {unit}" in shown.stdout
    assert not (shell.folder / "called").exists()
    assert shell.run("service", "restart").returncode == 0
    assert shell.run("service", "uninstall").returncode == 0
    assert not unit.exists()
    assert "disable --now cqs-sheets.service" in (shell.folder / "called").read_text()
    again = shell.run("service", "uninstall")
    assert again.returncode == 2
    assert "service install" in again.stderr


@linux
def test_logs_and_what_the_system_refuses_are_told(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('timezone = "UTC"\n')
    assert shell.run("service", "install").returncode == 0
    assert shell.run("service", "logs", "--lines", "5").returncode == 0
    called = (shell.folder / "called").read_text().splitlines()
    assert called[-1] == "journalctl --user --unit cqs-sheets.service --lines 5"
    shown = shell.run("service", "status", "--dry-run")
    assert shown.stdout == "$ systemctl --user is-active cqs-sheets.service\n"
    (shell.folder / "bin" / "systemctl").write_text("#!/bin/sh\nexit 3\n")
    refused = shell.run("service", "restart")
    assert refused.returncode == 75
    assert "`systemctl --user restart cqs-sheets.service` ended with 3." in refused.stderr
    assert shell.run("service", "status", "--name", "no name").returncode == 2


@linux
@pytest.mark.parametrize(
    ("config", "variables", "told"),
    [
        (None, {}, "cqs-sheets init"),
        ("", {"CQS_API_KEY": "premium-key-1234"}, "key_file"),
        ('[[alert]]\nto_env = "PHONE"\n', {"PHONE": "tgram://secret"}, "to_file"),
    ],
)
def test_what_a_service_would_not_see_is_refused(
    shell: Shell, config: str | None, variables: dict[str, str], told: str
) -> None:
    if config is not None:
        (shell.folder / "cqs-sheets.toml").write_text(config or 'timezone = "UTC"\n')
    done = shell.run("service", "install", **variables)
    assert done.returncode == 2
    assert told in done.stderr
    assert "secret" not in done.stderr
    assert "premium-key" not in done.stderr
    assert not (shell.folder / "config").exists()


@linux
def test_a_program_that_may_fail_is_told_and_the_service_installed_all_the_same(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('timezone = "UTC"\n')
    (shell.folder / "bin" / "loginctl").write_text("#!/bin/sh\nexit 1\n")
    done = shell.run("service", "install")
    assert done.returncode == 0
    assert "stops when you log out" in done.stderr
    assert "runs: " in done.stdout


@linux
@pytest.mark.parametrize(
    ("systemctl", "told"),
    [(None, "cannot be started: no such file"), ("#!/bin/sh\nexec /bin/sleep 60\n", "did not answer")],
)
def test_a_system_without_systemd_or_with_one_that_hangs_is_told(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, systemctl: str | None, told: str
) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('timezone = "UTC"\n')
    program = shell.folder / "bin" / "systemctl"
    program.unlink()
    if systemctl:
        program.write_text(systemctl)
        program.chmod(0o755)
    monkeypatch.setattr("cqs_sheets.service.PATIENCE", 0.01)
    done = shell.run("service", "install", PATH=str(program.parent))
    assert done.returncode == 75
    assert told in done.stderr
    assert "run `cqs-sheets watch` by what is there" in done.stderr


@linux
def test_a_unit_that_cannot_be_written_is_told_and_nothing_called(shell: Shell) -> None:
    (shell.folder / "cqs-sheets.toml").write_text('timezone = "UTC"\n')
    (shell.folder / "config").touch()  # no folder
    done = shell.run("service", "install")
    assert done.returncode == 77
    assert "cqs-sheets.service cannot be written: " in done.stderr
    assert not (shell.folder / "called").exists()


def test_where_the_system_keeps_no_log_the_end_of_ours_is_shown(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = launch_agent("cqs-sheets", home=shell.folder, uid=501)
    agent.file.parent.mkdir(parents=True)
    agent.file.touch()
    monkeypatch.setattr("cqs_sheets.cli.commands.service.manager_here", lambda *_, **__: agent)
    assert shell.run("service", "logs").stdout == ""
    shell.home.mkdir()
    log = shell.home / "cqs-sheets.log"
    log.write_text("one\ntwo\n\x1b[2Jthree\n")
    Path(f"{log}.err").write_text("and an error\n")
    shown = shell.run("service", "logs", "--lines", "2").stdout
    assert shown.splitlines()[::2] == ["two", "and an error"]
    assert "three" in shown
    assert "\x1b" not in shown
    assert shell.run("service", "logs", "--dry-run").stdout == f"read {log}\nread {log}.err\n"
