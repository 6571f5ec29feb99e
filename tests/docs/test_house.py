"""What the pages say about the house is so: the picture, and the places they send to."""

from __future__ import annotations

import re

import pytest

from benchmarks.house import single_importers
from docs.make_house import PACKAGE, PICTURE, ROOT, imports, picture

PAGES = ("CONTRIBUTING.md", "docs/design.md", "docs/reliability.md")
THEIRS = {"cqs-sheets.toml", "templates/NAME.toml"}  # a user's, or one to come
PATH = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|toml)|(?:[\w.-]+/)+)`")


def test_the_picture_is_of_the_house_as_it_is() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run: python docs/make_house.py"


def test_an_import_between_rooms_is_an_arrow() -> None:
    assert {"core/plan", "core/report"} <= imports()["run"]
    assert imports()["sandbox"] == frozenset()


def test_a_room_with_one_door_is_a_boundary_that_is_named() -> None:
    page = (ROOT / "docs/design.md").read_text(encoding="utf-8")
    section = page.partition("### Rooms with one door\n")[2].partition("\n## ")[0]
    table = "".join(line.split("|")[2] for line in section.splitlines() if line.startswith("| "))
    assert set(re.findall(r"`([\w.]+)`", table)) == {name.partition(".")[2] for name in single_importers()}


@pytest.mark.parametrize("page", PAGES)
def test_every_place_that_a_page_names_is_there(page: str) -> None:
    """Paths from the root or the package, or below a folder of it, as `read_signal.py` beside another."""
    named = set(PATH.findall((ROOT / page).read_text(encoding="utf-8")))
    known = [
        *ROOT.glob("*"),
        *PACKAGE.rglob("*"),
        *(ROOT / "tests").rglob("*"),
        *(ROOT / "docs").rglob("*"),
        *(ROOT / ".github").rglob("*"),
    ]
    ends = {f"/{path.relative_to(ROOT).as_posix()}{'/' * path.is_dir()}" for path in known}
    assert len(named) > 4
    assert {each for each in named if not any(end.endswith(f"/{each}") for end in ends)} - THEIRS == set()
