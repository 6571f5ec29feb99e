"""What is known of addresses without asking anyone: where the signals API lives, and what is this machine."""

from __future__ import annotations

from ipaddress import ip_address

API_URL = "https://api.cryptoqualitysignals.com"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its very name, without asking a name server."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
