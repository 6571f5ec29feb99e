"""Failures as the service words them: {"error": {code, message, status, details}}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
TEXT = {
    500: "Internal error encountered.",
    502: "Bad Gateway",
    503: "The service is currently unavailable.",
    504: "Deadline expired before operation could complete.",
}


class ApiError(Exception):
    """An answer with an error status; `body` is the JSON of the answer."""

    def __init__(self, code: int, message: str, details: Sequence[Json] = (), *, status: str = "") -> None:
        super().__init__(message)
        self.status = status or STATUS[code]
        self.code = code
        self.message = message
        self.details = list(details)

    @property
    def body(self) -> Json:
        error: Json = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = self.details
        return {"error": error}


class Refusal(Exception):
    """One request of a batch, or one range, cannot be carried out; the caller adds where it stood."""


def invalid(message: str, violations: Sequence[tuple[str, str]] = ()) -> ApiError:
    """400; each violation is (field in snake_case, description)."""
    if not violations:
        return ApiError(400, message)
    fields = [
        {"field": field, "description": text} if field else {"description": text}
        for field, text in violations
    ]
    return ApiError(
        400, message, [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": fields}]
    )


def not_found() -> ApiError:
    return ApiError(404, "Requested entity was not found.")


def forbidden() -> ApiError:
    return ApiError(403, "The caller does not have permission")


def no_sheet(kind: str) -> ApiError:
    """What the Sheets API says of a file in Drive that is none of its own: an "office" file or any "other"."""
    if kind == "office":
        text = "This operation is not supported for this document. The document must not be an Office file."
        return ApiError(400, text, status="FAILED_PRECONDITION")
    return ApiError(400, "Request contains an invalid argument.")


def unauthenticated(*, missing: bool) -> ApiError:
    start = "Request is missing required" if missing else "Request had invalid"
    noun = "credential" if missing else "credentials"
    message = (
        f"{start} authentication {noun}. Expected OAuth 2 access token, login cookie or other valid "
        "authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project."
    )
    reason = "CREDENTIALS_MISSING" if missing else "ACCESS_TOKEN_EXPIRED"
    return ApiError(401, message, [_error_info(reason, {"service": "sheets.googleapis.com"})])


def rate_limited(kind: str, scope: str, limit: int) -> ApiError:
    """429; `kind` is Read or Write, `scope` is "" (the project) or " per user"."""
    message = (
        f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute{scope}' "
        "of service 'sheets.googleapis.com' for consumer 'project_number:1'."
    )
    metadata = {
        "quota_limit": f"{kind}RequestsPerMinutePer{'User' if scope else 'Project'}",
        "quota_limit_value": str(limit),
        "quota_location": "global",
        "quota_metric": f"sheets.googleapis.com/{kind.lower()}_requests",
        "service": "sheets.googleapis.com",
        "consumer": "projects/1",
    }
    return ApiError(429, message, [_error_info("RATE_LIMIT_EXCEEDED", metadata), _HIGHER_QUOTA])


def failure(code: int) -> ApiError:
    """An answer of the infrastructure: 429 as for reads per user, 401 as expired, 5xx with Google's text."""
    if code == 429:
        return rate_limited("Read", " per user", 60)
    if code == 401:
        return unauthenticated(missing=False)
    if code == 403:
        return forbidden()
    return ApiError(code, TEXT.get(code, "The request failed."))


def used_up(reason: str) -> Json:
    """403 as Google's older services word it: the reason stands in a list of errors."""
    words = "Rate Limit Exceeded"
    errors = [{"domain": "usageLimits", "reason": reason, "message": words}]
    return {"error": {"code": 403, "message": words, "errors": errors, "status": "PERMISSION_DENIED"}}


def _error_info(reason: str, metadata: Json) -> Json:
    return {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": metadata,
    }


_HIGHER_QUOTA: Json = {
    "@type": "type.googleapis.com/google.rpc.Help",
    "links": [
        {
            "description": "Request a higher quota limit.",
            "url": "https://cloud.google.com/docs/quotas/help/request_increase",
        }
    ],
}
