"""A credentials file that Google's console hands out: what kind it is, and whom to share a sheet with."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cqs_sheets.errors import UsageError

_IMPERSONATED = re.compile(r"/serviceAccounts/([^/:]+@[^/:]+):generateAccessToken")
_NOTHING = "Nothing was asked of Google."
_OTHERS = {
    "authorized_user": "your own Google account",
    "external_account_authorized_user": "an account of your organisation",
    "impersonated_service_account": "a service account, acted for",
}
_HINT = (
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
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", meaning=_NOTHING, hint=_HINT) from None
    except ValueError:
        document = None
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "service_account" and "@" in str(document.get("client_email")):
        return CredentialsFile("a service account", str(document["client_email"]))
    known = {"external_account": "Workload Identity Federation", **_OTHERS}
    if kind in known:
        found = _IMPERSONATED.search(str(document.get("service_account_impersonation_url")))
        return CredentialsFile(known[kind], found[1] if found else "")
    raise UsageError(f"{path} holds no credentials for Google Sheets.", meaning=_NOTHING, hint=_HINT)
