"""Charts: add, change the spec as a whole, move, delete."""

from __future__ import annotations

from tests.emulators.sheets.a1 import Bounds
from tests.emulators.sheets.errors import Json, Refusal
from tests.emulators.sheets.model import Sheet, Spreadsheet
from tests.emulators.sheets.reading import without_zero_sheet

from .chart_spec import check_spec
from .ranges import find
from .sheets import new_sheet


def add_chart(book: Spreadsheet, body: Json) -> Json:
    given = body.get("chart", {})
    check_spec(book, given.get("spec", {}))
    chart_id = given.get("chartId")
    if any(
        chart["chartId"] == chart_id for sheet in book.sheets for chart in sheet.objects.get("charts", [])
    ):
        raise Refusal(f"An embedded object with id {chart_id} already exists.")
    position = given.get("position", {})
    sheet = _home(book, position)
    chart = {**given, "chartId": chart_id or book.new_id(), "spec": _with_ids(given["spec"])}
    chart["position"] = {"sheetId": sheet.id} if position.get("newSheet") else _with_ids(position)
    sheet.listed("charts").append(chart)
    return {"chart": without_zero_sheet(chart)}


def _home(book: Spreadsheet, position: Json) -> Sheet:
    if position.get("newSheet"):
        sheet = new_sheet(book, {"title": f"Chart{len(book.sheets)}"})
        sheet.properties = {key: item for key, item in sheet.properties.items() if key != "gridProperties"}
        sheet.properties["sheetType"] = "OBJECT"
        return sheet
    if "overlayPosition" in position:
        anchor = position["overlayPosition"].get("anchorCell", {})
        sheet = book.sheet(anchor.get("sheetId", 0))
        sheet.box(Bounds(anchor.get("rowIndex", 0), None, anchor.get("columnIndex", 0), None))
        return sheet
    raise Refusal("A position must be specified.")


def _with_ids(node: Json) -> Json:
    """Ranges and anchors kept with the tab's id written out."""
    result: Json = {}
    for key, item in node.items():
        if key == "sources":
            result[key] = [{"sheetId": 0, **one} for one in item]
        elif key == "anchorCell":
            result[key] = {"sheetId": 0, "rowIndex": 0, "columnIndex": 0, **item}
        elif isinstance(item, list):
            result[key] = [_with_ids(one) if isinstance(one, dict) else one for one in item]
        else:
            result[key] = _with_ids(item) if isinstance(item, dict) else item
    return result


def update_chart_spec(book: Spreadsheet, body: Json) -> None:
    _, chart = find(book, "charts", "chartId", body.get("chartId"), "chart")
    check_spec(book, body.get("spec", {}))
    chart["spec"] = _with_ids(body["spec"])


def update_embedded_object_position(book: Spreadsheet, body: Json) -> Json:
    sheet, chart = find(book, "charts", "chartId", body.get("objectId"), "embedded object")
    new = _with_ids(body.get("newPosition", {}))
    target = _home(book, new)
    overlay = {**chart["position"].get("overlayPosition", {}), **new.get("overlayPosition", {})}
    chart["position"] = {"overlayPosition": overlay}
    sheet.listed("charts").remove(chart)
    target.listed("charts").append(chart)
    return {"position": without_zero_sheet(chart["position"])}


def delete_embedded_object(book: Spreadsheet, body: Json) -> None:
    sheet, chart = find(book, "charts", "chartId", body.get("objectId"), "embedded object")
    sheet.listed("charts").remove(chart)


HANDLERS = {
    "addChart": add_chart,
    "updateChartSpec": update_chart_spec,
    "updateEmbeddedObjectPosition": update_embedded_object_position,
    "deleteEmbeddedObject": delete_embedded_object,
}
