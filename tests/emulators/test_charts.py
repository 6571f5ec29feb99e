"""Charts, merges and rules: kept as given, or refused as Google's documents say."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.caller import Caller, Refused

Json = dict[str, Any]


@pytest.fixture
def tab(api: Caller) -> Caller:
    api.book = api.running.create(tabs={"T": [["day", "long"], [1, 5], [2, 7]]}, size=(20, 8))
    return api


def area(top: int, bottom: int, left: int, right: int) -> Json:
    edges = ("startRowIndex", "endRowIndex", "startColumnIndex", "endColumnIndex")
    return {"sheetId": 0, **dict(zip(edges, (top, bottom, left, right), strict=True))}


def data(*sources: Json) -> Json:
    return {"sourceRange": {"sources": list(sources)}}


def chart(kind: str = "COLUMN", *, series: Json | None = None, row: int = 4, **basic: Any) -> Json:
    shown = {"series": data(area(0, 3, 1, 2)), **(series or {})}
    spec = {
        "title": "Long",
        "basicChart": {
            "chartType": kind,
            "domains": [{"domain": data(area(0, 3, 0, 1))}],
            "series": [shown],
            **basic,
        },
    }
    position = {"overlayPosition": {"anchorCell": {"sheetId": 0, "rowIndex": row, "columnIndex": 1}}}
    return {"addChart": {"chart": {"chartId": 77, "spec": spec, "position": position}}}


def test_a_chart_is_kept_and_shown_with_what_it_looks_at(tab: Caller) -> None:
    tab.batch(chart(series={"targetAxis": "LEFT_AXIS"}, stackedType="STACKED"))
    (shown,) = tab.get(fields="sheets.charts")["sheets"][0]["charts"]
    basic = shown["spec"]["basicChart"]
    assert (shown["chartId"], shown["spec"]["title"], basic["stackedType"]) == (77, "Long", "STACKED")
    (source,) = basic["series"][0]["series"]["sourceRange"]["sources"]
    assert {**source, "sheetId": 0} == area(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (chart(series={"series": data(area(0, 3, 1, 3))}), "all rows or all columns to have length of 1"),
        (chart(series={"series": data(area(0, 1, 1, 5))}), "all rows or all columns to have length of 1"),
        (chart(series={"series": data(area(0, 2, 1, 2), area(2, 3, 1, 2))}), "same number of source ranges"),
        (chart("BAR", series={"targetAxis": "LEFT_AXIS"}), "not a valid minor axis for a BAR chart"),
        (chart(series={"targetAxis": "BOTTOM_AXIS"}), "not a valid minor axis for a COLUMN chart"),
        (chart(series={"lineStyle": {"width": 2}}), "lineStyle is not valid in a COLUMN chart"),
        (chart("LINE", stackedType="STACKED"), "LINE chart does not support stacking"),
        (chart(domains=[{"domain": data(area(0, 3, 0, 1))}] * 2), "Only a single domain"),
        (chart(axis=[{"position": "LEFT_AXIS"}] * 2), "more than one axis per axis position"),
        (chart(row=20), "exceeds grid limits"),
    ],
)
def test_a_chart_that_cannot_be_is_refused(tab: Caller, wrong: Json, said: str) -> None:
    with pytest.raises(Refused, match=said):
        tab.batch(wrong)


def test_an_id_is_given_to_one_chart_only(tab: Caller) -> None:
    with pytest.raises(Refused, match="77 already exists"):
        tab.batch(chart(), chart())


def test_a_merge_that_cuts_through_another_is_refused(tab: Caller) -> None:
    def merge(*edges: int) -> Json:
        return {"mergeCells": {"range": area(*edges), "mergeType": "MERGE_ALL"}}

    tab.batch(merge(4, 6, 0, 2))
    with pytest.raises(Refused, match="must select all cells in a merged range"):
        tab.batch(merge(5, 7, 0, 2))
    tab.batch(merge(4, 8, 0, 3))
    (merged,) = tab.get(fields="sheets.merges")["sheets"][0]["merges"]
    assert (merged["endRowIndex"], merged["endColumnIndex"]) == (8, 3)


def test_a_rule_looks_at_other_tabs_by_indirect_only(tab: Caller) -> None:
    def rule(formula: str) -> Json:
        condition = {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": formula}]}
        made = {"ranges": [area(0, 3, 0, 1)], "booleanRule": {"condition": condition, "format": {}}}
        return {"addConditionalFormatRule": {"rule": made}}

    tab.batch(
        {"addSheet": {"properties": {"sheetId": 5, "title": "Other"}}},
        {"addNamedRange": {"namedRange": {"name": "Equity", "range": {**area(0, 1, 0, 1), "sheetId": 5}}}},
        rule('=$A1>INDIRECT("Equity")'),
        rule('=$A1="Other!A1"'),
    )
    for formula in ("=$A1>Other!A1", "=$A1>Equity"):
        with pytest.raises(Refused, match="cannot reference a different sheet"):
            tab.batch(rule(formula))
