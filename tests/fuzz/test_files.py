"""Whatever a workbook, a config or a template holds, it is used or refused: no crash, no hang, no damage."""

from __future__ import annotations

import pytest

from tests.fuzz.toml_files import check_config, check_template
from tests.fuzz.trying import findings, limited_findings
from tests.fuzz.workbooks import check_workbook


def test_any_workbook_is_synced_or_left_as_it_was() -> None:
    outcomes, found = findings(check_workbook, range(60))
    assert not found, "\n".join(found)
    assert outcomes["synced"] > 25
    assert outcomes["DataRefused"] > 12


def test_any_config_gives_settings_or_a_refusal_that_names_the_file() -> None:
    outcomes, found = findings(check_config, range(100))
    assert not found, "\n".join(found)
    assert set(outcomes) == {"settings", "refused"}


def test_any_template_is_good_or_refused_with_the_file_named() -> None:
    outcomes, found = findings(check_template, range(30))
    assert not found, "\n".join(found)
    assert set(outcomes) == {"template", "refused"}


@pytest.mark.soak
def test_eighty_six_thousand_workbooks_are_synced_or_left_as_they_were() -> None:
    outcomes, found = limited_findings(check_workbook, range(60, 86_060))
    assert not found, "\n".join(found)
    assert outcomes["synced"] > 20_000


@pytest.mark.soak
def test_ten_thousand_configs_give_settings_or_refusals() -> None:
    outcomes, found = limited_findings(check_config, range(100, 10_100))
    assert not found, "\n".join(found)
    assert outcomes.total() == 10_000


@pytest.mark.soak
def test_four_thousand_templates_are_good_or_refused() -> None:
    outcomes, found = limited_findings(check_template, range(30, 4_030))
    assert not found, "\n".join(found)
    assert outcomes.total() == 4_000
