"""A spreadsheet that was kept as JSON is the same one again."""

from __future__ import annotations

import json

from tests.emulators.google_sheets import start
from tests.emulators.sheets import saving


def test_what_was_saved_comes_back_whole() -> None:
    with start() as sheets, start() as others:
        id_ = sheets.create(tabs={"Signals": [["ID", "Coin"], [1, "BTC", True, 0.5, "=A2*2"]], "Other": []})
        with sheets.edit(id_) as hand:
            column = {"sheetId": 0, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
            mark = {
                "metadataKey": "cqs.column",
                "visibility": "DOCUMENT",
                "location": {"dimensionRange": column},
            }
            hand.do({"createDeveloperMetadata": {"developerMetadata": mark}})
            cell = {"note": "mine", "userEnteredFormat": {"textFormat": {"bold": True}}}
            where = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1}
            hand.do({"repeatCell": {"range": where, "cell": cell, "fields": "note,userEnteredFormat"}})
            hand.do({"addNamedRange": {"namedRange": {"name": "Headers", "range": where}}})
            hand.hide_columns("Signals", "B")
            hand.filter("Signals", "B", ["BTC"])
        saved = json.dumps(saving.dump(sheets.book(id_)))
        assert saving.load(json.loads(saved), others.desk.store) == sheets.book(id_)
        assert others.tab(id_, "Signals") == sheets.tab(id_, "Signals")
