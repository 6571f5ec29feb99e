"""A local signals API that keeps the whole contract of the guide, with a market that moves.

Written from the guide alone: nothing here imports the client. `start` serves over real HTTP;
`Simulation` and `Service` are pure and can be asked without a socket.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Self

from cqs_sheets.sandbox.answers import (
    ACTIVE_KEY,
    EXPIRED_KEY,
    FREE_KEY,
    INACTIVE_KEY,
    SUBSCRIPTIONS,
    RequestLog,
    SeenRequest,
    Subscription,
)
from cqs_sheets.sandbox.faults import FAULTS, FaultPlan, FaultSettings, parse_fault
from cqs_sheets.sandbox.market import EPOCH, Simulation
from cqs_sheets.sandbox.prices import FUTURES_CODES, SPOT_CODES
from cqs_sheets.sandbox.server import HOST, SandboxServer
from cqs_sheets.sandbox.service import API_PATHS, Service
from cqs_sheets.sandbox.signals import Horizon, Pool, Signal, Table

__all__ = [
    "ACTIVE_KEY",
    "API_PATHS",
    "EXPIRED_KEY",
    "FAULTS",
    "FREE_KEY",
    "FUTURES_CODES",
    "INACTIVE_KEY",
    "SPOT_CODES",
    "SUBSCRIPTIONS",
    "FaultSettings",
    "Horizon",
    "Pool",
    "RunningSandbox",
    "SeenRequest",
    "Service",
    "Signal",
    "Simulation",
    "Subscription",
    "Table",
    "parse_fault",
    "start",
    "utc_now",
]


_HIGHEST_PORT: Final = 65_535
_REQUESTS_KEPT: Final = 10_000
_DEFAULT_FAULT_SETTINGS: Final = FaultSettings()
_POLL_SECONDS: Final = 0.02


def utc_now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


class RunningSandbox:
    """A sandbox that serves on loopback until it is stopped; leaving its `with` block stops it."""

    def __init__(self, server: SandboxServer, market: Simulation) -> None:
        self._server = server
        self._market = market
        self._stopped = threading.Event()
        self._stopping = threading.Lock()
        self._thread = threading.Thread(
            target=server.serve_forever, args=(_POLL_SECONDS,), name="cqs-sandbox", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The base URL, http://127.0.0.1:PORT."""
        return f"http://{HOST}:{self.port}"

    @property
    def signals_url(self) -> str:
        """The URL of the one documented endpoint."""
        return f"{self.url}/getSignal/"

    @property
    def port(self) -> int:
        """The port, also when 0 was asked for."""
        return self._server.server_port

    @property
    def market(self) -> Simulation:
        """The market that is served; pure, so a test may ask it what clients should see."""
        return self._market

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests received, oldest first."""
        return self._server.seen.latest()

    def set_faults(self, faults: Sequence[str]) -> None:
        """Replace the faults from the next request on; counts and chances start anew.

        ValueError when a spec is not valid, and then nothing changes.
        """
        self._server.faults = FaultPlan(faults, seed=self._market.seed)

    def stop(self) -> None:
        """Stop serving, end every connection, free the port. Calling it again does nothing."""
        with self._stopping:
            if self._stopped.is_set():
                return
            self._server.shutdown()
            self._server.close_connections()
            self._server.server_close()
            self._thread.join()
            self._stopped.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start(
    *,
    port: int = 0,
    seed: int = 1,
    speed: float = 1.0,
    opened: datetime = EPOCH,
    faults: Sequence[str] = (),
    clock: Callable[[], datetime] = utc_now,
    subscriptions: Sequence[Subscription] = SUBSCRIPTIONS,
    fault_settings: FaultSettings = _DEFAULT_FAULT_SETTINGS,
    requests_kept: int = _REQUESTS_KEPT,
    on_request: Callable[[SeenRequest], None] | None = None,
) -> RunningSandbox:
    """Start a sandbox on 127.0.0.1 and return it, serving.

    Args:
        port: 0 takes any free one.
        seed: Chooses the market and the chances of the faults.
        speed: Simulation seconds per second, 0.01 to 3600; time stamps are real at any speed.
        opened: When the market opened, aware; what happens in it is counted from there.
        faults: Specs NAME[:PROBABILITY][@COUNT].
        clock: The sandbox's time, aware; asked once for each request.
        subscriptions: The premium keys it knows.
        fault_settings: How strong the faults are.
        requests_kept: How many of the latest requests are kept to look at.
        on_request: Called with each request as it arrives, in the connection's thread.

    Raises:
        ValueError: A fault, the speed or the port is not valid.
        OSError: The port is taken.
    """
    if not 0 <= port <= _HIGHEST_PORT:
        raise ValueError(f"the port must be a number from 0 to {_HIGHEST_PORT}, not {port}")
    market = Simulation(seed=seed, speed=speed, opened=opened)
    server = SandboxServer(
        port=port,
        service=Service(market, subscriptions),
        clock=clock,
        plan=FaultPlan(faults, seed=seed),
        settings=fault_settings,
        seen=RequestLog(requests_kept),
        on_request=on_request,
    )
    return RunningSandbox(server, market)
