"""The tasks of this project, the same on every system: `nox -l` lists them.

Each runs in the environment that nox itself runs in (the README's `.venv`), so that nothing is installed twice.
"""

from __future__ import annotations

import sys

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["test"]

QUICK = [
    "tests/core",
    "tests/config",
    "tests/journal",
    "tests/destinations/test_conformance.py",
    "tests/docs/test_house.py",
    "tests/docs/test_reference.py",
    "tests/templates/test_docs.py",
    "tests/test_floors.py",
]
BENCHMARKS = ["house", "startup", "idle_sync", "excel_templates"]  # those that take a minute at most


def _python(session: nox.Session, *arguments: str) -> None:
    session.run(sys.executable, *arguments)  # this very one, whether its environment is activated or not


@nox.session
def test(session: nox.Session) -> None:
    """All tests, as CI runs them; what follows `--` goes to pytest."""
    _python(session, "-m", "pytest", *session.posargs)


@nox.session
def fast(session: nox.Session) -> None:
    """A verdict within the minute: style, core, config, journal, each destination, pages made from code."""
    _python(session, "-m", "ruff", "check", ".")
    _python(session, "-m", "ruff", "format", "--check", ".")
    _python(session, "-m", "pytest", "-q", *QUICK, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and types, mended where a machine can."""
    _python(session, "-m", "ruff", "check", "--fix", ".")
    _python(session, "-m", "ruff", "format", ".")
    _python(session, "-m", "mypy")


@nox.session
def coverage(session: nox.Session) -> None:
    """Lines and branches that tests reach, in processes of their own too; what follows `--` goes to pytest."""
    _python(session, "-m", "coverage", "erase")
    session.run(
        sys.executable, "-m", "coverage", "run", "-m", "pytest", *session.posargs, success_codes=[0, 1]
    )
    _python(session, "-m", "coverage", "combine", "--quiet")
    _python(session, "-m", "coverage", "report", "--skip-covered", "--show-missing", "--sort=cover")


@nox.session
def docs(session: nox.Session) -> None:
    """The pages that are made from the code, made anew; then the site, strictly."""
    for script in ("make_reference", "make_templates", "make_house"):
        _python(session, f"docs/{script}.py")
    _python(session, "-m", "zensical", "build", "--strict")


@nox.session
def bench(session: nox.Session) -> None:
    """The short benchmarks, or those named after `--`: benchmarks/README.md."""
    for name in session.posargs or BENCHMARKS:
        _python(session, f"benchmarks/{name}.py")


@nox.session
def soak(session: nox.Session) -> None:
    """The long tests: crashes, faults, hostile input, races. Takes hours; name what to try after `--`."""
    _python(session, "-m", "pytest", "-m", "soak", *session.posargs)
