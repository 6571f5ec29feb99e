"""Text that a spreadsheet would run, if it were let: it arrives as text, in every kind of target."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from cqs_sheets.core.signals.read_signal import clean, read_signal
from cqs_sheets.core.signals.signal import FeedTable
from cqs_sheets.run.looking import read_target
from tests.destinations.google.user import GoogleUser
from tests.destinations.test_conformance import row, sync
from tests.destinations.users import USERS
from tests.fuzz.bodies import FORMULAS, ODD_TEXTS
from tests.make import NOON, TEMPLATE

HOSTILE = [text for text in {*FORMULAS, *ODD_TEXTS} if 0 < len(clean(text).strip()) <= 200]


def coins() -> dict[str, str]:
    """Each hostile text as the coin of a signal, as the parser lets it through, by id."""
    timestamp = NOON.strftime("%Y-%m-%d %H:%M:%S")
    found = {}
    for number, text in enumerate(sorted(HOSTILE), 1):
        fields = {"id": str(number), "timestamp": timestamp, "coin": text}
        found[str(number)] = read_signal(fields, FeedTable.MAIN, UTC).coin
    return found


@pytest.mark.parametrize("kind", USERS)
def test_hostile_text_is_text_in_every_kind_of_target(kind: str, tmp_path: Path) -> None:
    user, expected = USERS[kind](tmp_path), coins()
    sync(user, *(row(id_, coin=coin) for id_, coin in expected.items()))
    held = read_target(user.destination, TEMPLATE, {"Signals": set(expected)}).tabs["Signals"].rows
    assert {id_: held[id_].values["coin"] for id_ in expected} == expected
    if isinstance(user, GoogleUser):
        tab = user.sheets.book(user.book).tab("Signals")
        assert tab is not None
        column = user.columns()["coin"]
        formulas = [tab.grid.cell(number, column) for number in range(len(expected) + user.header_row())]
        assert not [cell for cell in formulas if cell is not None and cell.formula is not None]
        user.close()
