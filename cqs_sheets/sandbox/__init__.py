"""A local signals API that keeps the whole contract of the guide, with a market that moves.

Written from the guide alone: nothing here imports the client. `start` serves over real HTTP;
`Market` and `Service` are pure and can be asked without a socket.
"""

from cqs_sheets.sandbox.answers import (
    ACTIVE_KEY,
    EXPIRED_KEY,
    FREE_KEY,
    INACTIVE_KEY,
    SUBSCRIPTIONS,
    SeenRequest,
    Subscription,
)
from cqs_sheets.sandbox.faults import FAULTS, FaultSettings, parse_fault
from cqs_sheets.sandbox.instruments import FUTURES_CODES, SPOT_CODES
from cqs_sheets.sandbox.market import Market
from cqs_sheets.sandbox.running import RunningSandbox, start, utc_now
from cqs_sheets.sandbox.service import API_PATHS, Service
from cqs_sheets.sandbox.signals import Horizon, Pool, Signal, Table
from cqs_sheets.sandbox.truth import HISTORY_PATH

__all__ = [
    "ACTIVE_KEY",
    "API_PATHS",
    "EXPIRED_KEY",
    "FAULTS",
    "FREE_KEY",
    "FUTURES_CODES",
    "HISTORY_PATH",
    "INACTIVE_KEY",
    "SPOT_CODES",
    "SUBSCRIPTIONS",
    "FaultSettings",
    "Horizon",
    "Market",
    "Pool",
    "RunningSandbox",
    "SeenRequest",
    "Service",
    "Signal",
    "Subscription",
    "Table",
    "parse_fault",
    "start",
    "utc_now",
]
