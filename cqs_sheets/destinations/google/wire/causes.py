"""Why Google (or its library) refuses a sign-in, by its words; told as a cause and what to do about it.

The words are Google's own, from its public documents and from reports of users. What is not known here is
told as Google says it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
            parts.append(" ".join(arg.partition(" URI:")[0].split())[:_LONGEST].rstrip(".- "))
    return "; ".join(dict.fromkeys(filter(None, parts)))
