"""cqs-sheets.toml: what it sets, where it is found, and everything that is wrong with it at once."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cqs_sheets.config import Overrides, load, sample, schema
from cqs_sheets.core.signals.fields import API_FIELDS
from cqs_sheets.core.signals.query import Feed
from cqs_sheets.errors import UsageError
from tests.config.loading import load_text, refusal
from tests.symlinks import symlink

_CONTRACT = """\
timezone = "Europe/Berlin"

[api]
server_timezone = "UTC"
interval = "auto"
retry_for = "30s"

[[feed]]
name = "swing"
exchange = ["binance", "binance_futures"]
currency = ["USDT"]
type = ["SHORT TERM", "MID TERM"]
leverage = true

[[target]]
to = "signals.xlsx"
template = "signals"
feeds = ["swing"]
heartbeat = "60m"
where = { direction = "LONG", max_risk = 4 }
"""


def test_every_key_of_the_documented_config_is_understood(tmp_path: Path) -> None:
    settings = load_text(tmp_path, _CONTRACT)
    assert settings.source == tmp_path / "cqs-sheets.toml"
    assert settings.zone.key == "Europe/Berlin"
    assert settings.api.server_zone.key == "UTC"
    assert settings.api.interval is None
    assert settings.api.retry_for == 30
    assert settings.feeds == (
        Feed("swing", ("binance", "binance_futures"), ("USDT",), ("SHORT TERM", "MID TERM"), leverage=True),
    )
    [target] = settings.targets
    assert (target.to, target.name, target.path) == (
        "signals.xlsx",
        "signals.xlsx",
        tmp_path / "signals.xlsx",
    )
    assert (target.template, target.feeds, target.heartbeat) == ("signals", ("swing",), 3600)
    assert target.where == {"direction": ("LONG",), "max_risk": Decimal(4)}


def test_without_a_config_the_public_signals_go_to_a_workbook_here(tmp_path: Path) -> None:
    settings = load_text(tmp_path)
    assert settings.source is None
    assert settings.api.url == "https://api.cryptoqualitysignals.com"
    assert settings.api.key.is_free
    assert settings.feeds == (Feed("all", leverage=True),)
    [target] = settings.targets
    assert (target.path, target.template, target.feeds) == (tmp_path / "signals.xlsx", "signals", None)
    assert (target.heartbeat, target.backups, target.where) == (3600, 1, {})
    assert settings.home == tmp_path / "home"
    assert settings.warnings == ()


def test_the_sample_says_what_holds_without_any_config(tmp_path: Path) -> None:
    bare = load_text(tmp_path)
    sampled = load_text(tmp_path, sample())
    assert (sampled.api, sampled.feeds, sampled.targets, sampled.zone) == (
        bare.api,
        bare.feeds,
        bare.targets,
        bare.zone,
    )


def test_the_sample_shows_every_key(tmp_path: Path) -> None:
    keys: dict[str, Any] = schema()["properties"]
    tables = [keys["api"], keys["feed"]["items"], keys["target"]["items"]]
    for name in {name for table in tables for name in table["properties"]} - {"url"}:
        assert f"{name} = " in sample()
    load_text(tmp_path, sample().replace("# exchange", "exchange").replace("# where", "where"))


def test_the_schema_is_one_and_knows_every_field_a_where_can_look_at() -> None:
    Draft202012Validator.check_schema(schema())
    where = set(schema()["$defs"]["where"]["properties"])
    bounds = {"min_risk", "max_risk", "min_leverage", "max_leverage"}
    assert where == {*API_FIELDS, "table", *bounds} - {"timestamp"}


def test_all_problems_of_a_file_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    text = """\
timezone = "Europe/Berln"
tmezone = "UTC"
[api]
server_timezone = "berlin"
interval = 25
retry_for = "30 s"
url = "http://example.com"
[[feed]]
name = "swing"
exchange = ["binace"]
type = ["SHORT TRM"]
[[feed]]
name = "swing"
[[target]]
to = "signals.xlsx"
feeds = ["swng"]
heartbeat = -1
where = { direction = "LNG", max_rsk = 4, risk_level = "high", min_leverage = 5, max_leverage = 3 }
[[target]]
to = "sub/../signals.xlsx"
[[target]]
to = "https://docs.google.com/document/d/1"
[[target]]
"""
    told = [line.split(": ", 1) for line in refusal(tmp_path, text).splitlines() if line.startswith("  line")]
    assert [place.strip() for place, _ in told] == [
        "line 1 (timezone)",
        "line 2 (tmezone)",
        "line 4 (api > server_timezone)",
        "line 5 (api > interval)",
        "line 6 (api > retry_for)",
        "line 7 (api > url)",
        "line 10 (feed 1 > exchange 1)",
        "line 11 (feed 1 > type 1)",
        "line 13 (feed 2 > name)",
        "line 16 (target 1 > feeds 1)",
        "line 17 (target 1 > heartbeat)",
        "line 18 (target 1 > where > direction)",
        "line 18 (target 1 > where > max_leverage)",
        "line 18 (target 1 > where > max_rsk)",
        "line 18 (target 1 > where > risk_level)",
        "line 20 (target 2 > to)",
        "line 22 (target 3 > to)",
        "line 23 (target 4 > to)",
    ]
    messages = " ".join(message for _, message in told)
    for near in (
        "`timezone`",
        '"Europe/Berlin"',
        "'binance'",
        "'SHORT TERM'",
        '"swing"',
        '"LONG"',
        "`max_risk`",
    ):
        assert f"did you mean {near}" in messages


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ('{ direction = "long" }', {"direction": ("long",)}),
        ('{ coin = ["BTC", "ETH"] }', {"coin": ("BTC", "ETH")}),
        ("{ risk_level = [1, 2.0, 3.50] }", {"risk_level": ("1", "2", "3.5")}),
        ("{ min_risk = 2, max_leverage = 12.5 }", {"min_risk": Decimal(2), "max_leverage": Decimal("12.5")}),
        ('{ table = "scalping" }', {"table": ("scalping",)}),
    ],
)
def test_a_where_takes_a_value_or_a_list_of_any_field_and_bounds(
    tmp_path: Path, where: str, kept: dict[str, object]
) -> None:
    [target] = load_text(tmp_path, f'[[target]]\nto = "a.xlsx"\nwhere = {where}\n').targets
    assert target.where == kept


@pytest.mark.parametrize("key", ["key", "api_key", "apikey", "API-KEY", "CQS_API_KEY"])
@pytest.mark.parametrize("table", ["", "[api]\n"])
def test_a_key_in_the_file_is_refused_with_the_reason_and_not_shown(
    tmp_path: Path, key: str, table: str
) -> None:
    told = refusal(tmp_path, f'{table}{key} = "s3cret-s3cret"\n')
    assert "never in this file" in told
    assert "CQS_API_KEY" in told
    assert "s3cret" not in told


@pytest.mark.parametrize(
    "url",
    ["https://api.example.com/?api_key=s3cret", "https://user:s3cret@api.example.com", "https://x/#s3cret"],
)
def test_a_url_that_may_hold_a_key_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    assert "s3cret" not in refusal(tmp_path, f'[api]\nurl = "{url}"\n')
    assert "s3cret" not in refusal(tmp_path, environ={"CQS_API_URL": url})


def test_targets_may_name_the_feed_that_is_there_without_any(tmp_path: Path) -> None:
    [target] = load_text(tmp_path, '[[target]]\nto = "a.xlsx"\nfeeds = ["all"]\n').targets
    assert target.feeds == ("all",)
    assert 'did you mean "all"?' in refusal(tmp_path, '[[target]]\nto = "a.xlsx"\nfeeds = ["al"]\n')


def test_a_feed_whose_name_is_broken_is_told_once_and_not_again_for_the_targets_that_name_it(
    tmp_path: Path,
) -> None:
    told = refusal(tmp_path, '[[feed]]\nnmae = "swing"\n[[target]]\nto = "a.xlsx"\nfeeds = ["swing"]\n')
    assert "missing key `name`" in told
    assert "there is no feed" not in told


def test_paths_are_relative_to_the_file_wherever_one_stands(tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    folder.mkdir()
    (folder / "my.toml").write_text('[[target]]\nto = "a.xlsx"\ntemplate = "mine.toml"\n', encoding="utf-8")
    for config, environ in ((Path("configs/my.toml"), {}), (None, {"CQS_CONFIG": "configs/my.toml"})):
        settings = load(config=config, environ=environ, cwd=tmp_path, overrides=Overrides())
        assert settings.source == folder / "my.toml"
        assert settings.targets[0].path == folder / "a.xlsx"
        assert settings.targets[0].template == str(folder / "mine.toml")


def test_the_option_goes_before_the_variable_and_the_variable_before_the_folder(tmp_path: Path) -> None:
    for name, zone in (("cqs-sheets.toml", "UTC"), ("b.toml", "Europe/Rome"), ("c.toml", "Asia/Tokyo")):
        (tmp_path / name).write_text(f'timezone = "{zone}"', encoding="utf-8")
    given = {"CQS_CONFIG": "b.toml"}
    assert load(config=None, environ={}, cwd=tmp_path).zone.key == "UTC"
    assert load(config=None, environ={"CQS_CONFIG": ""}, cwd=tmp_path).zone.key == "UTC"
    assert load(config=None, environ=given, cwd=tmp_path).zone.key == "Europe/Rome"
    assert load(config=Path("c.toml"), environ=given, cwd=tmp_path).zone.key == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"timezone = 'UTC'\n# \xff\n", "is not UTF-8 text (line 2)"),
        ("timezone = 'UTC'".encode("utf-16"), "is not UTF-8 text"),
        (b"# " + b"x" * 10_000_000, "is larger than 64 KiB"),
        (b"timezone = UTC\n", "line 1: not valid TOML"),
        (b"\x00\x00\x00", "not valid TOML"),
    ],
)
def test_a_file_that_is_no_config_is_refused_by_name(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "cqs-sheets.toml").write_bytes(content)
    told = refusal(tmp_path)
    assert words in told
    assert str(tmp_path / "cqs-sheets.toml") in told


@pytest.mark.parametrize("name", ["folder", "nowhere.toml", "x" * 5000, "a\x00b"])
def test_a_config_that_is_named_and_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    for config, environ in ((Path(name), {}), (None, {"CQS_CONFIG": name})):
        with pytest.raises(UsageError, match=r"is a folder|does not exist|cannot be read"):
            load(config=config, environ=environ, cwd=tmp_path)


def test_a_folder_or_a_dangling_link_with_the_name_of_the_config_is_not_passed_over(tmp_path: Path) -> None:
    symlink(tmp_path / "cqs-sheets.toml", tmp_path / "gone.toml")
    assert "does not exist" in refusal(tmp_path)
    (tmp_path / "cqs-sheets.toml").unlink()
    (tmp_path / "cqs-sheets.toml").mkdir()
    assert "is a folder" in refusal(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    assert load_text(tmp_path, '\ufefftimezone = "Asia/Tokyo"\n').zone.key == "Asia/Tokyo"
