"""A credentials file that Google's console hands out: what kind it is, and whom to share a sheet with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import google.auth
from google.auth import external_account
from google.auth.credentials import Credentials, with_scopes_if_required
from google.auth.exceptions import GoogleAuthError
from google.oauth2.credentials import Credentials as UserCredentials
from google.oauth2.service_account import Credentials as ServiceAccount

from cqs_sheets.destinations.google.wire.exchange import Wire
from cqs_sheets.destinations.google.wire.failures import cause_of, words_of
from cqs_sheets.errors import ROWS_WAIT, AccessRefused, UsageError
from cqs_sheets.files import small_text
from cqs_sheets.patterns import regex
from cqs_sheets.values import dataclass

_IMPERSONATED = regex(r"/serviceAccounts/([^/:]+@[^/:]+):generateAccessToken")
_NOTHING = "Nothing was asked of Google."
_OTHERS = {
    "authorized_user": "your own Google account",
    "external_account_authorized_user": "an account of your organisation",
    "impersonated_service_account": "a service account, acted for",
}
_FILE_HINT = (
    "Give the JSON file of a service account (Keys, Add key, JSON) or of Workload Identity Federation;"
    " an OAuth client's file goes with --google-client."
)


@dataclass(frozen=True, slots=True)
class CredentialsFile:
    """`account` is the e-mail to share with; "" if only Google knows it."""

    kind: str
    account: str


def read_credentials_file(path: Path) -> CredentialsFile:
    """Look into a file; nothing is asked of Google. Raises UsageError if it holds no credentials for us."""
    try:
        document: Any = json.loads(small_text(path))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", meaning=_NOTHING, hint=_FILE_HINT
        ) from None
    except (ValueError, RecursionError):
        document = None
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "service_account" and "@" in str(document.get("client_email")):
        return CredentialsFile("a service account", str(document["client_email"]))
    known = {"external_account": "Workload Identity Federation", **_OTHERS}
    if kind in known:
        found = _IMPERSONATED.search(str(document.get("service_account_impersonation_url")))
        return CredentialsFile(known[kind], found[1] if found else "")
    raise UsageError(f"{path} holds no credentials for Google Sheets.", meaning=_NOTHING, hint=_FILE_HINT)


SCOPES = ("https://www.googleapis.com/auth/spreadsheets",)
TOKEN_FILE = "google-token.json"  # noqa: S105 - a name

_HINT = (
    "Set GOOGLE_APPLICATION_CREDENTIALS to a service account's or Workload Identity Federation's file,"
    " or sign in with `cqs-sheets init --google-client FILE`; `cqs-sheets init` explains both."
)


class _MadeUp(Credentials):  # type: ignore[misc,no-untyped-call,unused-ignore]
    """A token for an emulator, which knows the account by it; every renewal gives another."""

    def __init__(self, account: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call,unused-ignore]
        self._account = account
        self._renewed = 0
        self.token = self._made_up()

    def _made_up(self) -> str:
        return f"made-up-{self._renewed}{self._account and '-'}{self._account}"

    def refresh(self, request: object) -> None:
        del request
        self._renewed += 1
        self.token = self._made_up()


def open_wire(
    *, root: str | None, config_folder: Path, named: Path | None = None, file: Path | None = None
) -> tuple[Wire, str]:
    """A connection, and the account to share spreadsheets with ("" if that is the user's own).

    `root` is an emulator's address on this machine; `named` in GOOGLE_APPLICATION_CREDENTIALS
    goes before a user signed in with us; `file` is a service account's key, before both. Raises
    AccessRefused without credentials.
    """
    if root is not None:
        return Wire(_MadeUp(read_credentials_file(file).account if file else ""), root=root), ""
    credentials = find_credentials(config_folder, named=named, file=file)
    return Wire(credentials), account_of(credentials)


def find_credentials(
    config_folder: Path, *, named: Path | None = None, file: Path | None = None
) -> Credentials:
    """Those of a service account's file, of a user signed in with us, or Application Default Credentials.

    Raises AccessRefused.
    """
    token = config_folder / TOKEN_FILE
    try:
        if one := file or named:
            small_text(one)  # Google's library reads whatever it is, and to its end
        if file:
            found = ServiceAccount.from_service_account_file(str(file))  # type: ignore[no-untyped-call]
        elif signed_in(config_folder) and not named:
            return _signed_in(token)
        else:  # with scopes it would ask Google for a project, which we do not need
            found, _ = google.auth.default()
    except (
        GoogleAuthError,
        OSError,
        ValueError,
        AttributeError,
        LookupError,
        TypeError,
        RecursionError,
    ) as error:
        raise _unusable(error) from error
    scoped: Credentials = with_scopes_if_required(found, list(SCOPES))  # type: ignore[no-untyped-call]
    return scoped


def _unusable(error: Exception) -> AccessRefused:
    """Google's library reads files unchecked: what it stumbles over is a damaged one."""
    if isinstance(error, OSError):
        said = f"{error.filename}: {(error.strerror or 'it cannot be read').lower()}"
    elif isinstance(error, GoogleAuthError | ValueError) and not isinstance(error, json.JSONDecodeError):
        said = words_of(error).partition(". ")[0].partition(" See ")[0]
    else:
        said = "the credentials file is damaged"
    cause = None if isinstance(error, OSError) else cause_of(f"{said} {words_of(error, inner=True)}")
    reason = f"{cause.what} ({said})" if cause else said or "no reason told"
    return AccessRefused(
        f"There are no usable Google credentials: {reason}.",
        meaning=ROWS_WAIT,
        hint=cause.mend if cause else _HINT,
    )


def signed_in(config_folder: Path) -> bool:
    """Whether the token of a user who signed in with us is there."""
    return (config_folder / TOKEN_FILE).exists()


def _signed_in(token: Path) -> Credentials:
    document: Any = json.loads(small_text(token))
    if not isinstance(document, Mapping):
        raise ValueError(f"{token} holds no token")  # noqa: TRY004 - the file is wrong, not the caller
    found: Credentials = UserCredentials.from_authorized_user_info(  # type: ignore[no-untyped-call]
        document, scopes=list(SCOPES)
    )
    return found


def save_token(config_folder: Path, document: Mapping[str, object]) -> Path:
    """Keep a signed-in user's token (Google's "authorized_user" form), for this user's eyes only."""
    config_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = config_folder / TOKEN_FILE
    staged = path.with_suffix(".new")
    staged.unlink(missing_ok=True)
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"type": "authorized_user", **document}, file)
    staged.replace(path)
    return path


def account_of(credentials: Credentials) -> str:
    """The e-mail address to share a spreadsheet with; "" if only Google knows it."""
    email = getattr(credentials, "service_account_email", None)
    return email if isinstance(email, str) and "@" in email else ""


def kind_of(credentials: Credentials) -> str:
    """What kind of credentials these are, in a few words."""
    if isinstance(credentials, UserCredentials):
        return "your own Google account"
    if isinstance(credentials, external_account.Credentials):
        return "Workload Identity Federation"
    return "a service account" if account_of(credentials) else type(credentials).__name__
