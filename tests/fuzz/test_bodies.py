"""Whatever the API sends, signals come of it or a reason why not; and text stays text in every cell."""

from __future__ import annotations

import pytest

from tests.fuzz.signals import check_body
from tests.fuzz.trying import findings, limited_findings


def test_any_body_gives_signals_or_the_reason_why_not() -> None:
    outcomes, found = findings(check_body, range(1_500))
    assert not found, "\n".join(found)
    assert set(outcomes) == {"signals", "rejects", "nothing", "no envelope"}


@pytest.mark.soak
def test_a_million_bodies_give_signals_or_the_reason_why_not() -> None:
    outcomes, found = limited_findings(check_body, range(1_500, 1_001_500))
    assert not found, "\n".join(found)
    assert outcomes.total() == 1_000_000
