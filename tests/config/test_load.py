"""Command line before environment before file; and what the environment tells the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cqs_sheets.config import Environment, home_folder, process_environ
from cqs_sheets.core.signals.query import Feed
from tests.config.loading import load_text, refusal

_SHEET = "1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms"
_TWO = f"""\
[api]
interval = 7
[[feed]]
name = "spot"
exchange = ["binance"]
leverage = false
[[feed]]
name = "rest"
currency = ["BTC"]
[[target]]
to = "a.xlsx"
heartbeat = 0
[[target]]
to = "{_SHEET}"
backups = 0
"""


def test_filters_of_the_command_line_replace_those_of_every_feed(tmp_path: Path) -> None:
    settings = load_text(tmp_path, _TWO, exchange=("bybit",), type=("SCALPING",))
    assert settings.feeds == (
        Feed("spot", ("bybit",), (), ("SCALPING",), leverage=False),
        Feed("rest", ("bybit",), ("BTC",), ("SCALPING",), leverage=True),
    )


@pytest.mark.parametrize("given", ["a.xlsx", "./a.xlsx", "sub/../a.xlsx"])
def test_a_configured_target_that_is_named_keeps_its_settings(tmp_path: Path, given: str) -> None:
    [target] = load_text(tmp_path, _TWO, to=(given,)).targets
    assert (target.to, target.heartbeat) == ("a.xlsx", 0)


def test_a_google_sheet_is_the_same_by_url_and_by_id(tmp_path: Path) -> None:
    url = f"https://docs.google.com/spreadsheets/u/1/d/{_SHEET}/edit?usp=sharing#gid=0"
    [target] = load_text(tmp_path, _TWO, to=(url,)).targets
    assert (target.to, target.path, target.identity, target.backups) == (_SHEET, None, _SHEET, 0)


def test_another_target_is_relative_to_the_working_folder_and_replaces_the_configured(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "c.toml").write_text(_TWO, encoding="utf-8")
    settings = load_text(tmp_path, environ={"CQS_CONFIG": "configs/c.toml"}, to=("new.xlsx", "new.xlsx"))
    [target] = settings.targets
    assert (target.path, target.heartbeat, target.feeds) == (tmp_path / "new.xlsx", 3600, None)


def test_a_template_of_the_command_line_is_for_all_chosen_targets(tmp_path: Path) -> None:
    assert [one.template for one in load_text(tmp_path, _TWO, template="raw").targets] == ["raw", "raw"]
    [target] = load_text(tmp_path, to=("b.xlsx",), template="./mine.toml").targets
    assert target.template == str(tmp_path / "mine.toml")


@pytest.mark.parametrize(("given", "minutes"), [(None, 7), ("auto", None), ("20", 20), (1, 1)])
def test_the_interval_of_the_command_line_goes_before_the_file(
    tmp_path: Path, given: str | int | None, minutes: int | None
) -> None:
    assert load_text(tmp_path, _TWO, interval=given).api.interval == minutes


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    environ = {"CQS_API_URL": "http://127.0.0.1:8000/getSignal/", "CQS_SHEETS_URL": "http://localhost:9000"}
    settings = load_text(tmp_path, '[api]\nurl = "https://example.com"\n', environ=environ)
    assert settings.api.url == "http://127.0.0.1:8000/getSignal/"
    assert settings.sheets_url == "http://localhost:9000"
    assert load_text(tmp_path).api.url == "https://example.com"


def test_problems_of_every_source_are_told_together(tmp_path: Path) -> None:
    told = refusal(
        tmp_path, "tmezone = 1\n", interval="30", exchange=("binace",), currency=("usdt!",), type=("SCALP",),
        to=("http://example.com/a.xlsx", ""), template="",
        environ={"CQS_API_KEY": "a b", "CQS_API_URL": "http://example.com", "CQS_SHEETS_URL": "https://example.com"},
    )  # fmt: skip
    sources = [line.split(":")[0] for line in told.splitlines() if line.startswith(("CQS_", "--"))]
    assert sources == [
        "CQS_API_KEY", "CQS_API_URL", "CQS_SHEETS_URL", "--to", "--to", "--template", "--interval",
        "--exchange", "--currency", "--type",
    ]  # fmt: skip
    assert "line 1 (tmezone)" in told


def test_a_key_command_is_not_run_while_anything_else_is_wrong(tmp_path: Path) -> None:
    leave_a_trace = "open('ran', 'w').close(); print('key')"
    config = f"[api]\nkey_command = ['{sys.executable}', '-c', \"{leave_a_trace}\"]\n"
    refusal(tmp_path, config, interval="0")
    refusal(tmp_path, config + "oops = 1\n")
    assert not (tmp_path / "ran").exists()
    assert load_text(tmp_path, config).api.key.reveal() == "key"


def test_what_may_be_wrong_with_a_feed_is_a_warning(tmp_path: Path) -> None:
    [warning] = load_text(tmp_path, exchange=("newexchange",)).warnings
    assert "newexchange" in warning


def test_the_journal_is_in_cqs_home_or_the_users_data_folder(tmp_path: Path) -> None:
    assert home_folder({"CQS_HOME": "mine"}, tmp_path) == tmp_path / "mine"
    assert home_folder({"CQS_HOME": ""}, tmp_path).name == "cqs-sheets"


def test_the_environment_tells_what_the_command_line_needs() -> None:
    assert Environment.read({}) == Environment()
    told = {
        "CQS_HOME": "/h", "GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": "/s",
        "GITHUB_OUTPUT": "/o", "NO_COLOR": "1",
    }  # fmt: skip
    assert Environment.read(told) == Environment(
        home=Path("/h"), github_actions=True, step_summary=Path("/s"), output=Path("/o"), no_color=True
    )
    assert Environment.read({"NO_COLOR": "", "GITHUB_ACTIONS": "false"}) == Environment()


def test_the_processes_own_environment_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQS_HOME", "/elsewhere")
    assert process_environ()["CQS_HOME"] == "/elsewhere"
    assert Environment.read().home == Path("/elsewhere")


def test_settings_without_a_config_file_come_without_heavy_libraries(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from cqs_sheets.config import load;"
        "load(config=None, environ={'CQS_HOME': 'h'}, cwd=Path(sys.argv[1]));"
        "print([name for name in ('jsonschema', 'requests', 'platformdirs', 'rich') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
