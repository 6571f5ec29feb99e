"""Google's refusals, told for the person whose spreadsheet it is."""

from __future__ import annotations

import json
from typing import Any

from cqs_sheets.destinations.google.wire.causes import cause_of
from cqs_sheets.errors import AccessRefused, CqsError, DataRefused, TargetBusy, TargetChanged, UsageError

MOST_CELLS = 10_000_000
_NOTHING = "Nothing was written; the rows wait in the journal."
_FULL = "above the limit of"
_PROTECTED = "protected cell"
_MERGED = "merge"
_GONE = ("No grid with id", "exceeds grid limits", "Unable to parse range")
_OFFICE = "not supported for this document"
_NO_SHEET = "Request contains an invalid argument."  # Google's words for a folder, a PDF...


class Refused(Exception):
    """HTTP 400: Google will not do this, and has not done any of it."""


_USED_UP = {"ratelimitexceeded", "userratelimitexceeded", "quotaexceeded", "rate_limit_exceeded"}


def is_quota(body: bytes) -> bool:
    """Whether a refusal is about the number of requests: Google says so with 429, and at times with 403."""
    try:
        error: Any = json.loads(body)["error"]
        reasons = [each.get("reason") for each in (*error.get("errors", ()), *error.get("details", ()))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return any(str(reason).lower() in _USED_UP for reason in reasons)


def told(body: bytes) -> tuple[str, str]:
    """Google's words and its status word, from the body of an error."""
    try:
        error: Any = json.loads(body)["error"]
        return str(error.get("message", "")), str(error.get("status", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return body[:200].decode(errors="replace"), ""


def not_permitted(message: str, *, name: str, account: str) -> CqsError:
    """HTTP 403."""
    cause = cause_of(message)
    if cause:
        hint = cause.mend
    elif "scope" in message.lower():
        hint = "Sign in again and allow Google Sheets (scope https://www.googleapis.com/auth/spreadsheets)."
    elif "has not been used in project" in message or "is disabled" in message:
        hint = "Turn the Google Sheets API on for the project of these credentials, wait a minute, run again."
    elif account:
        hint = f"Share the spreadsheet with {account} as an editor (button Share), then run again."
    else:
        hint = "Share the spreadsheet as an editor with the Google account that you signed in with."
    return AccessRefused(
        f"Google does not let us into {name}: {message.rstrip('.')}{f': {cause.what}' if cause else ''}.",
        meaning=_NOTHING,
        hint=hint,
    )


def not_found(name: str) -> CqsError:
    """HTTP 404."""
    return UsageError(
        f"Google knows no spreadsheet {name}.",
        meaning=_NOTHING,
        hint="Open it in a browser and copy the address again; look into the bin of Google Drive.",
    )


def not_authenticated(detail: str) -> CqsError:
    """HTTP 401 after the token was renewed, or a renewal that was refused."""
    cause = cause_of(detail)
    return AccessRefused(
        f"Google does not accept the credentials: {f'{cause.what} ({detail})' if cause else detail}.",
        meaning=_NOTHING,
        hint=cause.mend
        if cause
        else "Sign in again, or give a fresh key file in GOOGLE_APPLICATION_CREDENTIALS.",
    )


def away(name: str, detail: str) -> CqsError:
    """No answer or a 5xx until patience ran out."""
    return TargetBusy(
        f"Google Sheets did not answer for {name}: {detail}",
        meaning="Rows that were not written wait in the journal.",
        hint="Run it again in a few minutes.",
    )


def over_quota(name: str) -> CqsError:
    """HTTP 429 for longer than we may wait."""
    return TargetBusy(
        f"Google's limit of requests per minute is used up ({name}).",
        meaning=_NOTHING,
        hint="Run it again in a minute; other programs with the same credentials count as well.",
        kind="quota",
    )


def full(name: str) -> CqsError:
    """More cells than Google holds."""
    return TargetBusy(
        f"{name} is full: a Google spreadsheet holds {MOST_CELLS:,} cells.",
        meaning=_NOTHING,
        hint="Delete blank rows, columns or tabs, or name a new spreadsheet.",
        kind="full",
    )


def unreadable(error: Refused, *, name: str) -> CqsError:
    """HTTP 400 to a question: what is not a spreadsheet of Google's own."""
    message = str(error)
    if _OFFICE in message:
        return UsageError(
            f"{name} is an Office file in Google Drive, not a Google Sheet.",
            meaning=_NOTHING,
            hint="Open it there, choose File, Save as Google Sheets, and give the new one's address.",
        )
    if message == _NO_SHEET:
        return UsageError(
            f"{name} is no spreadsheet: {message}",
            meaning=_NOTHING,
            hint="Open the Google Sheet in a browser and copy its address again.",
        )
    if any(gone in message for gone in _GONE):
        return TargetChanged(
            f"A tab of {name} was deleted or cut while it was read.",
            meaning="Nothing was written; the rows wait in the journal.",
            hint="Run the sync again.",
        )
    return _ours(f"Google refused a question about {name}: {message}")


def refused(error: Refused, *, name: str) -> CqsError:
    """HTTP 400 to a write that does not go away by reading again."""
    message = str(error)
    if _FULL in message:
        return full(name)
    if _PROTECTED in message:
        return AccessRefused(
            f"A protection in {name} forbids this write: {message}",
            meaning=_NOTHING,
            hint="Allow this account to edit the protected range (Data, Protect sheets and ranges).",
        )
    if _MERGED in message:
        return DataRefused(
            f"A merged cell in {name} is in the way: {message}",
            meaning=_NOTHING,
            hint="Unmerge the cells in the rows of the signals (Format, Merge cells, Unmerge).",
        )
    return _ours(f"Google refused a write to {name}: {message}")


def _ours(what: str) -> CqsError:
    """Whatever Google will not do, it has done none of it."""
    return DataRefused(what, meaning=_NOTHING, hint="Report this: it is a mistake of cqs-sheets.")
