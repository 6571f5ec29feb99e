"""Who may call: any bearer token, or only those that were issued or named."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qs

from .errors import Json, unauthenticated

GRANTS = ("urn:ietf:params:oauth:grant-type:jwt-bearer", "refresh_token")


@dataclass(slots=True)
class Tokens:
    """`accepted` None takes any token that was not revoked."""

    accepted: set[str] | None = None
    revoked: set[str] = field(default_factory=set)
    issued: int = 0

    def check(self, authorization: str | None) -> str:
        """The token. Raises ApiError 401."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated(missing=True)
        if token in self.revoked or (self.accepted is not None and token not in self.accepted):
            raise unauthenticated(missing=False)
        return token

    def grant(self, form: str) -> tuple[int, Json]:
        """An answer of the token endpoint: status and JSON."""
        given = {key: values[-1] for key, values in parse_qs(form).items()}
        if given.get("grant_type") not in GRANTS:
            return 400, {"error": "unsupported_grant_type", "error_description": "Invalid grant_type"}
        if not (given.get("assertion") or given.get("refresh_token")):
            return 400, {"error": "invalid_grant", "error_description": "Bad Request"}
        self.issued += 1
        token = f"ya29.emulator-{self.issued}"
        if self.accepted is not None:
            self.accepted.add(token)
        return 200, {
            "access_token": token,
            "expires_in": 3599,
            "token_type": "Bearer",
            "scope": given.get("scope", ""),
        }
