"""A secret is shown only to whoever asks for it by name."""

from __future__ import annotations

import copy
import json
import pickle
from base64 import b64encode, urlsafe_b64encode
from dataclasses import asdict, dataclass
from urllib.parse import quote

import pytest

from cqs_sheets.core.secret import Secret, without_tokens

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


KEY = "Ab1/x-9Zq+77"
SPELLINGS = {
    "\\u": "".join(f"\\u{ord(sign):04X}" for sign in KEY),
    "\\u in part": KEY[:3] + "".join(f"\\u{ord(sign):04x}" for sign in KEY[3:]),
    "\\\\u": "".join(f"\\\\u{ord(sign):04x}" for sign in KEY),
    "\\x": "".join(f"\\x{ord(sign):02x}" for sign in KEY),
    "slashes": KEY.replace("/", "\\/"),
    "percent": "".join(f"%{ord(sign):02X}" for sign in KEY),
    "percent of what must be": quote(KEY, safe=""),
    "percent twice": quote(quote(KEY, safe=""), safe=""),
    "HTML by name": KEY.replace("/", "&sol;").replace("+", "&plus;"),
    "HTML": "".join(f"&#{ord(sign)};" for sign in KEY),
    "HTML, hexadecimal": "".join(f"&#x{ord(sign):X};" for sign in KEY),
    "base64": b64encode(KEY.encode()).decode(),
    "base64 of more": b64encode(f"user:{KEY} and".encode()).decode(),
    "base64 one on": b64encode(f"u:{KEY}!!".encode()).decode(),
    "base64 in an URL": quote(b64encode(f"v{KEY}".encode()), safe=""),
    "base64 for URLs": urlsafe_b64encode(f"u{KEY}".encode()).decode(),
}


@pytest.mark.parametrize("spelt", SPELLINGS.values(), ids=SPELLINGS)
def test_it_is_masked_however_it_is_spelt(spelt: str) -> None:
    shown = Secret(KEY).hide_in(f'{{"said": "no such key {spelt} here"}}')
    assert "***" in shown
    assert spelt not in shown
    assert not any(spelt[at : at + 12] in shown for at in range(2, len(spelt) - 14))
    assert Secret("other" + KEY).hide_in(spelt) == spelt


@pytest.mark.parametrize(
    "spelt", [*SPELLINGS.values(), "1//0gAbcDEfGhIjKlMnOp-QrStUv", "eyJhbGciOi1.eyJpc3MiOiJzaGVldHMtd3JpdGVy"]
)
def test_what_may_be_a_token_is_not_told(spelt: str) -> None:
    said = without_tokens(f"Token {spelt * 2} has been revoked.")
    assert said.startswith("Token ")
    assert spelt * 2 not in said


def test_what_a_server_says_is_told_otherwise() -> None:
    said = "The caller sheets-writer@my-project-123456.iam.gserviceaccount.com lacks roles/editor: PERMISSION_DENIED"
    assert without_tokens(said) == said
    assert len(without_tokens("so " * 10_000)) < 3_000


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
