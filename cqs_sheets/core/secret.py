"""What may be told to whom: secrets that hide themselves, and hosts that are this machine."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NoReturn

FREE = "FREE"
_MASK = "***"


class Secret:
    """A text that repr, str and format hide; only `reveal()` gives it away.

    `place` says where it is kept, for advice. It cannot be pickled, copied deeply (and so not put through
    `dataclasses.asdict`) or turned into JSON.
    """

    __slots__ = ("_text", "place")

    def __init__(self, text: str, place: str = "CQS_API_KEY") -> None:
        self._text = text
        self.place = place

    def reveal(self) -> str:
        """The text itself: for the one place that sends it."""
        return self._text

    @property
    def is_free(self) -> bool:
        """Whether this is the literal key of the free tier, which is no secret."""
        return self._text == FREE

    def hide_in(self, text: str) -> str:
        """`text` with this secret masked wherever it occurs; the free key is left as it is."""
        return text if self.is_free or not self._text else text.replace(self._text, _MASK)

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __str__(self) -> str:
        return _MASK

    def __format__(self, spec: str) -> str:
        return format(_MASK, spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        raise TypeError("a secret is neither pickled nor copied")


API_URL = "https://api.cryptoqualitysignals.com"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name, without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
