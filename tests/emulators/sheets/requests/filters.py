"""The basic filter of a tab and its filter views; filtered rows are marked hidden."""

from __future__ import annotations

from tests.emulators.sheets.errors import Json
from tests.emulators.sheets.masks import merged, update_mask
from tests.emulators.sheets.model import Sheet, Spreadsheet
from tests.emulators.sheets.reading import without_zero_sheet
from tests.emulators.sheets.rendering import render
from tests.emulators.sheets.sorting import sort_rows

from .ranges import find, stored_range


def set_basic_filter(book: Spreadsheet, body: Json) -> None:
    given = body.get("filter", {})
    stored = {**_with_specs(given), "range": stored_range(book, given.get("range", {}))}
    sheet, box = book.grid_range(stored["range"])
    sheet.basic_filter = stored
    if given.get("sortSpecs"):
        below_header = type(box)(min(box.top + 1, box.bottom), box.bottom, box.left, box.right)
        sort_rows(book, sheet, below_header, given["sortSpecs"])
    _hide(book, sheet)


def _with_specs(given: Json) -> Json:
    """`criteria` and `filterSpecs` both name what is filtered; both are shown."""
    specs = given.get("filterSpecs")
    if specs is None:
        criteria = given.get("criteria", {})
        specs = [{"columnIndex": int(column), "filterCriteria": item} for column, item in criteria.items()]
    shown = {str(spec.get("columnIndex", 0)): spec.get("filterCriteria", {}) for spec in specs}
    return {**given, "filterSpecs": specs, "criteria": shown} if specs else given


def _hide(book: Spreadsheet, sheet: Sheet) -> None:
    """hiddenByFilter for the rows whose shown value is among the hiddenValues."""
    sheet.rows = {index: _visible(item) for index, item in sheet.rows.items()}
    if sheet.basic_filter is None:
        return
    _, box = book.grid_range(sheet.basic_filter["range"])
    for spec in sheet.basic_filter.get("filterSpecs", []):
        hidden = set(spec.get("filterCriteria", {}).get("hiddenValues", []))
        for row in range(box.top + 1, box.bottom):
            cell = sheet.grid.cell(row, spec.get("columnIndex", 0))
            shown = render(cell.value, (cell.format or {}).get("numberFormat"), book.properties["locale"])
            if shown in hidden:
                sheet.rows[row] = {**sheet.rows.get(row, {}), "hiddenByFilter": True}


def _visible(item: Json) -> Json:
    return {key: value for key, value in item.items() if key != "hiddenByFilter"}


def clear_basic_filter(book: Spreadsheet, body: Json) -> None:
    sheet = book.sheet(body.get("sheetId", 0))
    sheet.basic_filter = None
    _hide(book, sheet)


def add_filter_view(book: Spreadsheet, body: Json) -> Json:
    given = body.get("filter", {})
    view = {**_with_specs(given), "filterViewId": given.get("filterViewId") or book.new_id()}
    view["range"] = stored_range(book, given.get("range", {}))
    book.sheet(view["range"]["sheetId"]).listed("filterViews").append(view)
    return {"filter": without_zero_sheet(view)}


def update_filter_view(book: Spreadsheet, body: Json) -> None:
    given = body.get("filter", {})
    mask = update_mask(body.get("fields"), "FilterView")
    sheet, old = find(book, "filterViews", "filterViewId", given.get("filterViewId"), "filter view")
    sheet.listed("filterViews")[sheet.listed("filterViews").index(old)] = merged(
        old, _with_specs(given), mask
    )


def delete_filter_view(book: Spreadsheet, body: Json) -> None:
    sheet, view = find(book, "filterViews", "filterViewId", body.get("filterId"), "filter view")
    sheet.listed("filterViews").remove(view)


HANDLERS = {
    "setBasicFilter": set_basic_filter,
    "clearBasicFilter": clear_basic_filter,
    "addFilterView": add_filter_view,
    "updateFilterView": update_filter_view,
    "deleteFilterView": delete_filter_view,
}
