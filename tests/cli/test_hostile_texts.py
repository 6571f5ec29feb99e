"""What others say reaches a terminal or a spreadsheet only as text."""

from __future__ import annotations

import errno
import json

import pytest

from cqs_sheets.cli.terminal import failures, output
from cqs_sheets.errors import CqsError
from cqs_sheets.export import inert
from cqs_sheets.unexpected import explained

ATTACK = "\x1b]0;title\x07 \x1b[2J \x9b1A \u202e \u2066 \r"


def assert_harmless(shown: str) -> None:
    assert not set(shown) & set(ATTACK) - {" ", *"]0;title[2J1A"}
    assert "\\u001b" in shown


def test_an_error_upsets_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    failures.show(CqsError(ATTACK, meaning=ATTACK, hint=ATTACK))
    assert_harmless(capsys.readouterr().err)


def test_json_upsets_no_terminal_and_keeps_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"said": ATTACK})
    shown = capsys.readouterr().out
    assert_harmless(shown)
    assert json.loads(shown) == {"said": ATTACK}


@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
def test_a_sign_that_begins_a_formula_is_guarded_full_width_as_well(sign: str) -> None:
    assert inert(f"{sign}HYPERLINK(1)") == f"'{sign}HYPERLINK(1)"


@pytest.mark.parametrize("name", ["ENOTCONN", "ESTALE", "EHOSTDOWN", "ETIMEDOUT", "EINTR", "EDQUOT"])
def test_a_mount_that_drops_out_is_no_bug(name: str) -> None:
    code = getattr(errno, name, None)
    if code is None:
        pytest.skip("this system has no such error")
    assert explained(OSError(code, "gone", "signals.xlsx")).exit_code == 75
