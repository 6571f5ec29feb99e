"""Shell completion: names where an option wants a name."""

from __future__ import annotations

import pytest
from click.shell_completion import BashComplete

from cqs_sheets.cli import group


def completed(*words: str) -> list[str]:
    """What bash is offered for the last word."""
    shell = BashComplete(group, {}, "cqs-sheets", "_CQS_SHEETS_COMPLETE")
    return [
        shell.format_completion(item).replace("\n", ",")
        for item in shell.get_completions(list(words[:-1]), words[-1])
    ]


@pytest.mark.parametrize(
    "words",
    [
        ("sync", "--template", "da"),
        ("init", "--template", "da"),
        ("journal", "export", "--template", "da"),
        ("templates", "show", "da"),
        ("templates", "preview", "da"),
    ],
    ids=" ".join,
)
def test_a_template_is_completed_by_name_or_as_a_file(words: tuple[str, ...]) -> None:
    assert completed(*words) == ["file,da", "plain,dashboard"]


def test_only_built_in_templates_are_offered_to_copy() -> None:
    assert completed("templates", "copy", "da") == ["plain,dashboard"]


def test_what_the_api_knows_is_completed() -> None:
    assert "plain,binance_futures" in completed("sync", "--exchange", "binance_f")
    assert completed("fetch", "--currency", "usdt") == ["plain,USDT"]
    assert completed("init", "--type", "mid") == ["plain,MID TERM"]


def test_states_and_formats_are_completed() -> None:
    assert completed("journal", "export", "--status", "a") == ["plain,aged"]
    assert completed("journal", "export", "--format", "p") == ["plain,parquet"]
