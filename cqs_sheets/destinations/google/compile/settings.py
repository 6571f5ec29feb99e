"""The Settings tab as requests of one batchUpdate: sections of labelled, named cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from cqs_sheets.core.templates.template import Setting, SettingsTab, Template
from cqs_sheets.destinations.google.compile import styles
from cqs_sheets.destinations.google.compile.table import dimension, limits
from cqs_sheets.destinations.google.read import marks
from cqs_sheets.destinations.google.read.layout import Cell
from cqs_sheets.destinations.google.wire.shapes import Json, coordinate, grid_range

_SUBTITLE = "Type into the yellow cells. Everything else follows."
_COMPUTED = "@"  # begins the values that the sync writes later
_LABEL, _VALUE, _NOTE = 0, 1, 2
_FIRST_SECTION = 3
_TITLE_HEIGHT, _ROW_HEIGHT = 48, 28


def setting_cells(tab: SettingsTab, sheet_id: int) -> Mapping[str, Cell]:
    """Where each setting's value will stand."""
    cells = {}
    row = _FIRST_SECTION
    for section in tab.sections:
        for setting in section.settings:
            row += 1
            cells[setting.name] = Cell(sheet_id=sheet_id, row=row, column=_VALUE)
        row += 2
    return cells


def compile_settings(
    template: Template, tab: SettingsTab, sheet_id: int, title: str, *, zone_name: str, taken: Collection[str]
) -> list[Json]:
    """The requests that make a settings tab; names that are `taken` (in lower case) are not defined."""
    look = styles.ThemeStyles(template.theme)
    cells = setting_cells(tab, sheet_id)
    rows = 1 + max(cell.row for cell in cells.values()) if cells else _FIRST_SECTION
    grid = {"rowCount": rows + 1, "columnCount": 3, "frozenRowCount": 1, "hideGridlines": True}
    sheet = {"sheetId": sheet_id, "title": title, "gridProperties": grid}
    return [
        {"addSheet": {"properties": sheet}},
        *_heights(tab, sheet_id),
        *(
            dimension(sheet_id, "COLUMNS", at, at + 1, {"pixelSize": styles.pixels(width)})
            for at, width in enumerate(tab.widths[:3])
        ),
        _content(tab, look, sheet_id, rows, zone_name),
        *(_name(name, cell) for name, cell in cells.items() if name.lower() not in taken),
        marks.bind(marks.KEY, tab.name, sheet_id, "COLUMNS", _VALUE),
    ]


def compile_setting(template: Template, setting: Setting, cell: Cell, *, zone_name: str) -> list[Json]:
    """The requests that fill and name one setting, its value in `cell`, its label at the left of it."""
    line = list(_setting(setting, styles.ThemeStyles(template.theme), zone_name))
    left = max(0, cell.column - _VALUE)
    start = coordinate(cell.sheet_id, cell.row, left)
    rows = [{"values": line[left + _VALUE - cell.column :]}]
    fields = "userEnteredValue,userEnteredFormat,dataValidation"
    return [
        {"updateCells": {"start": start, "rows": rows, "fields": fields}},
        _name(setting.name, cell),
    ]


def _heights(tab: SettingsTab, sheet_id: int) -> Iterator[Json]:
    yield dimension(sheet_id, "ROWS", 0, 1, {"pixelSize": _TITLE_HEIGHT})
    row = _FIRST_SECTION
    for section in tab.sections:
        end = row + 1 + len(section.settings)
        yield dimension(sheet_id, "ROWS", row, end, {"pixelSize": _ROW_HEIGHT})
        row = end + 1


def _content(tab: SettingsTab, look: styles.ThemeStyles, sheet_id: int, rows: int, zone_name: str) -> Json:
    lines: list[list[Json]] = [[{}] * 3 for _ in range(rows)]
    lines[0] = _title(tab.name, look)
    row = _FIRST_SECTION
    for section in tab.sections:
        lines[row] = [_section(section.title if at == _LABEL else "", look) for at in range(3)]
        for setting in section.settings:
            row += 1
            lines[row] = list(_setting(setting, look, zone_name))
        row += 2
    return {
        "updateCells": {
            "start": coordinate(sheet_id, 0, 0),
            "rows": [{"values": line} for line in lines],
            "fields": "userEnteredValue,userEnteredFormat,dataValidation",
        }
    }


def _text(text: str, style: Json) -> Json:
    cell: Json = {
        "userEnteredFormat": {"verticalAlignment": "MIDDLE", **styles.placed("left", indent=1), **style}
    }
    return cell | ({"userEnteredValue": {"stringValue": text}} if text else {})


def _title(name: str, look: styles.ThemeStyles) -> list[Json]:
    ink = {"backgroundColorStyle": look.color("ink")}
    quiet = look.text(look.theme.faint_on("ink"))
    return [
        _text(name.upper(), {**ink, "textFormat": look.title("paper")}),
        _text("", {**ink, "textFormat": quiet}),
        _text(_SUBTITLE, {**ink, "textFormat": quiet}),
    ]


def _section(text: str, look: styles.ThemeStyles) -> Json:
    borders = {"bottom": styles.border(look.color("ink"), "medium")}
    return _text(text, {"textFormat": look.text("muted", bold=True, smaller=1), "borders": borders})


def _setting(setting: Setting, look: styles.ThemeStyles, zone_name: str) -> Iterator[Json]:
    line = {"borders": {"bottom": styles.border(look.color("line"), "thin")}}
    yield _text(setting.label, {**line, "textFormat": look.text()})
    yield _value(setting, look, line, zone_name)
    yield _text(setting.note, {**line, "textFormat": look.text("muted", smaller=1), "wrapStrategy": "WRAP"})


def _value(setting: Setting, look: styles.ThemeStyles, line: Json, zone_name: str) -> Json:
    style: Json = {**line, **styles.number_format(setting.format)}
    a_list = setting.format.align == "left" and not setting.format.type  # read from its beginning
    style |= styles.placed("left", indent=1) if a_list else styles.placed("center", indent=0)
    style |= {"verticalAlignment": "MIDDLE", "textFormat": look.text()}
    typed = not (setting.synced or setting.formula)
    if typed:
        style["textFormat"] = look.text("input_text", bold=True)
        style["backgroundColorStyle"] = look.color("input")
    cell: Json = {"userEnteredFormat": style, "userEnteredValue": _entered(setting, zone_name)}
    rule = limits(setting.min, setting.max) if typed else None
    return cell | ({"dataValidation": rule} if rule else {})


def _entered(setting: Setting, zone_name: str) -> Json:
    if setting.formula:
        return {"formulaValue": styles.in_any_locale(setting.formula)}
    if setting.value == "@zone" or setting.name == "Time_zone":
        return {"stringValue": zone_name}
    if isinstance(setting.value, str):
        return {} if setting.value.startswith(_COMPUTED) else {"stringValue": setting.value}
    return {} if setting.value is None else {"numberValue": setting.value}


def _name(name: str, cell: Cell) -> Json:
    row, column = range(cell.row, cell.row + 1), range(cell.column, cell.column + 1)
    span = grid_range(cell.sheet_id, row, column)
    return {"addNamedRange": {"namedRange": {"name": name, "range": span}}}
