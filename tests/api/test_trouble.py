"""Failures of the network in words a person understands."""

from __future__ import annotations

import socket
import ssl

import pytest
from requests import exceptions as http
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import MaxRetryError, NameResolutionError, ProtocolError

from cqs_sheets.api.transport import failure_of


def unresolved() -> Exception:
    reason = NameResolutionError(
        "api.invalid", HTTPSConnection("api.invalid"), socket.gaierror(-2, "unknown")
    )
    reason.__cause__ = socket.gaierror(-2, "unknown")
    return http.ConnectionError(MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


def unverified() -> Exception:
    return http.SSLError(MaxRetryError(None, "/", ssl.SSLCertVerificationError("expired")))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "words", "passing"),
    [
        (unresolved(), "name could not be found", True),
        (unverified(), "certificate could not be verified", False),
        (http.SSLError("eof"), "no secure connection", True),
        (http.ProxyError("no"), "proxy", True),
        (http.ConnectTimeout("late"), "no answer in time", True),
        (http.InvalidURL("label too long"), "address cannot be used", False),
        (http.ConnectionError(ProtocolError("aborted", ConnectionResetError(104))), "connection broke", True),
    ],
)
def test_each_failure_has_its_own_words(error: Exception, words: str, passing: bool) -> None:
    trouble = failure_of(error)
    assert words in trouble.what
    assert trouble.passing is passing


def test_exceptions_that_lead_back_to_themselves_are_no_trap() -> None:
    error = http.ConnectionError("broken")
    error.__context__ = other = OSError("reset")
    other.__context__ = error
    assert "connection broke" in failure_of(error).what
