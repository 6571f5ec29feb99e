"""A secret is shown only to whoever asks for it by name."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict, dataclass

import pytest

from cqs_sheets.core.secret import Secret

SECRET = Secret("topsecret")


@pytest.mark.parametrize(
    "shown", [str(SECRET), repr(SECRET), f"{SECRET}", f"{SECRET!r:>20}", f"{[SECRET]}", f"{SECRET:>9}"]
)
def test_no_way_of_printing_shows_it(shown: str) -> None:
    assert "topsecret" not in shown
    assert "***" in shown


def test_it_can_be_revealed_and_compared() -> None:
    assert SECRET.reveal() == "topsecret"
    assert Secret("topsecret") == SECRET
    assert hash(SECRET) == hash(Secret("topsecret"))
    assert Secret("other") != SECRET
    assert SECRET != "topsecret"


def test_only_the_literal_free_key_is_free() -> None:
    assert Secret("FREE").is_free
    assert not any(Secret(text).is_free for text in ("free", "FREE ", "", "FREEMIUM"))


def test_it_is_masked_in_other_text_but_the_free_key_is_a_word_like_others() -> None:
    assert SECRET.hide_in("bad key topsecret!") == "bad key ***!"
    assert Secret("FREE").hide_in("FREE tier") == "FREE tier"
    assert Secret("").hide_in("abc") == "abc"


def test_it_cannot_be_written_anywhere_by_accident() -> None:
    @dataclass
    class Settings:
        key: Secret

    with pytest.raises(TypeError):
        pickle.dumps(SECRET)
    with pytest.raises(TypeError):
        json.dumps({"key": SECRET})
    with pytest.raises(TypeError):
        copy.deepcopy(SECRET)
    with pytest.raises(TypeError):
        asdict(Settings(SECRET))
    assert not hasattr(SECRET, "__dict__")
