"""A config made of a person's answers says what they answered, whatever it was."""

from __future__ import annotations

import os
import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets import config
from cqs_sheets.config.document import NewConfig, config_text
from cqs_sheets.core.signals.exchanges import CURRENCIES, EXCHANGES, TYPES
from cqs_sheets.errors import UsageError

FOLDER = Path(tempfile.gettempdir())
SHEET = "https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789/edit#gid=0"
texts = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\x7f"), min_size=1, max_size=40
)
paths = texts.map(lambda text: f"{text.strip()}.xlsx").filter(lambda text: ":" not in text)


def some(known: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(known), unique=True, max_size=4).map(tuple)


answers = st.builds(
    NewConfig,
    to=paths | st.just(SHEET),
    template=st.sampled_from(["raw", "signals", "mine/own.toml"]),
    timezone=st.sampled_from(["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"]),
    exchange=some(list(EXCHANGES)),
    currency=some(list(CURRENCIES)),
    type=some(list(TYPES)),
)


@given(answers)
def test_what_is_answered_is_what_is_loaded(given: NewConfig) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cqs-sheets.toml"
        path.write_text(config_text(given, path.parent), encoding="utf-8")
        made = config.load(config=path, environ={}, cwd=Path(folder))
    feed, target = made.feeds[0], made.targets[0]
    assert (feed.exchange, feed.currency, feed.type) == (given.exchange, given.currency, given.type)
    assert target.to == given.to
    assert str(made.zone) == given.timezone
    assert target.template in (given.template, os.path.join(folder, given.template).replace("/", os.sep))  # noqa: PTH118


@given(texts)
def test_a_key_file_stays_what_it_is(text: str) -> None:
    made = tomllib.loads(config_text(NewConfig(key_file=f"a{text}"), FOLDER))
    assert made["api"]["key_file"] == f"a{text}"


def test_a_key_command_keeps_its_quotes() -> None:
    command = "sh -c 'pass show \"cqs key\"'"
    made = tomllib.loads(config_text(NewConfig(key_command=command), FOLDER))
    assert made["api"]["key_command"] == command


def test_an_answer_that_cannot_be_is_refused_with_its_mend() -> None:
    with pytest.raises(UsageError, match="Europe/Berlin"):
        config_text(NewConfig(timezone="Berlin"), FOLDER)


def test_without_answers_it_is_the_sample_that_looks_back_as_far_as_the_api_does() -> None:
    text = config_text(NewConfig(), FOLDER)
    assert text == config.sample()
    assert "interval = 20 " in text


@pytest.mark.parametrize(
    ("variable", "zone"),
    [(":America/Lima", "America/Lima"), ("Etc/UTC", "UTC"), ("nonsense", "UTC")],
)
def test_the_machines_zone_is_a_name_that_can_be_used(
    monkeypatch: pytest.MonkeyPatch, variable: str, zone: str
) -> None:
    monkeypatch.setenv("TZ", variable)
    monkeypatch.setattr("tzlocal.unix._cache_tz_name", None)  # it is looked up once and then remembered
    assert config.machine_zone() == zone
