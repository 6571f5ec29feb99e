"""A template is the same workbook in Excel and in Google Sheets: cell by cell, rule by rule, chart by chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import pytest

from cqs_sheets.core.templates.template import BlocksTab, SettingsTab, TableTab, Template
from cqs_sheets.template_files import built_in, load_template
from tests.destinations.forms import TabForm
from tests.destinations.forms_excel import excel_forms
from tests.destinations.forms_google import compiled, google_forms
from tests.emulators.google_sheets import start
from tests.emulators.sheets.messages import check_message

Forms = Mapping[str, TabForm]

TEMPLATES = pytest.mark.parametrize("name", built_in())
ADVISED_BYTES = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ByDesign:
    """An aspect of cells, in one kind of tab, that is not the same in both, and why; `fits` knows such a pair."""

    aspect: str
    tabs: type
    reason: str
    fits: Callable[[object, object], bool]


BY_DESIGN = (
    ByDesign(
        aspect="left line",
        tabs=TableTab,
        reason="Google Sheets has no hairlines, so the lines between groups are thin ones",
        fits=lambda excel, google: str(excel).replace("hair", "thin") == google,
    ),
    ByDesign(
        aspect="vertical",
        tabs=TableTab,
        reason="Excel puts the filter's button into the lower corner of a header: the text keeps above it",
        fits=lambda excel, google: (excel, google) == ("top", "center"),
    ),
    ByDesign(
        aspect="wrap",
        tabs=TableTab,
        reason="Google Sheets draws text wider and its button beside it: a header may need two lines",
        fits=lambda excel, google: (excel, google) == (None, True),
    ),
    ByDesign(
        aspect="wrap",
        tabs=SettingsTab,
        reason="Google Sheets draws text wider: a note may need two lines",
        fits=lambda excel, google: (excel, google) == (None, True),
    ),
    ByDesign(
        aspect="value",
        tabs=BlocksTab,
        reason="a chart of Google Sheets takes a series' name, and an axis' title, from the column's header",
        fits=lambda excel, google: isinstance(excel, str) and isinstance(google, str | None),
    ),
)


@cache
def both(name: str) -> tuple[Template, Forms, Forms]:
    template = load_template(name)
    with start() as sheets:
        google = google_forms(template, sheets)
    return template, excel_forms(template), google


def differences(name: str) -> Iterator[tuple[str, tuple[int, int], str, object, object]]:
    """Tab, cell and aspect of what is not the same, as it is in Excel and in Google Sheets."""
    _, excel, google = both(name)
    for tab, form in excel.items():
        for at in sorted(form.cells | google[tab].cells):
            one, other = form.cells.get(at, {}), google[tab].cells.get(at, {})
            for aspect in sorted(one | other):
                if one.get(aspect) != other.get(aspect):
                    yield tab, at, aspect, one.get(aspect), other.get(aspect)


@TEMPLATES
def test_every_cell_is_the_same_in_both(name: str) -> None:
    template, _, _ = both(name)
    unexplained = [
        f"{tab} {at} {aspect}: {one!r} in Excel, {other!r} in Google Sheets"
        for tab, at, aspect, one, other in differences(name)
        if not any(
            known.aspect == aspect and isinstance(template.tab(tab), known.tabs) and known.fits(one, other)
            for known in BY_DESIGN
        )
    ]
    assert unexplained == []


@pytest.mark.parametrize("known", BY_DESIGN, ids=lambda known: known.reason)
def test_no_difference_is_excused_that_is_not_there(known: ByDesign) -> None:
    template, _, _ = both("dashboard")
    assert any(
        known.aspect == aspect and isinstance(template.tab(tab), known.tabs)
        for tab, _, aspect, _, _ in differences("dashboard")
    )


@TEMPLATES
def test_tabs_are_the_same_and_in_the_same_order(name: str) -> None:
    template, excel, google = both(name)
    assert list(excel) == list(google) == [tab.name for tab in template.tabs]


@TEMPLATES
@pytest.mark.parametrize(
    "what",
    [
        "widths",
        "heights",
        "hidden_columns",
        "merges",
        "rules",
        "charts",
        "names",
        "frozen",
        "hidden",
        "gridlines",
        "filter",
    ],
)
def test_tabs_are_laid_out_the_same(name: str, what: str) -> None:
    _, excel, google = both(name)
    for tab, form in excel.items():
        assert getattr(form, what) == getattr(google[tab], what), tab


@TEMPLATES
def test_every_request_is_one_of_googles_discovery_document(name: str) -> None:
    assert check_message("BatchUpdateSpreadsheetRequest", {"requests": compiled(load_template(name))}) == []


def test_the_comparison_sees_charts_rules_merges_and_formulas() -> None:
    _, excel, google = both("dashboard")
    for forms in (excel, google):
        page = forms["Dashboard"]
        assert len(page.charts) >= 6
        assert {series for chart in page.charts for series, _, _ in chart.series} >= {"Long", "Short"}
        assert page.merges
        assert page.rules
        assert "Signals[Time]" in str([cell.get("formula") for cell in forms["_calc"].cells.values()])
        assert forms["_calc"].hidden
