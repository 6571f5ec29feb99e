"""Whatever the API sends, signals come of it or a reason why not; and text stays text in every cell."""

from __future__ import annotations

import pytest

from tests.fuzz.signals import check_body
from tests.fuzz.trying import findings, limited_findings
from tests.fuzz.whole_way import check_whole_way


def test_any_body_gives_signals_or_the_reason_why_not() -> None:
    outcomes, found = findings(check_body, range(1_500))
    assert not found, "\n".join(found)
    assert set(outcomes) == {"signals", "rejects", "nothing", "no envelope"}


def test_any_body_goes_the_whole_way_to_the_workbook_and_the_next_sync_finds_all_well() -> None:
    outcomes, found = findings(check_whole_way, range(9))
    assert not found, "\n".join(found)
    assert set(outcomes) == {"signals", "nothing", "refused"}


@pytest.mark.soak
def test_a_million_bodies_give_signals_or_the_reason_why_not() -> None:
    outcomes, found = limited_findings(check_body, range(1_500, 1_001_500))
    assert not found, "\n".join(found)
    assert outcomes.total() == 1_000_000


@pytest.mark.soak
def test_five_thousand_bodies_go_the_whole_way() -> None:
    outcomes, found = limited_findings(check_whole_way, range(9, 5_009))
    assert not found, "\n".join(found)
    assert outcomes["signals"] > 1_000
