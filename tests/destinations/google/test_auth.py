"""Which credentials are used, and that nobody else can read them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from google.oauth2.credentials import Credentials

from cqs_sheets.destinations.google.account.auth import (
    SCOPES,
    TOKEN_FILE,
    account_of,
    find_credentials,
    save_token,
)
from cqs_sheets.errors import AccessRefused

USER = {"client_id": "id", "client_secret": "secret", "refresh_token": "refresh"}


def test_a_signed_in_users_token_is_kept_for_their_eyes_only(tmp_path: Path) -> None:
    path = save_token(tmp_path / "new", USER)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["type"] == "authorized_user"


def test_a_signed_in_user_is_used(tmp_path: Path) -> None:
    save_token(tmp_path, USER)
    found = find_credentials(tmp_path)
    assert isinstance(found, Credentials)
    assert list(found.scopes or ()) == list(SCOPES)
    assert account_of(found) == ""


def test_a_file_named_in_the_environment_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_token(tmp_path, USER)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(AccessRefused, match="missing"):
        find_credentials(tmp_path, file_named=True)


def test_a_damaged_token_is_told(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).write_text("[]")
    with pytest.raises(AccessRefused, match="holds no token"):
        find_credentials(tmp_path)
