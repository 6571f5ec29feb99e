"""A program's sync does what the command does, and tells it with the same report."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from cqs_sheets import Client, CqsError, Report, UsageError, sandbox, sync
from tests.cli.command import Shell
from tests.cli.inside import run_inside


@pytest.fixture
def here(tmp_path: Path, server: sandbox.RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"CQS_API_URL": server.url, "CQS_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, text)
    monkeypatch.delenv("CQS_API_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_workbook_is_written_and_its_rows_are_counted(here: Path) -> None:
    report = sync(to=[here / "mine.xlsx"], template="raw")
    assert isinstance(report, Report)
    assert (report.exit_code, report.targets[0].template) == (0, "raw")
    sheets = openpyxl.load_workbook(here / "mine.xlsx").worksheets
    rows = [row for sheet in sheets for row in sheet.iter_rows(min_row=2, values_only=True) if any(row)]
    assert len(rows) == report.targets[0].added > 0


def test_the_report_is_the_commands(here: Path, server: sandbox.RunningSandbox) -> None:
    mine = sync(to=["mine.xlsx"], dry_run=True).as_json()
    shell = Shell(here, {"CQS_API_URL": server.url})
    done = run_inside(shell, "sync", "--json", "--dry-run", "--to", "mine.xlsx")
    theirs = json.loads(done.stdout)
    assert mine.keys() == theirs.keys()
    told = ("target", "template", "outcome", "updated")
    (ours,), (commands,) = mine["targets"], theirs["targets"]
    assert [ours[name] for name in told] == [commands[name] for name in told]
    assert min(ours["pending"], commands["pending"]) > 0  # the market goes on between the two
    assert not (here / "mine.xlsx").exists()


def test_only_a_config_that_is_named_is_read(here: Path) -> None:
    (here / "cqs-sheets.toml").write_text('[[target]]\nto = "configured.xlsx"\n')
    assert sync(dry_run=True).targets[0].target == "signals.xlsx"
    assert sync(config="cqs-sheets.toml", dry_run=True).targets[0].target == "configured.xlsx"


def test_a_client_reads_no_file_of_the_folder_unless_told(here: Path) -> None:
    (here / "cqs-sheets.toml").write_text("this is no config")
    assert Client().open_signals()
    with pytest.raises(UsageError):
        Client(config=here / "cqs-sheets.toml")


def test_what_can_not_begin_is_raised_and_what_fails_later_is_told(here: Path) -> None:
    with pytest.raises(UsageError, match="exchange"):
        sync(exchange=["nowhere at all"])
    (here / "mine.xlsx").write_text("not a workbook")
    report = sync(to=["mine.xlsx"])
    assert (report.exit_code, [error.kind for error in report.errors]) == (65, ["data"])


@pytest.mark.parametrize(
    ("to", "template"),
    [
        ("absent/mine.xlsx", "raw"),
        ("mine.xlsx", "absent.toml"),
        ("mine.xlsx", "broken.toml"),
        ("https://docs.google.com/spreadsheets/d/1abcdefghijklmnopqrstuvwxyz0123456789ABCDEF/edit", "raw"),
    ],
    ids=["no folder", "no template", "bad template", "no credentials"],
)
def test_rows_that_wait_for_a_target_that_cannot_be_opened_are_counted(
    here: Path, server: sandbox.RunningSandbox, monkeypatch: pytest.MonkeyPatch, to: str, template: str
) -> None:
    (here / "broken.toml").write_text("this is no template")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(here / "absent.json"))
    (here / "cqs-sheets.toml").write_text(
        f'[[target]]\nto = "{to}"\ntemplate = "{template}"\n[[target]]\nto = "good.xlsx"\n'
    )
    target, good = sync(config="cqs-sheets.toml").targets
    shell = Shell(here, {"CQS_API_URL": server.url})
    shown, _ = json.loads(run_inside(shell, "status", "--json").stdout)["targets"]
    assert (target.outcome, target.pending) == ("failed", shown["pending"])
    assert target.pending > 0
    assert good.added > 0


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(("to", "template"), [("absent/mine.xlsx", "raw"), ("mine.xlsx", "absent.toml")])
def test_where_nothing_can_ever_be_written_nothing_is_asked(
    server: sandbox.RunningSandbox, to: str, template: str
) -> None:
    before = len(server.requests)
    with pytest.raises(CqsError, match=r"folder|template"):
        sync(to=[to], template=template)
    assert len(server.requests) == before


def test_a_sandboxed_sync_has_a_journal_of_its_own(here: Path) -> None:
    assert sync(sandbox=True, to=["try.xlsx"]).targets[0].added > 0
    assert [path.relative_to(here) for path in here.rglob("*.sqlite3")] == [
        Path("home/sandbox/journal.sqlite3")
    ]


@pytest.mark.parametrize(
    ("code", "unwanted"),
    [
        ("import cqs_sheets", ("requests", "openpyxl", "sqlite3", "cqs_sheets.core", "cqs_sheets.config")),
        (
            "from cqs_sheets import sync; sync(to=['a.xlsx'])",
            ("google", "gspread", "cqs_sheets.sandbox", "click"),
        ),
        (
            "from cqs_sheets.cli import group; group.main(['sync', '--to', 'a.xlsx'], standalone_mode=False)",
            ("google", "gspread", "cqs_sheets.sandbox", "cqs_sheets.destinations.google", "jsonschema"),
        ),
        (
            (
                "import sys, cqs_sheets.cli; sys.argv[1:] = ['sync', '--to', 'a.xlsx']\n"
                "try: cqs_sheets.cli.main()\nexcept SystemExit as ended: print(ended.code)"
            ),
            ("charset_normalizer", "chardet"),
        ),
    ],
    ids=["import", "program", "command", "script"],
)
def test_nothing_is_imported_that_is_not_needed(here: Path, code: str, unwanted: tuple[str, ...]) -> None:
    code += f"\nimport sys\nprint([name for name in {unwanted!r} if sys.modules.get(name)])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here)
    assert done.stdout.splitlines()[-1] == "[]"
    assert not done.stderr


_PLANS = (
    "openpyxl",
    "isal",
    "rich",
    "jsonschema",
    "cqs_sheets.core.templates.template",
    "cqs_sheets.run.deliver",
)


def test_a_sync_that_finds_nothing_to_do_imports_nothing_that_plans_or_writes(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    code = (
        "from cqs_sheets.cli import group; group.main(['sync', '--to', 'a.xlsx'], standalone_mode=False)"
        f"\nimport sys\nprint([name for name in {_PLANS!r} if name in sys.modules])"
    )
    with sandbox.start(seed=5, clock=lambda: now) as standing_still:
        monkeypatch.setenv("CQS_API_URL", standing_still.url)
        said = [
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=here
            ).stdout.splitlines()
            for _ in range(2)
        ]
    assert any("a new workbook made" in line for line in said[0])
    assert any("nothing to write" in line for line in said[1])
    assert said[1][-1] == "[]"
