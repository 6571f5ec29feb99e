"""Things that lie on a range: named and protected ranges, bandings, tables, conditional formats, validations."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.emulators.sheets.cells import with_style_pairs
from tests.emulators.sheets.errors import Json, Refusal
from tests.emulators.sheets.masks import merged, update_mask
from tests.emulators.sheets.model import Sheet, Spreadsheet, bounds_of, wire_range
from tests.emulators.sheets.reading import without_zero_sheet

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*$")
_TEXT = re.compile(r'"(?:[^"]|"")*"')
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_CELL_NAME = re.compile(r"([A-Za-z]{1,3}[0-9]+|[Rr][0-9]*[Cc][0-9]*|true|false)$", re.IGNORECASE)


def stored_range(book: Spreadsheet, given: Json) -> Json:
    """A GridRange to keep: the tab's id always in it. Raises Refusal."""
    sheet, _ = book.grid_range(given)
    return wire_range(sheet.id, bounds_of(given))


def _home(book: Spreadsheet, given: Json) -> Sheet:
    return book.sheet(given.get("range", {}).get("sheetId", 0))


def _without_blanks(given: Json) -> Json:
    return {key: item for key, item in given.items() if item is not False and item not in ("", {})}


def find(book: Spreadsheet, kind: str, key: str, wanted: object, word: str) -> tuple[Sheet, Json]:
    """An object of a tab by its id. Raises Refusal."""
    for sheet in book.sheets:
        for item in sheet.listed(kind):
            if item[key] == wanted:
                return sheet, item
    raise Refusal(f"No {word} with id: {wanted}")


def add_named_range(book: Spreadsheet, body: Json) -> Json:
    given = body.get("namedRange", {})
    _check_name(book, given.get("name", ""), None)
    named = {
        "namedRangeId": given.get("namedRangeId") or str(book.new_id()),
        "name": given["name"],
        "range": stored_range(book, given.get("range", {})),
    }
    book.named_ranges.append(named)
    return {"namedRange": without_zero_sheet(named)}


def _check_name(book: Spreadsheet, name: str, own: Json | None) -> None:
    if not _NAME.match(name) or _CELL_NAME.match(name) or len(name) > 250:
        raise Refusal("The name given to this range is invalid.")
    if any(named["name"].casefold() == name.casefold() for named in book.named_ranges if named is not own):
        raise Refusal(f'A named range with the name "{name}" already exists.')


def _named(book: Spreadsheet, range_id: str | None) -> Json:
    found = next((named for named in book.named_ranges if named["namedRangeId"] == range_id), None)
    if found is None:
        raise Refusal(f"No named range with id: {range_id}")
    return found


def update_named_range(book: Spreadsheet, body: Json) -> None:
    given = body.get("namedRange", {})
    mask = update_mask(body.get("fields"), "NamedRange")
    named = _named(book, given.get("namedRangeId"))
    if "name" in mask:
        _check_name(book, given.get("name", ""), named)
        named["name"] = given["name"]
    if "range" in mask:
        named["range"] = stored_range(book, given.get("range", {}))


def delete_named_range(book: Spreadsheet, body: Json) -> None:
    book.named_ranges.remove(_named(book, body.get("namedRangeId")))


def add_protected_range(book: Spreadsheet, body: Json) -> Json:
    given = _without_blanks(body.get("protectedRange", {}))
    kept = {key: item for key, item in given.items() if key not in ("requestingUserCanEdit", "editors")}
    if "range" in given:
        kept["range"] = stored_range(book, given["range"])
    else:
        kept["range"] = {"sheetId": _home(book, given).id}
    protected = {"protectedRangeId": book.new_id(), **kept}
    _home(book, kept).listed("protectedRanges").append(protected)
    shown: Json = without_zero_sheet(protected)
    return {"protectedRange": {**shown, "requestingUserCanEdit": True, "editors": {}}}


def update_protected_range(book: Spreadsheet, body: Json) -> None:
    given = body.get("protectedRange", {})
    mask = update_mask(body.get("fields"), "ProtectedRange")
    sheet, old = find(
        book, "protectedRanges", "protectedRangeId", given.get("protectedRangeId"), "protected range"
    )
    new = merged(
        old, given, {name: child for name, child in mask.items() if name not in ("editors", "range")}
    )
    if "range" in mask:
        new["range"] = stored_range(book, given.get("range", {}))
    sheet.listed("protectedRanges")[sheet.listed("protectedRanges").index(old)] = _without_blanks(new)


def delete_protected_range(book: Spreadsheet, body: Json) -> None:
    wanted = body.get("protectedRangeId")
    sheet, item = find(book, "protectedRanges", "protectedRangeId", wanted, "protected range")
    sheet.listed("protectedRanges").remove(item)


def add_banding(book: Spreadsheet, body: Json) -> Json:
    given = with_style_pairs(body.get("bandedRange", {}))
    banded = {**given, "bandedRangeId": given.get("bandedRangeId") or book.new_id()}
    banded["range"] = stored_range(book, given.get("range", {}))
    sheet, box = book.grid_range(banded["range"])
    for other in sheet.listed("bandedRanges"):
        if box.meets(sheet.box(bounds_of(other["range"]))):
            raise Refusal("You cannot add alternating background colors to a range that already has them.")
    sheet.listed("bandedRanges").append(banded)
    return {"bandedRange": without_zero_sheet(banded)}


def update_banding(book: Spreadsheet, body: Json) -> None:
    given = with_style_pairs(body.get("bandedRange", {}))
    mask = update_mask(body.get("fields"), "BandedRange")
    sheet, old = find(book, "bandedRanges", "bandedRangeId", given.get("bandedRangeId"), "banded range")
    new = merged(old, given, mask)
    new["range"] = stored_range(book, new.get("range", {}))
    sheet.listed("bandedRanges")[sheet.listed("bandedRanges").index(old)] = new


def delete_banding(book: Spreadsheet, body: Json) -> None:
    sheet, item = find(book, "bandedRanges", "bandedRangeId", body.get("bandedRangeId"), "banded range")
    sheet.listed("bandedRanges").remove(item)


def add_conditional_format_rule(book: Spreadsheet, body: Json) -> None:
    rule = _stored_rule(book, body.get("rule", {}))
    rules = book.sheet(rule["ranges"][0]["sheetId"]).listed("conditionalFormats")
    index = body.get("index", 0)
    if not 0 <= index <= len(rules):
        raise Refusal(f"index[{index}] must be between 0 and {len(rules)}")
    rules.insert(index, rule)


def _stored_rule(book: Spreadsheet, given: Json) -> Json:
    if not given.get("ranges"):
        raise Refusal("No ranges specified.")
    if "booleanRule" not in given and "gradientRule" not in given:
        raise Refusal("No rule specified.")
    for value in given.get("booleanRule", {}).get("condition", {}).get("values", []):
        _check_rule_value(book, value.get("userEnteredValue", ""))
    return {**with_style_pairs(given), "ranges": [stored_range(book, one) for one in given["ranges"]]}


def _check_rule_value(book: Spreadsheet, text: str) -> None:
    """A formula there may look at its own tab only; what INDIRECT finds by a text is not looked at."""
    if not text.startswith("="):
        return
    bare = _TEXT.sub('""', text)
    names = {named["name"].casefold() for named in book.named_ranges}
    if "!" in bare or names & {word.casefold() for word in _WORD.findall(bare)}:
        raise Refusal("Conditional format rule cannot reference a different sheet.")


def update_conditional_format_rule(book: Spreadsheet, body: Json) -> Json:
    sheet = book.sheet(body.get("sheetId", body.get("rule", {}).get("ranges", [{}])[0].get("sheetId", 0)))
    rules = sheet.listed("conditionalFormats")
    index = body.get("index", 0)
    if not 0 <= index < len(rules):
        raise Refusal(f"No conditional format on sheet: {sheet.id} at index: {index}")
    if "newIndex" in body:
        rules.insert(body["newIndex"], rules.pop(index))
        return {
            "newRule": without_zero_sheet(rules[body["newIndex"]]),
            "newIndex": body["newIndex"],
            "oldIndex": index,
        }
    old, rules[index] = rules[index], _stored_rule(book, body.get("rule", {}))
    return {
        "oldRule": without_zero_sheet(old),
        "newRule": without_zero_sheet(rules[index]),
        "newIndex": index,
    }


def delete_conditional_format_rule(book: Spreadsheet, body: Json) -> Json:
    sheet = book.sheet(body.get("sheetId", 0))
    rules = sheet.listed("conditionalFormats")
    index = body.get("index", 0)
    if not 0 <= index < len(rules):
        raise Refusal(f"No conditional format on sheet: {sheet.id} at index: {index}")
    return {"rule": without_zero_sheet(rules.pop(index))}


def set_data_validation(book: Spreadsheet, body: Json) -> None:
    """Without a rule the validation of the range is taken away."""
    sheet, box = book.grid_range(body.get("range", {}))
    rule = body.get("rule")
    if rule is not None and "type" not in rule.get("condition", {}):
        raise Refusal("No condition specified.")
    for row in range(box.top, box.bottom):
        if box.width:
            sheet.grid.change_row(
                row, box.left, box.right, lambda _column, old: replace(old, validation=rule)
            )


def add_table(book: Spreadsheet, body: Json) -> Json:
    given = body.get("table", {})
    sheet, box = book.grid_range(given.get("range", {}))
    if any(box.meets(sheet.box(bounds_of(other["range"]))) for other in sheet.listed("tables")):
        raise Refusal("A table already exists in this range.")
    names = {table["name"] for one in book.sheets for table in one.listed("tables")}
    name = given.get("name") or f"Table{len(names) + 1}"
    if name in names:
        raise Refusal(f'A table with the name "{name}" already exists.')
    table = {**given, "tableId": given.get("tableId") or str(book.new_id()), "name": name}
    table["range"] = wire_range(sheet.id, box)
    sheet.listed("tables").append(table)
    return {"table": without_zero_sheet(table)}


def update_table(book: Spreadsheet, body: Json) -> None:
    given = body.get("table", {})
    mask = update_mask(body.get("fields"), "Table")
    sheet, old = find(book, "tables", "tableId", given.get("tableId"), "table")
    new = merged(old, given, mask)
    new["range"] = stored_range(book, new["range"])
    sheet.listed("tables")[sheet.listed("tables").index(old)] = new


def delete_table(book: Spreadsheet, body: Json) -> None:
    """Its cells go with it, and so do the conditional formats over it, unmentioned in the reply."""
    sheet, table = find(book, "tables", "tableId", body.get("tableId"), "table")
    _, box = book.grid_range(table["range"])
    sheet.listed("tables").remove(table)
    for row in range(box.top, box.bottom):
        sheet.grid.change_row(row, box.left, box.right, lambda _column, old: old.bare())
    sheet.objects["conditionalFormats"] = [
        rule
        for rule in sheet.listed("conditionalFormats")
        if not any(box.meets(sheet.box(bounds_of(one))) for one in rule["ranges"])
    ]


HANDLERS = {
    "addNamedRange": add_named_range,
    "updateNamedRange": update_named_range,
    "deleteNamedRange": delete_named_range,
    "addProtectedRange": add_protected_range,
    "updateProtectedRange": update_protected_range,
    "deleteProtectedRange": delete_protected_range,
    "addBanding": add_banding,
    "updateBanding": update_banding,
    "deleteBanding": delete_banding,
    "addConditionalFormatRule": add_conditional_format_rule,
    "updateConditionalFormatRule": update_conditional_format_rule,
    "deleteConditionalFormatRule": delete_conditional_format_rule,
    "setDataValidation": set_data_validation,
    "addTable": add_table,
    "updateTable": update_table,
    "deleteTable": delete_table,
}
