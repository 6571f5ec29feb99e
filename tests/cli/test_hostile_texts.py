"""What others say reaches a terminal or a spreadsheet only as text."""

from __future__ import annotations

import errno
import json
import logging
from pathlib import Path

import pytest
from rich.table import Table

from cqs_sheets.cli.commands.doctor import FindingsPage
from cqs_sheets.cli.terminal import output
from cqs_sheets.cli.terminal.output import log_to, set_up_logging
from cqs_sheets.cli.terminal.tables import console
from cqs_sheets.doctor.finding import Finding, Severity
from cqs_sheets.errors import CqsError
from cqs_sheets.export import inert
from cqs_sheets.github.summary import escaped
from cqs_sheets.unexpected import explained

ATTACK = "\x1b]0;title\x07 \x1b[2J \x9b1A \u202e \u2066 \r"


def assert_harmless(shown: str) -> None:
    assert not set(shown) & set(ATTACK) - {" ", *"]0;title[2J1A"}
    assert "\\u001b" in shown


def test_an_error_upsets_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(CqsError(ATTACK, meaning=ATTACK, hint=ATTACK))
    assert_harmless(capsys.readouterr().err)


def test_json_upsets_no_terminal_and_keeps_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"said": ATTACK})
    shown = capsys.readouterr().out
    assert_harmless(shown)
    assert json.loads(shown) == {"said": ATTACK}


def test_csv_and_lines_of_json_upset_no_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = json.dumps(ATTACK, ensure_ascii=False)
    output.print_lines([line], are_json=True)
    shown = capsys.readouterr().out
    assert_harmless(shown)
    assert json.loads(shown) == ATTACK
    output.print_lines([f"\u202e{FORGED}"], are_json=False)
    assert capsys.readouterr().out == f"\u202e{FORGED}\n"  # for a program, as it is
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    output.print_lines([ATTACK + FORGED], are_json=False)
    shown = capsys.readouterr().out
    assert_harmless(shown.removesuffix("\n"))
    assert shown.count("\n") == 1


@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
def test_a_sign_that_begins_a_formula_is_guarded_full_width_as_well(sign: str) -> None:
    assert inert(f"{sign}HYPERLINK(1)") == f"'{sign}HYPERLINK(1)"


@pytest.mark.parametrize("name", ["ENOTCONN", "ESTALE", "EHOSTDOWN", "ETIMEDOUT", "EINTR", "EDQUOT"])
def test_a_mount_that_drops_out_is_no_bug(name: str) -> None:
    code = getattr(errno, name, None)
    if code is None:
        pytest.skip("this system has no such error")
    assert explained(OSError(code, "gone", "signals.xlsx")).exit_code == 75


FORGED = "all is well\n::error::forged\n  ::set-output name=x::y ##[group]z"


def test_no_line_of_an_error_commands_anything_on_github(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(CqsError(FORGED, hint=FORGED))
    said = capsys.readouterr().err
    assert "##[" not in said
    assert not [line for line in said.splitlines() if line.strip().startswith("::")]
    output.print_json({"said": FORGED})
    shown = capsys.readouterr().out
    assert "##[" not in shown
    assert json.loads(shown) == {"said": FORGED}


def test_a_table_upsets_no_terminal_and_takes_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("[bold]Feed", ATTACK)
    table.add_row(f"[red]{ATTACK} :smile:", "\x1b]8;;http://x\x1b\\link")
    console().print(table)
    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\x07\x9b\u202e\u2066\r")
    assert "\\u001b" in shown
    assert "[red]" in shown


@pytest.mark.parametrize("verbose", [True, False])
def test_a_line_of_the_log_stays_one_and_upsets_no_terminal(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, verbose: bool
) -> None:
    set_up_logging(verbose=verbose, quiet=False)
    log_to(tmp_path / "log")
    logging.getLogger("cqs_sheets").warning("%s", ATTACK + FORGED)
    said, written = capsys.readouterr().err, (tmp_path / "log").read_text(encoding="utf-8")
    for text in (said, written):
        assert text.count("\n") == 1
        assert not set(text) & set("\x1b\x07\x9b\u202e\u2066\r")
    assert json.loads(written)["message"] == ATTACK + FORGED


def test_what_doctor_finds_upsets_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    finding = Finding(
        subject=ATTACK,
        check="x",
        level=Severity.FAIL,
        what=ATTACK,
        mend=FORGED,
        exit_code=65,
        details=(ATTACK,),
    )
    FindingsPage(set(Severity), brief=False).show(finding)
    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\x07\x9b\u202e\u2066\r")


def test_an_annotation_upsets_no_log() -> None:
    shown = escaped(ATTACK + FORGED)
    assert not set(shown) & set("\x1b\x07\x9b\u202e\u2066\r\n")
