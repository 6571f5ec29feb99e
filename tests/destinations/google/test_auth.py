"""Which credentials are used, and that nobody else can read them."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from google.oauth2.credentials import Credentials

from cqs_sheets.destinations.google.wire import failures
from cqs_sheets.destinations.google.wire.auth import (
    SCOPES,
    TOKEN_FILE,
    account_of,
    find_credentials,
    read_credentials_file,
    save_token,
)
from cqs_sheets.destinations.google.wire.signing_in import read_client
from cqs_sheets.errors import AccessRefused, UsageError

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
        find_credentials(tmp_path, named=tmp_path / "missing.json")


@pytest.mark.skipif(sys.platform != "linux", reason="devices of Linux")
@pytest.mark.parametrize("name", ["pipe", "/dev/zero", "/", "deep", "huge"])
def test_what_is_no_file_of_credentials_is_neither_waited_for_nor_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = tmp_path / name
    if name == "pipe":
        os.mkfifo(file)
    elif name in ("deep", "huge"):
        file.write_text("[" * 100_000 if name == "deep" else " " * 2_000_000)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    for options in ({"named": file}, {"file": file}):
        with pytest.raises(AccessRefused, match="no usable Google credentials"):
            find_credentials(tmp_path, **options)
    with pytest.raises(UsageError):
        read_credentials_file(file)
    with pytest.raises(UsageError):
        read_client(file)


def test_a_damaged_token_is_told(tmp_path: Path) -> None:
    (tmp_path / TOKEN_FILE).write_text("[]")
    with pytest.raises(AccessRefused, match="holds no token"):
        find_credentials(tmp_path)


ROBOT = {
    "type": "service_account",
    "client_email": "a@b.iam.gserviceaccount.com",
    "token_uri": "https://x.test",
}
PYTHONS = ("Error(", "error(", "Traceback", "object has no", "Errno", "b'", "('", "char 0")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "it is not whole"),
        ("not json", "it is not whole"),
        ("\xff\xfe", "it is not whole"),
        ("[]", "damaged"),
        ("{}", "holds no credentials"),
        ('{"installed": {"client_id": "x"}}', "holds no credentials"),
        ('{"type": "service_account"}', "lacks something"),
        ('{"type": "authorized_user"}', "lacks something"),
        ('{"type": "external_account"}', "lacks something"),
        (json.dumps({**ROBOT, "private_key": "cut"}), "private key in the file is damaged"),
        (
            json.dumps(
                {**ROBOT, "private_key": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"}
            ),
            "private key in the file is damaged",
        ),
    ],
)
def test_a_damaged_key_file_is_told_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, cause: str
) -> None:
    path = tmp_path / "key.json"
    path.write_text(text, encoding="latin-1")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    with pytest.raises(AccessRefused, match=cause) as failure:
        find_credentials(tmp_path)
    assert not [word for word in PYTHONS if word in str(failure.value)]


@pytest.mark.parametrize("place", ["a folder", "nothing"])
def test_a_key_file_that_is_none_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setenv(
        "GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path if place == "a folder" else tmp_path / "no")
    )
    with pytest.raises(AccessRefused, match=tmp_path.name) as failure:
        find_credentials(tmp_path)
    assert not [word for word in PYTHONS if word in str(failure.value)]


@pytest.mark.parametrize(
    ("said", "cause", "mend"),
    [
        (
            (
                "invalid_grant: Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable"
                " timeframe. Check your iat and exp values in the JWT claim."
            ),
            "clock",
            "automatic time",
        ),
        ("invalid_grant: Invalid JWT Signature.", "deleted or disabled", "fresh key"),
        ("invalid_grant: Token has been expired or revoked.", "expired", "init --google-client"),
        ("admin_policy_enforced", "policy of your organisation", "administrator"),
        (
            "Error code unauthorized_client: The given credential is rejected by the attribute condition.",
            "Workload Identity",
            "attribute condition",
        ),
        (
            "Unable to acquire impersonated credentials; Permission 'iam.serviceAccounts.getAccessToken' denied",
            "Workload Identity",
            "Workload Identity User",
        ),
        ("something new", "something new", "Sign in again"),
    ],
)
def test_a_refused_sign_in_says_its_cause(said: str, cause: str, mend: str) -> None:
    error = failures.not_authenticated(said)
    assert cause in error.message
    assert mend in error.hint


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        (
            "The sheets.googleapis.com API requires a quota project, which is not set by default.",
            "set-quota-project",
        ),
        (
            "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: x",
            "administrator",
        ),
        ("The caller does not have permission", "robot@x"),
        ("Request had insufficient authentication scopes.", "allow Google Sheets"),
        (
            "Google Sheets API has not been used in project 1 before or it is disabled.",
            "Turn the Google Sheets API on",
        ),
    ],
)
def test_a_refused_permission_says_its_cause(said: str, mend: str) -> None:
    assert mend in failures.not_permitted(said, name="Book", account="robot@x").hint
