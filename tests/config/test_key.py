"""Where the key comes from, and that nothing shows it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.config.loading import load_text, refusal

_KEY = "s3cret-0123456789-abcdef"
_FILE = '[api]\nkey_file = "key.txt"\n'


def _command(code: str) -> str:
    return f"[api]\nkey_command = ['{sys.executable}', '-c', '''{code}''']\n"


def _key_file(folder: Path, content: bytes = _KEY.encode() + b"\n", mode: int = 0o600) -> None:
    (folder / "key.txt").write_bytes(content)
    (folder / "key.txt").chmod(mode)


def test_the_environment_goes_before_the_file_and_the_file_is_then_not_even_looked_at(tmp_path: Path) -> None:
    settings = load_text(tmp_path, _FILE, environ={"CQS_API_KEY": "other"})
    assert settings.api.key.reveal() == "other"


def test_a_key_file_beside_the_config_gives_the_key_without_its_line_end(tmp_path: Path) -> None:
    _key_file(tmp_path, _KEY.encode() + b"\r\n")
    settings = load_text(tmp_path, _FILE)
    assert settings.api.key.reveal() == _KEY
    assert settings.warnings == ()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_a_key_file_that_others_can_read_is_used_with_a_warning(tmp_path: Path) -> None:
    _key_file(tmp_path, mode=0o640)
    [warning] = load_text(tmp_path, _FILE).warnings
    assert "chmod 600" in warning
    assert _KEY not in warning


def test_a_key_command_runs_without_a_shell_beside_the_config(tmp_path: Path) -> None:
    _key_file(tmp_path)
    assert load_text(tmp_path, _command("print(open('key.txt').read())")).api.key.reveal() == _KEY
    text = f"[api]\nkey_command = '''{sys.executable} -c \"print(1, 2, sep=chr(36))\"'''\n"
    assert load_text(tmp_path, text).api.key.reveal() == "1$2"


def test_a_key_command_that_never_stops_printing_is_ended(tmp_path: Path) -> None:
    endless = "import sys\nwhile True: sys.stdout.write(chr(65) * 1000)"
    assert "printed more than 4,096 bytes" in refusal(tmp_path, _command(endless))


def test_a_key_command_is_told_only_the_given_environment(tmp_path: Path) -> None:
    code = "import os; print(os.environ['VAULT'])"
    assert load_text(tmp_path, _command(code), environ={"VAULT": _KEY}).api.key.reveal() == _KEY


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "no key in it"), (b"\n", "no key in it"), (b"two words", "is no key"), (b"\xff\xfe", "is no key")],
)
def test_a_key_file_without_a_key_is_refused_by_its_line(tmp_path: Path, content: bytes, words: str) -> None:
    _key_file(tmp_path, content)
    told = refusal(tmp_path, _FILE)
    assert "line 2 (api > key_file)" in told
    assert words in told
    assert "two words" not in told


def test_a_key_file_that_is_missing_or_a_folder_is_refused_by_its_line(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path, _FILE)
    (tmp_path / "key.txt").mkdir()
    assert "is not that of a file" in refusal(tmp_path, _FILE)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (_command(f"print('{_KEY}'); raise SystemExit(3)"), "exit code 3"),
        (_command("pass"), "no key in it"),
        (_command(f"print('{_KEY} {_KEY}')"), "is no key"),
        ('[api]\nkey_command = "no-such-program-here --key"\n', "cannot be started"),
        ('[api]\nkey_command = "pass \'show"\n', "cannot be split into words"),
        ('[api]\nkey_command = "  "\n', "the command is empty"),
        ('[api]\nkey_command = ["a\\u0000b"]\n', "line 2 (api > key_command)"),
    ],
)
def test_a_key_command_without_a_key_is_refused_by_its_line(tmp_path: Path, command: str, words: str) -> None:
    told = refusal(tmp_path, command)
    assert "line 2 (api > key_command)" in told
    assert words in told
    assert _KEY not in told


@pytest.mark.parametrize("setting", ["key_file", "key_command"])
def test_a_key_put_where_its_file_or_command_belongs_is_not_shown(tmp_path: Path, setting: str) -> None:
    assert _KEY not in refusal(tmp_path, f'[api]\n{setting} = "{_KEY}"\n')


def test_one_source_of_the_key_is_enough(tmp_path: Path) -> None:
    assert "keep one of them" in refusal(tmp_path, _FILE + 'key_command = "x"\n')


@pytest.mark.parametrize("key", ["s3cret s3cret", "s3cret\n", "s3cret\x07", "s3crét", "s3cret" * 100])
def test_a_key_that_cannot_be_one_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    told = refusal(tmp_path, environ={"CQS_API_KEY": key})
    assert "CQS_API_KEY: this is no key" in told
    assert "s3cr" not in told


def test_an_empty_variable_counts_as_unset_and_is_told(tmp_path: Path) -> None:
    settings = load_text(tmp_path, environ={"CQS_API_KEY": ""})
    assert settings.api.key.is_free
    assert settings.warnings == ("CQS_API_KEY is set but empty: it is taken as not set.",)


def test_no_form_of_the_settings_shows_the_key(tmp_path: Path) -> None:
    settings = load_text(tmp_path, environ={"CQS_API_KEY": _KEY})
    assert _KEY not in f"{settings} {settings!r} {settings.api} {settings.api!r} {settings.api.key}"


def test_a_config_names_the_variable_that_holds_its_key(tmp_path: Path) -> None:
    text = '[api]\nkey_env = "DESK_KEY"\n'
    assert load_text(tmp_path, text, environ={"DESK_KEY": _KEY}).api.key.reveal() == _KEY
    assert (
        load_text(tmp_path, text, environ={"DESK_KEY": _KEY, "CQS_API_KEY": "other"}).api.key.reveal()
        == "other"
    )
    assert "there is no key in it" in refusal(tmp_path, text)
    assert "keep one of them" in refusal(tmp_path, _FILE + 'key_env = "DESK_KEY"\n')
