"""What an answer means: success, a passing trouble, or a final refusal."""

from __future__ import annotations

from cqs_sheets.api.transport import Reply
from cqs_sheets.api.trouble import Trouble
from cqs_sheets.core.secret import FREE, Secret
from cqs_sheets.core.signals.parse import Envelope, NotTheEnvelope, parse_envelope
from cqs_sheets.errors import AccessRefused, UsageError

_BAD_REQUEST, _KEY_OR_DOWN, _RATE_LIMIT = 1, 5, 6
_TOO_MANY = 429
_PASSING = frozenset((408, 425, _TOO_MANY))
_SUCCESSES = range(200, 300)
_SERVER_FAULTS = range(500, 600)
_WRONG_ADDRESS = "If you set CQS_API_URL, check it."
_NOTHING_LOST = "Nothing that was already caught is lost."


def meaning(reply: Reply, key: Secret) -> Envelope | Trouble:
    """The envelope of a success, or the trouble that there is.

    Raises UsageError (the API says the request is wrong) or AccessRefused (the key is).
    """
    if reply.status in _PASSING or reply.status in _SERVER_FAULTS:
        return Trouble(_http_words(reply.status), limited=reply.status == _TOO_MANY)
    refused = Trouble(_http_words(reply.status), passing=False, hint=_WRONG_ADDRESS)
    try:
        envelope = parse_envelope(reply.body)
    except NotTheEnvelope as problem:
        return Trouble(problem.reason) if reply.status in _SUCCESSES else refused
    if envelope.error:
        return _failure(envelope, key)
    return envelope if reply.status in _SUCCESSES else refused


def _failure(envelope: Envelope, key: Secret) -> Trouble:
    said = key.hide_in(envelope.message) or "no message"
    if envelope.error == _BAD_REQUEST:
        raise UsageError(
            f"The API refused the request: {said} (error 1).",
            meaning=_NOTHING_LOST,
            hint="Correct the key or the filters (interval, exchange, currency, type).",
            kind="request",
        )
    if envelope.error == _KEY_OR_DOWN and "unavailable" not in said.lower():
        raise _key_refused(said, key)
    limited = envelope.error == _RATE_LIMIT
    hint = "Poll less often." if limited else ""
    return Trouble(f"the API's error {envelope.error}: {said}", hint=hint, limited=limited)


def _key_refused(said: str, key: Secret) -> AccessRefused:
    premium = (
        "The subscription ID is wrong, expired or inactive: copy it exactly from the premium dashboard into"
        f" CQS_API_KEY. If a run with CQS_API_KEY={FREE} works, the API is up and it is the key."
    )
    return AccessRefused(
        f"The API refused the key: {said} (error 5).",
        meaning=_NOTHING_LOST,
        hint=f"The free key is the literal word {FREE}; try again later." if key.is_free else premium,
        kind="key",
    )


def _http_words(status: int) -> str:
    if status == _TOO_MANY:
        return "too many requests (HTTP 429)"
    return f"HTTP status {status}"
