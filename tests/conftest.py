"""What all tests share: a market and a shell, and the folder of workbooks that `-m wild` edits."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import freezegun
import pytest
from hypothesis import HealthCheck, settings

from cqs_sheets import sandbox
from tests import postgres
from tests.cli.command import Shell
from tests.e2e.runs import Clock, stopped_time

# Where Python is told to keep no bytecode, each command in a process of its own would compile the package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# A busy machine is no fault: no property here is about the time that an example takes.
settings.register_profile(
    "steady", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50
)
settings.register_profile("long", settings.get_profile("steady"), max_examples=5_000)
settings.load_profile("steady")  # `pytest --hypothesis-profile=long` tries a hundred times as many
freezegun.configure(extend_ignore_list=["_pytest"])  # its stopwatch runs on while the time stands still

# Thousands of imported classes stay to the end: to look through them for garbage takes a tenth of all time.
gc.set_threshold(100_000, 20, 20)

_AGE = timedelta(days=300)  # of the market that tests ask


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_open() -> Iterator[None]:
    """A file or socket that nobody closed is an error of the module that left it, not of the one after it."""
    yield
    gc.collect()
    gc.freeze()  # what is left, mostly what was imported meanwhile, need not be looked through at the next module's end


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The time, stopped; commands that run inside this process and the market see no other."""
    with stopped_time() as stopped:
        yield stopped


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[sandbox.RunningSandbox]:
    """A market of its own for each test, always as old, where nothing happens unless a test moves the time.

    So no day brings other signals, and none is published between two commands on a busy machine.
    """
    moved = request.getfixturevalue("clock") if "clock" in request.fixturenames else None
    began = datetime.now(UTC)
    with sandbox.start(seed=5, speed=10, opened=began - _AGE, clock=moved or (lambda: began)) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """PostgreSQL, started once for the whole run."""
    with postgres.running() as started:
        yield started


@pytest.fixture
def shell(tmp_path: Path, server: sandbox.RunningSandbox) -> Shell:
    """A folder to run commands in, which ask that market."""
    return Shell(tmp_path, {"CQS_API_URL": server.url})


def pytest_collection_finish() -> None:
    gc.freeze()


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: much of what is tested waits for another process."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--wild",
        type=lambda folder: Path(folder).resolve(),
        help="edit every workbook of a folder: `-m wild --wild=FOLDER`",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: long runs that a person starts by name (`pytest -m soak`)")
    config.addinivalue_line(
        "markers", "live: on the real Google Sheets (`pytest -m live`, see tests/destinations/google/live.py)"
    )
    config.addinivalue_line(
        "markers", "wild: edits every workbook of a folder (`pytest -m wild --wild=FOLDER`)"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--wild") is None:
        items[:] = [item for item in items if not item.get_closest_marker("wild")]
    if "live" not in config.getoption("markexpr", ""):
        items[:] = [item for item in items if not item.get_closest_marker("live")]
    # those that take longest, or wait for other programs (mypy, LibreOffice, act): none is left over at the end
    first = (
        "test_style.py", "test_chain_by_act.py", "test_recalculated.py", "test_worked_out.py", "test_points.py",
        "test_outcomes.py", "test_code_blocks.py", "test_killed_judging.py", "test_upgrade.py", "test_release.py",
        "test_simulator.py", "test_month.py",
    )  # fmt: skip
    items.sort(key=lambda item: first.index(item.path.name) if item.path.name in first else len(first))
