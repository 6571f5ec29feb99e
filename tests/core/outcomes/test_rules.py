"""Rules from TOML: what they become, what is refused and where."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cqs_sheets.core.outcomes.rules import Rules, as_json, read_rules
from cqs_sheets.core.toml import TomlProblems


def test_nothing_said_means_the_defaults() -> None:
    assert read_rules("") == Rules()
    assert as_json(Rules()) == {
        "entry": "near",
        "stop": "fixed",
        "split": None,
        "fee": "0.0005",
        "funding_8h": "0",
        "clock": "seen",
        "values": "first",
        "horizon": {
            "SCALPING": "1d", "SHORT TERM": "7d", "SHORT/MID TERM": "14d", "MID TERM": "30d", "LONG TERM": "90d",
        },
        "max_hole": "1h",
    }  # fmt: skip


def test_everything_said() -> None:
    rules = read_rules(
        """
        entry = "steps"
        stop = "trailing"
        split = [0.4, 0.3, 0.3]
        fee = { binance = 0.001, default = 0.0005 }
        funding_8h = 0.0001
        clock = "published"
        values = "revised"
        horizon = { SCALPING = "4h", "LONG TERM" = "60d" }
        max_hole = "90m"
        """
    )
    assert rules.split == (Decimal("0.4"), Decimal("0.3"), Decimal("0.3"))
    assert (rules.fee.at("Binance"), rules.fee.at("kraken")) == (Decimal("0.001"), Decimal("0.0005"))
    assert (rules.funding_at("Binance_Futures"), rules.funding_at("binance")) == (
        Decimal("0.0001"),
        Decimal(0),
    )
    assert (rules.horizon["SCALPING"], rules.horizon["SHORT TERM"]) == (240, 7 * 1440)
    assert as_json(rules)["max_hole"] == "1h30m"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('\nentry = "middle"', 'line 2 (entry): "middle" is not known here; allowed: "near", "steps"'),
        ('stop = "braekeven"', 'line 1 (stop): "braekeven" is not known here: did you mean "breakeven"?'),
        ("stopp = 1", "line 1 (stopp): unknown key `stopp`: did you mean `stop`?"),
        ("split = [0.5, 0.5, 0.5]", "line 1 (split): the three shares add up to 1.5: they must make 1"),
        ("split = [0.5, 0.5]", "line 1 (split): expected at least 3 items, found 2"),
        ("split = [1.5, -0.5, 0]", "line 1 (split 1): 1.5 is out of range"),
        ('fee = "5"', "line 1 (fee): expected a number or a table"),
        ("fee = { binance = 0.001 }", "line 1 (fee > default): missing key `default`"),
        ("fee = -0.1", "line 1 (fee): -0.1 is out of range"),
        ('max_hole = "long"', "line 1 (max_hole): expected a duration"),
        ('horizon = { SCALPING = "30s" }', "line 1 (horizon > SCALPING): a horizon is at least one minute"),
        (
            'horizon = { SCALP = "1d" }',
            "line 1 (horizon > SCALP): unknown key `SCALP`: did you mean `SCALPING`?",
        ),
        ("entry = near", "line 1: not valid TOML"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(TomlProblems) as problem:
        read_rules(text)
    assert told in str(problem.value)
