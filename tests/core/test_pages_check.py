"""Every mistake in blocks and reports is told before anything is drawn; what is found good can be drawn."""

from __future__ import annotations

import pytest

from cqs_sheets.core.templates.reading import read_document, template_of
from cqs_sheets.core.templates.report_pages import compile_page
from cqs_sheets.core.templates.template import BlocksTab, ReportTab
from cqs_sheets.core.toml import TomlProblems
from cqs_sheets.template_files import schema

SCHEMA = schema()
GOOD = """\
format = 1
[theme]
accent = "#0EA5E9"
[styles]
[formats]
[[tabs]]
name = "Mine"
kind = "table"
columns = [{ id = "a", header = "A", input = true }]
[[tabs]]
name = "_b"
kind = "blocks"
blocks = [
  { id = "day", rows = 3, columns = [
    { id = "n", formula = "={i}+N({^n})" },
    { id = "v", values = [1, "two", 3] },
  ] },
]
[[tabs]]
name = "Page"
kind = "report"
title = "PAGE"
grid = { columns = 10 }
subtitle = '="n "&COUNT({Mine.a})'
stamp = { value = "=MAX({_b.day.n})" }
cards = [{ at = "B5:D7", label = "N", value = "=SUM({_b.day.n})", sub = "=COUNT({Mine.a})" }]
charts = [{ at = "B9:K14", type = "line", title = "N", categories = "{_b.day.n}", series = [
  { name = "n", values = "{_b.day.n}", color = "accent" } ] }]
lists = [
  { at = "B16", title = "ITEMS", items = ["x", "y"], columns = [
    { span = 2, header = "Item", item = true },
    { span = 1, header = "n", formula = "=COUNTIFS({Mine.a},{item})" } ] },
  { at = "F16", title = "ROWS", rows = 3, columns = [{ span = 2, header = "V", formula = "={_b.day.v@}&{i}" }] },
]
"""


def no_include(name: str) -> dict[str, object]:
    raise LookupError(name)


def told(text: str) -> list[str]:
    with pytest.raises(TomlProblems) as raised:
        read_document(text, include=no_include, schema=SCHEMA)
    return [problem.message for problem in raised.value.problems]


def test_good_pages_have_nothing_to_tell_and_can_be_drawn() -> None:
    template = template_of(read_document(GOOD, include=no_include, schema=SCHEMA), name="t")
    for tab in template.tabs:
        if isinstance(tab, BlocksTab | ReportTab):
            page = compile_page(template, tab, area=lambda tab, span: f"{tab}!{span}", column="{}[{}]".format)
            assert not page.missing


@pytest.mark.parametrize(
    ("written", "instead", "words"),
    [
        ("N({^n})", "N({^m})", '"^n"'),
        ("={i}+", "={item}+", '"i"'),
        ('[1, "two", 3]', "[1, 2]", "2 values for 3 rows"),
        (', values = [1, "two", 3]', "", "has a `formula` or `values`"),
        ('id = "v", values', 'id = "n", values', 'two columns have the id "n"'),
        ("=SUM({_b.day.n})", "=SUM({item})", "no row to stand for"),
        ("=SUM({_b.day.n})", "=SUM({_b.day.n@})", "has 3 rows, and 0 are shown"),
        ("=MAX({_b.day.n})", "=MAX({i})", "no row to stand for"),
        ("&COUNT({Mine.a})", "&COUNT({a})", "no row to stand for"),
        ("B9:K14", "B7:K14", "this takes B7:K14, where something else takes B5:D7"),
        ('"F16"', '"D16"', "this takes D16:E20, where something else takes B16:D19"),
        ("B5:D7", "B5:D6", "a card needs 3 rows"),
        ("B5:D7", "B3:D5", "the first 3 rows hold the title"),
        ("B9:K14", "B9:L14", "from column B to K, this takes"),
        ("B9:K14", "A9:K14", "from column B to K"),
        ('"F16"', '"K16"', "from column B to K, this takes"),
        ('"{_b.day.n}", series', '"{Mine.a}", series', "a chart shows columns of blocks"),
        ('color = "accent"', 'color = "accents"', "accent"),
        ("rows = 3, columns = [{ span", "columns = [{ span", "has `items` or `rows`"),
        ("rows = 3, columns = [{ span", "rows = 4, columns = [{ span", "has 3 rows, and 4 are shown"),
        ("={_b.day.v@}&{i}", "={_b.day.v@}&{item}", '"i"'),
        ('formula = "={_b.day.v@}&{i}"', "item = true", "no `items` to show"),
        ('header = "Item", item = true', 'header = "Item"', "has a `formula` or `item = true`"),
    ],
)
def test_a_mistake_is_told_where_it_is(written: str, instead: str, words: str) -> None:
    assert GOOD.count(written) == 1
    messages = told(GOOD.replace(written, instead, 1))
    assert any(words in message for message in messages), messages


def test_two_blocks_of_one_id_are_told() -> None:
    again = '{ id = "day", rows = 1, columns = [{ id = "z", formula = "=1" }] },\n]\n[[tabs]]\nname = "Page"'
    assert 'two blocks have the id "day"' in told(GOOD.replace(']\n[[tabs]]\nname = "Page"', again))
