"""Every mistake in a template is told, by its line, with the nearest name that is known."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqs_sheets.core.templates.reading import read_document, template_of
from cqs_sheets.core.templates.template import Template
from cqs_sheets.core.toml import TomlProblems
from cqs_sheets.template_files import schema

SCHEMA = schema()
COLUMNS = """\
  { id = "id", header = "ID", field = "id" },
  { id = "stop", header = "Stop", field = "stop_loss", format = "price" },
  { id = "pair", header = "Pair", calc = "pair" },
  { id = "take", header = "Take?", input = true },
"""
TEMPLATE = """\
format = 1
[styles]
hot = { bold = true }
[formats]
price = { pattern = "0.00" }
[[tabs]]
name = "Signals"
kind = "table"
source = "signals"
key = "id"
columns = [
COLUMNS
]
[[tabs]]
name = "Settings"
kind = "settings"
sections = [{ title = "YOURS", rows = [
  { name = "Equity", label = "Equity", value = 1 },
  SETTING
] }]
"""


def no_include(name: str) -> dict[str, object]:
    raise LookupError(f"no {name} here")


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(TomlProblems) as raised:
        read_document(text, include=no_include, schema=SCHEMA)
    return [(problem.line, problem.message) for problem in raised.value.problems]


def with_parts(*, columns: str = "", setting: str = "", table: str = "", more: str = "") -> str:
    text = TEMPLATE.replace("COLUMNS", COLUMNS + columns).replace("SETTING", setting)
    return text.replace('key = "id"', 'key = "id"\n' + table if table else 'key = "id"') + more


def message(**parts: str) -> str:
    [(_, told)] = problems(with_parts(**parts))
    return told


def column(**keys: str) -> str:
    written = {"id": '"new"', "header": '"New"', **keys}
    return "{ " + ", ".join(f"{key} = {value}" for key, value in written.items()) + " },\n"


def test_a_template_has_at_most_a_hundred_tabs() -> None:
    """Tabs may be like each other: a short text would stand for columns without end."""
    assert "expected at most 100 items, found 101" in {message for _, message in problems("[[tabs]]\n" * 101)}


def test_a_good_template_has_no_problems() -> None:
    read_document(with_parts(), include=no_include, schema=SCHEMA)


class TestAColumn:
    def test_needs_something_that_fills_it(self) -> None:
        assert "nothing fills this column" in message(columns=column())

    @pytest.mark.parametrize("broken", [{"formula": "3"}, {"formula": '"3"'}, {"field": "3"}])
    def test_whose_source_is_malformed_is_told_that_alone(self, broken: dict[str, str]) -> None:
        assert "nothing fills" not in message(columns=column(**broken))

    def test_has_only_one_source(self) -> None:
        told = message(columns=column(field='"coin"', input="true"))
        assert told == "a column has one source, this one has `field` and `input`"

    def test_names_a_field_of_the_api_or_the_journal(self) -> None:
        assert message(columns=column(field='"risklevel"')).startswith(
            '"risklevel" is not known here: did you mean "risk_level"?'
        )

    def test_names_a_calc_that_there_is(self) -> None:
        assert 'did you mean "trade_url"?' in message(columns=column(calc='"trade_ur"'))

    def test_is_told_when_it_names_a_calc_as_a_field(self) -> None:
        assert message(columns=column(field='"pair"')) == '"pair" is a calc: write calc = "pair"'

    def test_may_show_any_field_the_guide_does_not_name(self) -> None:
        read_document(with_parts(columns=column(field='"extra:x y"')), include=no_include, schema=SCHEMA)

    def test_has_a_format_that_there_is(self) -> None:
        assert 'did you mean "price"?' in message(columns=column(input="true", format='"prices"'))

    def test_has_an_id_and_a_header_of_its_own(self) -> None:
        twice = problems(with_parts(columns=column(id='"stop"', header='"STOP"', input="true")))
        assert twice == [
            (16, 'two columns have the header "STOP"'),
            (16, 'two columns have the id "stop"'),
        ]

    def test_has_limits_in_order(self) -> None:
        assert message(columns=column(input="true", min="3", max="1")) == "min 3 is more than max 1"

    def test_has_no_more_choices_than_excel_takes(self) -> None:
        choices = "[" + ", ".join(f'"choice number {at}"' for at in range(20)) + "]"
        assert "255 characters" in message(columns=column(input="true", choices=choices))

    def test_has_choices_or_limits(self) -> None:
        told = message(columns=column(input="true", choices='["a"]', max="3"))
        assert told == "choices say already what the cells take: leave out min and max"

    def test_has_a_colour_of_the_theme_or_one_in_numbers(self) -> None:
        assert '"red" is not known here' in message(columns=column(input="true", text='"red"'))


class TestAFormula:
    def test_names_columns_of_its_row_that_there_are(self) -> None:
        told = message(columns=column(formula='"={stops}*2"'))
        assert told == "there is no column `stops`: did you mean `stop`?"

    def test_names_tabs_and_columns_of_them_that_there_are(self) -> None:
        assert message(columns=column(formula='"=SUM({Signal.stop})"')).startswith("there is no tab `Signal`")
        assert message(columns=column(formula='"=SUM({Signals.x})"')).startswith("there is no column `x`")

    def test_names_settings_that_there_are(self) -> None:
        told = message(columns=column(formula='"=Equty*{stop}"'))
        assert told == "there is no setting `Equty`: did you mean `Equity`?"

    def test_never_names_cells(self) -> None:
        assert "`B7` is a cell" in message(columns=column(formula='"=B7"'))

    def test_is_free_in_what_it_quotes(self) -> None:
        formula = """'=IF(AND(TRUE,{stop}>1E5),"see {nothing}, NOW() and Nobody","")'"""
        read_document(with_parts(columns=column(formula=formula)), include=no_include, schema=SCHEMA)

    def test_calls_functions_that_every_app_has(self) -> None:
        assert "use INDEX({Tab.column},MATCH" in message(
            columns=column(formula='"=XLOOKUP({stop},{stop},{stop})"')
        )

    def test_is_checked_wherever_it_stands(self) -> None:
        assert "TODAY may not be used" in message(
            setting='{ name = "Half", label = "H", formula = "=TODAY()" }'
        )
        page = '[[tabs]]\nname = "Page"\nkind = "report"\ntitle = "P"\n'
        card = 'cards = [{ at = "B5", label = "N", value = "=NOW()+Equty" }]\n'
        told = [found for _, found in problems(with_parts(more=page + card))]
        assert {each.split(":")[0] for each in told} == {"NOW may not be used", "there is no setting `Equty`"}

    def test_of_the_table_of_formulas_belongs_to_a_column(self) -> None:
        text = with_parts().replace(
            '[[tabs]]\nname = "Settings"', '[tabs.formulas]\nstpo = "=1"\n[[tabs]]\nname = "Settings"'
        )
        assert problems(text)[0][1].startswith('"stpo" is not known here: did you mean "stop"?')

    def test_of_a_setting_speaks_of_settings(self) -> None:
        assert "no column `stop`" in message(setting='{ name = "Half", label = "Half", formula = "={stop}" }')


class TestARule:
    def test_names_columns_and_a_style_that_there_are(self) -> None:
        rules = """rules = [{ on = ["stp"], when = "={stop}=1", style = "hott" }]"""
        told = [each for _, each in problems(with_parts(table=rules))]
        assert 'did you mean "stop"?' in told[0]
        assert 'did you mean "hot"?' in told[1]

    def test_speaks_of_its_own_row(self) -> None:
        rules = """rules = [{ on = ["stop"], when = "={Signals.stop}=1", style = "hot" }]"""
        assert message(table=rules) == "a rule can speak of its own row and of settings only"


class TestATab:
    @pytest.mark.parametrize(
        ("before", "after", "told"),
        [
            ('key = "id"\n', "", "a tab of signals needs `key`"),
            ('key = "id"', 'key = "idd"', 'did you mean "id"?'),
            ('key = "id"', 'key = "pair"', "rows are found by the id"),
            ('key = "id"', 'key = "id"\ntables = ["main", "scalping"]', 'calc = "uid"'),
            ('name = "Settings"', 'name = "SIGNALS"', 'two tabs have the name "SIGNALS"'),
            ('name = "Settings"', 'name = "SIGNALS 2"', '"SIGNALS 2" is what "Signals" is called'),
            ('key = "id"', 'key = "id"\nwhere = { directon = "LONG" }', 'did you mean "direction"?'),
            ('key = "id"', 'key = "id"\nlike = "Signal"', '"Signal" is not known here'),
            ('key = "id"', 'key = "id"\nspare_rows = 5', "`spare_rows` is for tabs of your own rows"),
            ('source = "signals"', 'source = ""\nnew_rows = "top"', "`new_rows` is for tabs of signals"),
            ("format = 1", 'format = 1\norder = ["Signls"]', 'did you mean "Signals"?'),
        ],
    )
    def test_speaks_only_of_what_there_is(self, before: str, after: str, told: str) -> None:
        [(_, found)] = problems(with_parts().replace(before, after))
        assert told in found

    @pytest.mark.parametrize("name", ["a/b", "x" * 32, "'quoted'", "", "a[1]"])
    def test_has_a_name_that_excel_takes(self, name: str) -> None:
        [(line, found)] = problems(with_parts().replace('name = "Signals"', f'name = "{name}"'))
        assert line == 7
        assert "a name of at most 31 characters" in found

    def test_leaves_out_only_columns_that_the_other_has(self) -> None:
        like = '[[tabs]]\nname = "B"\nkind = "table"\nlike = "Signals"\nwithout = ["stp"]\n'
        [(_, found)] = problems(with_parts(more=like))
        assert 'did you mean "stop"?' in found

    def test_of_a_kind_we_do_not_know_is_told_the_nearest(self) -> None:
        [(_, found)] = problems(with_parts().replace('kind = "settings"', 'kind = "setting"'))
        assert 'did you mean "settings"?' in found


class TestASetting:
    @pytest.mark.parametrize("name", ["A1", "R1C1", "rc", "AB123"])
    def test_is_not_called_like_a_cell(self, name: str) -> None:
        assert "is the name of a cell" in message(setting=f'{{ name = "{name}", label = "x" }}')

    @pytest.mark.parametrize("name", ["1st", "two words", "a-b", "a.b"])
    def test_has_a_name_that_spreadsheets_take(self, name: str) -> None:
        assert "a name that spreadsheets take" in message(setting=f'{{ name = "{name}", label = "x" }}')

    @pytest.mark.parametrize("value", ["=1+1", "@tomorrow"])
    def test_holds_no_text_that_means_something_else(self, value: str) -> None:
        told = message(setting=f'{{ name = "Half", label = "x", value = "{value}" }}')
        assert told.startswith("expected a number, or text that begins with neither = nor @")

    def test_has_a_name_of_its_own(self) -> None:
        told = [each for _, each in problems(with_parts(setting='{ name = "equity", label = "x" }'))]
        assert told == ['two settings have the name "Equity"', 'two settings have the name "equity"']

    def test_has_a_value_or_a_formula(self) -> None:
        both = '{ name = "Half", label = "x", value = 1, formula = "=Equity/2" }'
        assert message(setting=both) == "a setting has a `value` or a `formula`, not both"

    def test_needs_a_tab_to_stand_in(self) -> None:
        text = 'format = 1\n[[settings]]\nsection = "A"\nrows = [{ name = "B", label = "c" }]\n'
        assert problems(text) == [(2, "there is no settings tab these rows could stand in: include one")]


class TestAPage:
    PAGE = '[[tabs]]\nname = "Page"\nkind = "report"\ntitle = "PAGE"\n'

    def test_names_columns_and_formats_that_there_are(self) -> None:
        cards = 'cards = [{ at = "B5", label = "N", value = "=SUM({Signals.stp})", format = "prices" }]\n'
        told = [found for _, found in problems(with_parts(more=self.PAGE + cards))]
        assert told[0].startswith('"prices" is not known here: did you mean "price"?')
        assert told[1] == "there is no column `stp`: did you mean `stop`?"

    def test_names_blocks_that_there_are(self) -> None:
        blocks = (
            '[[tabs]]\nname = "_calc"\nkind = "blocks"\n'
            'blocks = [{ id = "day", rows = 2, columns = [{ id = "n", formula = "={i}" }] }]\n'
        )
        charts = (
            'charts = [{ at = "B5", type = "line", title = "T", categories = "{_calc.day.m}",'
            ' series = [{ name = "N", values = "{_calc.day.n}" }] }]\n'
        )
        [(_, found)] = problems(with_parts(more=blocks + self.PAGE + charts))
        assert found == "there is no column `day.m`: did you mean `day.n`?"


def test_a_document_that_cannot_be_included_is_told_at_its_place() -> None:
    [(line, found)] = problems(with_parts().replace("format = 1", 'format = 1\ninclude = ["_base"]'))
    assert (line, found) == (2, "no _base here")


def test_all_problems_are_told_at_once_in_the_order_of_lines() -> None:
    text = with_parts(columns=column(field='"nothing"', widht="3"), setting='{ name = "A1", label = "x" }')
    lines = [line for line, _ in problems(text)]
    assert lines == sorted(lines)
    assert len(lines) == 3


TEMPLATES = Path(__file__).parents[2] / "templates"
BUILT_IN = {path.stem: path.read_text(encoding="utf-8") for path in TEMPLATES.glob("*.toml")}
WORD = re.compile(r'"[^"\n]*"|[A-Za-z_]\w*|[\[\]{}=,]|-?\d[\d.]*')


@settings(max_examples=75, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(BUILT_IN)))
def test_a_template_changed_at_random_is_read_or_its_problems_are_told(
    data: st.DataObject, name: str
) -> None:
    text = BUILT_IN[name]
    words = list(WORD.finditer(text))
    for _ in range(data.draw(st.integers(1, 3))):
        gone, come = data.draw(st.sampled_from(words)), data.draw(st.sampled_from(words))
        written = data.draw(st.sampled_from(["", come[0]]))
        text = text[: gone.start()] + written.ljust(gone.end() - gone.start()) + text[gone.end() :]
    with contextlib.suppress(TomlProblems):
        found = read_document(text, include=built_in_document, schema=SCHEMA)
        assert isinstance(template_of(found, name=name), Template)


def built_in_document(name: str) -> dict[str, object]:
    return read_document(BUILT_IN[name], include=built_in_document, schema=None)
