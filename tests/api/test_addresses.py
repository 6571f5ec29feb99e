"""Which addresses are accepted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cqs_sheets.api import ApiClient, endpoint
from cqs_sheets.api.transport import leads_here, redirected
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


@pytest.mark.parametrize(
    ("url", "location", "target"),
    [
        ("https://host/a", "/b?c#d", "https://host/b?c"),
        ("https://host/a", "https://HOST:443/b", "https://HOST:443/b"),
        ("http://[::1]:80/a", "http://[::1]/b", "http://[::1]/b"),
        ("https://host/a", "http://host/b", None),
        ("https://host/a", "https://host:444/b", None),
        ("https://host/a", "https://host:80/b", None),
        ("https://host/a", "https://host.elsewhere.com/b", None),
        ("https://host/a", "https://[/b", None),
    ],
)
def test_a_redirect_leads_somewhere_only_within_scheme_host_and_port(
    url: str, location: str, target: str | None
) -> None:
    assert redirected(url, location) == target


@given(st.text(max_size=40).map("http://".__add__))
def test_whatever_is_accepted_without_tls_is_this_computer(setting: str) -> None:
    try:
        asked = endpoint(setting)
    except UsageError:
        return
    assert leads_here(asked)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("", "is empty"),
        (" ", "blanks"),
        ("abc def", "blanks"),
        ("abc\n", "characters that no key has"),
        ("abc\x00def", "characters that no key has"),
        ("x" * 600, "characters that no key has"),
        ("free", "FREE, in capitals"),
        ("Free", "FREE, in capitals"),
    ],
)
def test_a_key_that_can_be_none_is_refused_before_anything_is_sent(key: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        ApiClient(key=Secret(key))
    assert key.strip() in ("", "free", "Free") or key not in str(caught.value)
