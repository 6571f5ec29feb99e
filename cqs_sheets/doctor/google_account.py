"""Who we are to Google: which credentials there are, and the account to share a spreadsheet with."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cqs_sheets.doctor.finding import Finding, fail, ok, warn
from cqs_sheets.errors import CqsError

_SUBJECT = "Google account"
_OTHERS = 0o077


def check_account(config_folder: Path, *, file_named: bool, emulator: str | None) -> Iterator[Finding]:
    """The credentials that a sync would use; nothing is asked of Google."""
    if emulator is not None:
        yield ok(_SUBJECT, "google.credentials", f"an emulator at {emulator}: no credentials are looked at")
        return
    from cqs_sheets.destinations.google.account.auth import (  # noqa: PLC0415 - google-auth is slow to import
        TOKEN_FILE,
        account_of,
        find_credentials,
        kind_of,
    )

    try:
        credentials = find_credentials(config_folder, file_named=file_named)
    except CqsError as error:
        yield fail(_SUBJECT, "google.credentials", error)
        return
    account = account_of(credentials)
    share = f"; share the spreadsheet with {account} as an editor" if account else ""
    yield ok(
        _SUBJECT,
        "google.credentials",
        f"{kind_of(credentials)}{share}",
        details=["It is asked for the scope spreadsheets alone."],
    )
    yield from _mode(config_folder / TOKEN_FILE)


def _mode(token: Path) -> Iterator[Finding]:
    if os.name == "posix" and token.exists() and token.stat().st_mode & _OTHERS:
        yield warn(
            _SUBJECT,
            "google.token_mode",
            f"Other users of this computer can read {token}, and so write your spreadsheets.",
            f"Run `chmod 600 {token}`.",
            fix=lambda: token.chmod(0o600),
        )
