"""One LibreOffice for all workbooks of these tests: starting it is what takes long."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from cqs_sheets.template_files import _BUILT_IN, built_in
from tests.templates.definitions import ODD
from tests.templates.papers import judged
from tests.templates.recalculated import Made, Recalculated, recalculated
from tests.templates.wire import sent

SIGNALS = sent(200, scalps=20)
WITH_SIZES = ("signals", "futures", "scalping")


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Recalculated]:
    """Every built-in template, a track record with all signals; those with sizes with odd settings, too: `NAME odd`."""
    made = [
        Made(name=name, template=name, signals=SIGNALS if name == "paper" else SIGNALS[::2], known=judged)
        for name in built_in()
    ]
    odd = [
        Made(name=f"{name} odd", template=name, signals=SIGNALS[::3], settings=ODD.cells(name))
        for name in WITH_SIZES
    ]
    own = str(_BUILT_IN / "_dashboard_outcomes.toml")
    beside = Made(name="dashboard outcomes", template=own, signals=SIGNALS, known=judged)
    return recalculated([*made, *odd, beside], tmp_path_factory.mktemp("recalculated"))
