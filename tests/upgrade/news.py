"""What the provider said while the fixtures were written, and what it says when they are upgraded.

5003 is an id in both of its tables. Between the first and the second answer 5001 leaves the window (aged) and
5002 is closed; between the second and the third 5003 of both tables is closed, and a stop moves in each.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tests.upgrade.runs import News

_DAY = "2026-11-28"


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"{_DAY} {clock}").replace(tzinfo=UTC)


FIRST, SECOND, THIRD, FOURTH = at("12:00"), at("12:08"), at("12:15"), at("12:16")


def main(id_: int, clock: str, **changes: str) -> dict[str, str]:
    """A signal of the main table; one with an even id is of a futures exchange, with its leverage."""
    futures = {"exchange": "binance_futures", "leverage": "10"} if id_ % 2 == 0 else {"exchange": "binance"}
    return {
        "id": str(id_), "timestamp": f"{_DAY} {clock}:05", "currency": "USDT", "coin": f"C{id_}",
        "direction": "LONG", "buy_start": "94.25", "buy_end": "94.4", "target1": "95.5", "target2": "96.2",
        "target3": "97", "stop_loss": "93.1", "type": "SHORT TERM", "ask": "94.325", "risk_level": "2",
    } | futures | changes  # fmt: skip


def scalp(id_: int, clock: str, **changes: str) -> dict[str, str]:
    """A signal of the free scalping table, with its one target."""
    few = {"target2": "", "target3": "", "type": "SCALPING", "risk_level": "3", "exchange": "binance"}
    return main(id_, clock, coin=f"S{id_}") | few | changes


SCALPING = {"type": "SCALPING"}  # in the main table, as subscribers have it
STAY = [main(5004, "11:59", **SCALPING), main(5005, "12:05")]

NEWS_1: News = {
    "main": [main(5001, "11:41"), main(5002, "11:55"), main(5003, "11:57"), STAY[0]],
    "scalping": [scalp(5003, "11:56"), scalp(11, "11:57")],
}
NEWS_2: News = {
    "main": [main(5003, "11:57"), *STAY],
    "scalping": [scalp(5003, "11:56"), scalp(12, "12:06")],
}
NEWS_3: News = {
    "main": [STAY[0] | {"stop_loss": "93.5"}, STAY[1], main(5006, "12:12"), main(5007, "12:13", **SCALPING)],
    "scalping": [scalp(12, "12:06", stop_loss="93.5"), scalp(13, "12:12"), scalp(14, "12:13")],
}
