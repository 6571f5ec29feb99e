"""What a spreadsheet's locale makes of a formula or a condition that a request brings.

Both are read as if they had been typed there. Where the comma is the decimal mark it parts no arguments
(googleapis/google-api-nodejs-client#1994); a semicolon does everywhere, and becomes a comma where that is usual.
"""

from __future__ import annotations

import re

from .errors import Json, Refusal
from .locales import decimal_mark

_TEXTS = re.compile(r"(\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*'|\{[^{}]*\})")
_POINT_NUMBER = re.compile(r"-?\d*\.\d+$")


def stored_formula(formula: str, locale: str) -> str:
    """The formula as the spreadsheet keeps it."""
    if decimal_mark(locale) == ",":
        return formula
    parts = _TEXTS.split(formula)
    return "".join(part if at % 2 else part.replace(";", ",") for at, part in enumerate(parts))


def is_misspelt(formula: str, locale: str) -> bool:
    """Whether it holds a comma or a decimal point that this locale cannot read as it was meant."""
    if decimal_mark(locale) != ",":
        return False
    bare = _TEXTS.sub("", formula)
    return "," in bare or re.search(r"\d\.\d", bare) is not None


def spell_cell(cell: Json, locale: str) -> Json:
    """CellData with its formula as it is kept; Refusal for a condition that cannot be read."""
    formula = cell.get("userEnteredValue", {}).get("formulaValue")
    if "dataValidation" in cell:
        check_condition(cell["dataValidation"].get("condition", {}), locale)
    if formula is None:
        return cell
    return {**cell, "userEnteredValue": {"formulaValue": stored_formula(formula, locale)}}


def check_condition(condition: Json, locale: str) -> None:
    """Refusal for a value that this locale does not know."""
    for value in condition.get("values", []):
        text = value.get("userEnteredValue", "")
        number = decimal_mark(locale) == "," and _POINT_NUMBER.match(text)
        if number or (text.startswith("=") and is_misspelt(text, locale)):
            raise Refusal(f"Invalid ConditionValue.userEnteredValue: {text}")


def spell_request(kind: str, body: Json, locale: str) -> Json:
    """One request of a batch, its formulas as they are kept."""
    match kind:
        case "updateCells" | "appendCells":
            rows = [
                {**row, "values": [spell_cell(cell, locale) for cell in row.get("values", [])]}
                for row in body.get("rows", [])
            ]
            return {**body, "rows": rows} if rows else body
        case "repeatCell":
            return {**body, "cell": spell_cell(body.get("cell", {}), locale)}
        case "setDataValidation":
            check_condition(body.get("rule", {}).get("condition", {}), locale)
        case "addConditionalFormatRule":
            return {**body, "rule": _spelt_rule(body.get("rule", {}), locale)}
    return body


def _spelt_rule(rule: Json, locale: str) -> Json:
    boolean = rule.get("booleanRule", {})
    condition = boolean.get("condition", {})
    check_condition(condition, locale)
    if "values" not in condition:
        return rule
    values = [_spelt_value(value, locale) for value in condition["values"]]
    return {**rule, "booleanRule": {**boolean, "condition": {**condition, "values": values}}}


def _spelt_value(value: Json, locale: str) -> Json:
    text = value.get("userEnteredValue", "")
    return {**value, "userEnteredValue": stored_formula(text, locale)} if text.startswith("=") else value
