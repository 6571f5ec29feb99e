"""Which addresses are accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.api import ApiClient, endpoint
from cqs_sheets.api.address import is_loopback
from cqs_sheets.core.secret import Secret
from cqs_sheets.errors import UsageError


@pytest.mark.parametrize(
    ("setting", "asked"),
    [
        ("https://api.cryptoqualitysignals.com", "https://api.cryptoqualitysignals.com/getSignal/"),
        ("https://api.cryptoqualitysignals.com/", "https://api.cryptoqualitysignals.com/getSignal/"),
        (" https://host:8443/api/v1/getSignal\n", "https://host:8443/api/v1/getSignal"),
        ("http://localhost:8000", "http://localhost:8000/getSignal/"),
        ("http://127.9.9.9/v1/getSignal/", "http://127.9.9.9/v1/getSignal/"),
        ("http://[::1]:80", "http://[::1]:80/getSignal/"),
        ("HTTPS://host", "https://host/getSignal/"),
    ],
)
def test_a_setting_becomes_the_address_to_ask(setting: str, asked: str) -> None:
    assert endpoint(setting) == asked


@pytest.mark.parametrize(
    "setting",
    [
        "http://api.cryptoqualitysignals.com",
        "http://127.0.0.1.elsewhere.com",
        "http://localhost.elsewhere.com",
        "http://2130706433",
        "http://0.0.0.0",
        "http://[::]",
        "https://user:topsecret@host",
        "https://topsecret@host",
        "http://127.0.0.1@elsewhere.com",
        "http://127.0.0.1\\@elsewhere.com",
        "https://host/getSignal/?api_key=topsecret",
        "https://host/#topsecret",
        "https://host:port",
        "https://host:99999",
        "https://[::1",
        "https://",
        "ftp://host",
        "host",
        "",
        "https://hö.st",
        "https://ho st",
        "https://host/a\r\nb",
    ],
)
def test_other_addresses_are_refused_without_being_quoted(setting: str) -> None:
    with pytest.raises(UsageError) as caught:
        endpoint(setting)
    assert "topsecret" not in str(caught.value)
    assert "CQS_API_URL" in caught.value.hint


@given(st.text(max_size=40).map("http://".__add__))
def test_whatever_is_accepted_without_tls_is_this_computer(setting: str) -> None:
    try:
        asked = endpoint(setting)
    except UsageError:
        return
    assert is_loopback(asked)


@pytest.mark.parametrize("key", ["", " ", "abc def", "abc\n", "abc\x00def", "free", "Free", "x" * 600])
def test_a_key_that_can_be_none_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(UsageError, match="API key") as caught:
        ApiClient(key=Secret(key))
    assert key.strip() in ("", "free", "Free") or key not in str(caught.value)
