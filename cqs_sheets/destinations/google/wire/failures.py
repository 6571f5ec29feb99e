"""Why Google (or its library) refuses a sign-in, by its words; told as a cause and what to do about it.

The words are Google's own, from its public documents and from reports of users. What is not known here is
told as Google says it.
"""

from __future__ import annotations

import json
import re
from typing import Any

from cqs_sheets.core.secret import without_tokens
from cqs_sheets.errors import AccessRefused, CqsError, DataRefused, TargetBusy, TargetChanged, UsageError
from cqs_sheets.values import dataclass

_LONGEST = 300


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong, as a clause, and what to do."""

    what: str
    mend: str


_FRESH = (
    "Get a fresh key (Google Cloud console, IAM & Admin, Service Accounts, Keys, Add key, JSON) and name it"
    " in GOOGLE_APPLICATION_CREDENTIALS."
)
_AGAIN = "Sign in again with `cqs-sheets init --google-client FILE`."
_FEDERATION = (
    r"getAccessToken|impersonated cred|attribute condition|workloadIdentity|invalid_target|subject_token"
    r"|audience|identity pool"
)
_POLICY = (
    r"organi[sz]ation'?s? polic|admin_policy_enforced|org_internal|vpcServiceControls|orgpolicy"
    r"|constraints/|administrator|SECURITY_POLICY_VIOLATED"
)
_CAUSES = (
    (
        _FEDERATION,
        Cause(
            "Workload Identity Federation does not let this caller in",
            "Compare the provider's audience and attribute condition with where this runs, and give that identity"
            " the role Workload Identity User on the service account.",
        ),
    ),
    (
        r"reasonable timeframe|iat and exp|short-lived token|is stale|not yet valid|used too early",
        Cause(
            "this machine's clock is wrong",
            "Set the clock (turn automatic time on), then run again.",
        ),
    ),
    (
        r"quota project|serviceusage|user project specified|USER_PROJECT_DENIED",
        Cause(
            "these credentials name no project that may pay for the requests (a quota project)",
            "Run `gcloud auth application-default set-quota-project PROJECT` with a project that has the Google"
            " Sheets API turned on, or use a service account's file.",
        ),
    ),
    (
        _POLICY,
        Cause(
            "a policy of your organisation forbids it",
            "Ask its administrator to allow this account and the Google Sheets API, or use an account and a"
            " spreadsheet outside of it.",
        ),
    ),
    (
        r"JWT Signature|account not found|account deleted|account_deleted|disabled_client|account is disabled",
        Cause("the service account or its key was deleted or disabled", _FRESH),
    ),
    (
        r"deleted_client|invalid_client|unauthorized_client",
        Cause("the OAuth client is gone or was changed", _AGAIN),
    ),
    (
        r"expired or revoked|invalid_rapt|reauth",
        Cause(
            "the sign-in has expired or was taken back (while a project is in testing, after 7 days)",
            _AGAIN,
        ),
    ),
    (
        r"PEM|deserialize|private key|key data|unsupported key",
        Cause("the private key in the file is damaged", _FRESH),
    ),
    (
        r"not a valid json|Expecting |delimiter|decode|Is a directory",
        Cause("the credentials file is damaged: it is not whole", _FRESH),
    ),
    (
        r"missing fields|not in the expected format|Failed to load",
        Cause("the credentials file lacks something", _FRESH),
    ),
    (
        r"valid type",
        Cause(
            "the file named holds no credentials",
            "Name a service account's or Workload Identity Federation's file; an OAuth client's file goes with"
            " `cqs-sheets init --google-client FILE`.",
        ),
    ),
)


def cause_of(words: str) -> Cause | None:
    """The cause that Google's words speak of."""
    return next((cause for pattern, cause in _CAUSES if re.search(pattern, words, re.IGNORECASE)), None)


def words_of(error: BaseException, *, inner: bool = False) -> str:
    """What an exception of Google's library says; with `inner` also what those inside it say, in Python's words."""
    parts = []
    for arg in error.args:
        if isinstance(arg, BaseException) and inner:
            parts.append(words_of(arg, inner=True))
        elif isinstance(arg, str):
            said = without_tokens(" ".join(arg.partition(" URI:")[0].split()))
            parts.append(said[:_LONGEST].rstrip(".- "))
    return "; ".join(dict.fromkeys(filter(None, parts)))


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
        message, status = str(error.get("message", "")), str(error.get("status", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        message, status = body[:_LONGEST].decode(errors="replace"), ""
    return without_tokens(message)[:_LONGEST], without_tokens(status)[:_LONGEST]


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
