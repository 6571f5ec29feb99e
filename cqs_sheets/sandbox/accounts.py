"""Who may ask: the literal FREE, and the sandbox's own subscriptions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from cqs_sheets.sandbox.signals import Pool

FREE_KEY: Final = "FREE"

ACTIVE_KEY: Final = "sandboxVIPactive0000000000000001"
"""A premium subscription that is paid for: sees VIP."""

INACTIVE_KEY: Final = "sandboxVIPinactive00000000000002"
"""A premium subscription that was switched off: error 5."""

EXPIRED_KEY: Final = "sandboxVIPexpired000000000000003"
"""A premium subscription that ran out when the market opened: error 5."""

FREE_POOLS: Final = frozenset({Pool.FREE, Pool.FREEMIUM})
VIP_POOLS: Final = frozenset({Pool.VIP})


@dataclass(frozen=True, slots=True)
class Subscription:
    """A premium subscription: its id is the API key; `expires` is an aware time, None for never."""

    key: str = field(repr=False)
    active: bool = True
    expires: datetime | None = None

    def valid_at(self, now: datetime) -> bool:
        """Whether the key opens the VIP pool at `now`."""
        return self.active and (self.expires is None or now < self.expires)


SUBSCRIPTIONS: Final = (
    Subscription(ACTIVE_KEY),
    Subscription(INACTIVE_KEY, active=False),
    Subscription(EXPIRED_KEY, expires=datetime(2025, 1, 1, tzinfo=UTC)),
)
"""The subscriptions of a sandbox that is given no others."""


def pools_for(key: str, subscriptions: Sequence[Subscription], now: datetime) -> frozenset[Pool] | None:
    """Return the pools `key` sees at `now`, or None when it is not a valid key. Case counts."""
    if key == FREE_KEY:
        return FREE_POOLS
    if any(known.key == key and known.valid_at(now) for known in subscriptions):
        return VIP_POOLS
    return None
