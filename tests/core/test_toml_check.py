"""A document is checked whole, and its problems are told by line in a person's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cqs_sheets.core.toml import Finding, Problem, TomlProblems, check, describe, not_one_of

_SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 8},
        "count": {"type": "integer", "minimum": 1, "maximum": 20},
        "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "on": {"type": "boolean"},
        "every": {"title": 'a duration such as "30s"', "type": "string", "pattern": "^[0-9]+s$"},
        "fixed": {"const": "yes"},
        "secret": {"not": {}, "description": "this is never kept here"},
        "either": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "shape": {
            "oneOf": [
                {"type": "object", "required": ["radius"], "properties": {"kind": {"const": "circle"}}},
                {
                    "type": "object",
                    "properties": {"kind": {"const": "box"}, "width": {"type": "integer"}},
                    "additionalProperties": False,
                },
            ]
        },
        "free": {"type": "object", "maxProperties": 2, "patternProperties": {"^x": {"type": "integer"}}},
        "shut": {
            "type": "object", "additionalProperties": False,
            "patternProperties": {"^x": {"type": "integer"}},
        },
        "feed": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["exchange"],
                "properties": {
                    "exchange": {
                        "type": "array", "minItems": 1, "maxItems": 3, "uniqueItems": True,
                        "items": {"type": "string", "enum": ["binance", "bybit"]},
                    },
                },
            },
        },
    },
}  # fmt: skip


def _problems(text: str, schema: Mapping[str, Any] = _SCHEMA) -> list[tuple[int, str, str]]:
    with pytest.raises(TomlProblems) as caught:
        check(text, schema)
    return [(problem.line, problem.where, problem.message) for problem in caught.value.problems]


def _message(line: str) -> str:
    """The one problem of a document that has this as its second line."""
    [(number, _, message)] = _problems(f'name = "x"\n{line}\n')
    assert number == 2
    return message


def test_a_sound_document_comes_back_as_values() -> None:
    assert check('name = "x"\n[[feed]]\nexchange = ["bybit"]\n', _SCHEMA) == {
        "name": "x",
        "feed": [{"exchange": ["bybit"]}],
    }


def test_all_problems_are_told_at_once_by_line() -> None:
    text = """\
nmae = "x"
count = 25
[[feed]]
exchange = [
  "bybit",
  "binnance",
]
[[feed]]
"""
    assert _problems(text) == [
        (1, "name", "missing key `name`"),
        (1, "nmae", "unknown key `nmae`: did you mean `name`?"),
        (2, "count", "25 is out of range: the nearest allowed value is 20"),
        (
            6, "feed 1 > exchange 2",
            '"binnance" is not known here: did you mean "binance"?; allowed: "binance", "bybit"',
        ),
        (8, "feed 2 > exchange", "missing key `exchange`"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("count = '5'", 'expected a whole number, found "5"'),
        ("count = 1.0", "expected a whole number, found 1.0"),
        ("count = true", "expected a whole number, found true"),
        ("count = 0", "0 is out of range: the nearest allowed value is 1"),
        ("share = nan", "expected a number, found nan"),
        ("share = 0", "0 is out of range: it must be greater than 0"),
        ("share = 1.0", "1.0 is out of range: it must be less than 1"),
        ("on = 'yes'", 'expected true or false, found "yes"'),
        ("on = 1979-05-27", "expected true or false, found 1979-05-27"),
        ("every = 30", 'expected a duration such as "30s", found 30'),
        ("every = '30'", 'expected a duration such as "30s", found "30"'),
        ("fixed = 'no'", '"no" is not known here; allowed: "yes"'),
        ("secret = 'abc'", "this is never kept here"),
        ("either = 5", "expected text or a list, found 5"),
        ("either = ['a', 5]", 'expected text, found 5: write "5"'),
        ("shape = { kind = 'box', width = 'wide' }", 'expected a whole number, found "wide"'),
        ("shape = { kind = 'box', zz = 1 }", "unknown key `zz`; known here: `kind`, `width`"),
        ("shape = { kind = 'circle' }", "missing key `radius`"),
        ("free = { x = 'a' }", 'expected a whole number, found "a"'),
        ("free = { a = 1, b = 2, c = 3 }", "expected at most 2 keys, found 3"),
        ("shut = { x = 1, y = 2 }", "unknown key `y`; known here: none"),
        ("feed = [{ exchange = 'bybit' }]", 'expected a list, found "bybit": write ["bybit"]'),
        ("feed = [{ exchange = [] }]", "the list is empty"),
        ("feed = [{ exchange = ['bybit', 'bybit'] }]", '"bybit" stands twice in the list'),
        ("feed = [{ exchange = [5] }]", 'expected text, found 5: write "5"'),
        ("feed = { exchange = ['bybit'] }", "expected a list, found a table"),
    ],
)
def test_a_value_that_breaks_the_schema_is_told_in_plain_words(line: str, message: str) -> None:
    assert _message(line) == message


def test_a_long_or_odd_value_is_shown_short_and_on_one_line() -> None:
    [(_, _, message)] = _problems('name = "x"\ncount = "' + "a" * 500 + '\\n\\u202e"\n')
    assert message == 'expected a whole number, found "' + "a" * 60 + '…"'
    assert _message('count = "a\\n\\u001b[31m"') == 'expected a whole number, found "a\\u000a\\u001b[31m"'


def test_an_odd_key_cannot_upset_a_terminal() -> None:
    [(_, where, message)] = _problems('name = "x"\n"\\u001b[31m\\n" = 1\n')
    assert where == "\\u001b[31m\\u000a"
    assert message.startswith(f"unknown key `{where}`")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a = 1\nb = tru\n", 2, "text needs quotes"),
        ('a = 1\nb = "x\n', 2, "not closed on its line"),
        ("a = 1\n\na = 2\n", 3, "the same key stands twice"),
        ("[a]\n[b]\n[a]\n", 3, "the same table stands twice"),
        ("a = [1, 2\n\nb = 3\n", 3, "the list is not closed"),
        ("a = {x = 1\n", 1, "the table is not closed"),
        ('a = """x\n\ny\n\n', 3, "its last quote is missing"),
        ("\n\na\n", 3, "expected `name = value`"),
        ("a = 1 2\n", 1, "something stands after the end of the value"),
        ('a = "C:\\data"\n', 1, "a backslash in double quotes must be doubled"),
        ("a = " + "9" * 5000, 1, "too many digits"),
        ("a = " + "[" * 5000, 1, "nested too deeply"),
        (".".join(["a"] * 500) + " = 1", 1, "nested too deeply"),
        ("a = 1\n[" + ".".join(['"a"'] * 30_000) + "]", 2, "more than 100 parts"),
    ],
)
def test_what_is_not_toml_is_told_with_its_line_and_a_hint(text: str, line: int, words: str) -> None:
    [(found, where, message)] = _problems(text)
    assert (found, where) == (line, "")
    assert words in message


def test_further_rules_see_the_document_without_its_broken_values_and_add_to_the_problems() -> None:
    seen: list[Mapping[str, Any]] = []

    def rules(document: Mapping[str, Any]) -> Iterator[Finding]:
        seen.append(document)
        yield ("feed", 0), "this feed asks for nothing"
        yield ("feed", 1), "this feed is odd"

    text = 'name = 5\ncount = 2\n[[feed]]\nexchange = ["bybit", 5]\n[[feed]]\nexchange = ["bybit"]\n'
    with pytest.raises(TomlProblems) as caught:
        check(text, _SCHEMA, rules)
    assert seen == [{"count": 2, "feed": [{}, {"exchange": ["bybit"]}]}]
    assert Problem(5, "feed 2", "this feed is odd") in caught.value.problems
    assert len(caught.value.problems) == 3  # the first feed asks for something, as soon as it is mended


def test_problems_are_described_under_the_name_of_their_file() -> None:
    one = Problem(3, "feed 1", "missing key `exchange`")
    assert describe([one], "my.toml") == "my.toml has 1 problem:\n  line 3 (feed 1): missing key `exchange`"
    other = Problem(4, "", "not valid TOML")
    assert describe([one, other], "my.toml").splitlines()[::2] == [
        "my.toml has 2 problems:",
        "  line 4: not valid TOML",
    ]


def test_of_more_mistakes_than_anyone_reads_the_first_are_told() -> None:
    with pytest.raises(TomlProblems) as found:
        check("\n".join(f"unknown{number} = 1" for number in range(300)), {"additionalProperties": False})
    assert len(found.value.problems) == 101
    assert "more from here on" in found.value.problems[-1].message
    assert len(not_one_of("x", [f"c{number}" for number in range(10_000)])) < 1_000
