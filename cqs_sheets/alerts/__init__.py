"""Sending one message: to this desktop, as JSON to an address of the user's own, or to a service by apprise."""

from __future__ import annotations

from cqs_sheets.core.alerts.news import Send
from cqs_sheets.core.secret import Secret
from cqs_sheets.errors import UsageError


def sender(address: Secret | None, name: str) -> Send:
    """What sends to an address; None is this desktop. Raises UsageError if there is no way to send there."""
    if address is None:
        from cqs_sheets.alerts.desktop import notice  # noqa: PLC0415 - each way is imported when it is used

        return notice
    try:
        from cqs_sheets.alerts.services import service  # noqa: PLC0415
    except ModuleNotFoundError:
        raise UsageError(
            f"The alert {name!r} needs apprise, which is not installed.",
            meaning="Nothing is sent; what there is to tell waits in the journal.",
            hint='Install it with: pip install "cqs-sheets[alerts]" (uv tool install "cqs-sheets[alerts]").',
        ) from None
    found = service(address)
    if found is not None:
        return found
    from cqs_sheets.alerts.webhook import problem, webhook  # noqa: PLC0415

    wrong = problem(address)
    if wrong:
        raise UsageError(
            f"The address of the alert {name!r} cannot be used: {wrong} (it is not shown).",
            meaning="Nothing is sent; what there is to tell waits in the journal.",
            hint="docs/how-to/alerts.md shows how addresses of services look.",
        )
    return webhook(address, name)
