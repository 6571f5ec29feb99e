"""Rows inserted by us and by LibreOffice: afterwards every formula says the same and computes the same.

`pytest -m soak tests/wild/test_insertions.py` does so with workbooks made up here, `pytest -m wild --wild
FOLDER` with those of a folder. Needs `soffice` and a Python that has `uno` (python3-uno).
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import xlsxwriter

from cqs_sheets.destinations.excel.edit.insertion import Insertion
from cqs_sheets.destinations.excel.edit.shift import insert_rows
from cqs_sheets.destinations.excel.parts.package import Draft, Package
from cqs_sheets.destinations.excel.parts.workbook import Sheet, Workbook
from cqs_sheets.errors import DataRefused
from tests.destinations.excel.books import HEADERS, add, fill_signals, sync, with_parts

LOOKING = Path(__file__).with_name("libreoffice.py")
MADE = 200
ROWS = 3  # inserted
VOLATILE = re.compile(r"\b(?:RAND|RANDBETWEEN|RAND\.NV|RANDARRAY|NOW|TODAY|CELL|INFO)\b")


class Case(NamedTuple):
    """A workbook, and rows to insert in it."""

    path: Path
    sheet: str
    at: int


class Compared(NamedTuple):
    """What came of many cases."""

    cases: int
    refused: int
    impossible: int  # for LibreOffice
    formulas: int
    values: int
    differences: list[str]


def python_with_uno() -> str | None:
    for name in ("/usr/bin/python3", "/usr/lib/libreoffice/program/python"):
        if (
            Path(name).exists()
            and not subprocess.run([name, "-c", "import uno"], check=False, capture_output=True).returncode
        ):
            return name
    return None


def inserted(case: Case, target: Path) -> bool:
    """Whether the rows could be inserted."""
    with Package.open(case.path) as package:
        draft = Draft(package)
        workbook = Workbook(draft)
        sheet = workbook.sheet(case.sheet)
        assert sheet
        try:
            insert_rows(draft, workbook, Insertion(sheet=sheet, at=case.at, by=ROWS))
            workbook.save()
            with target.open("wb") as file:
                draft.write(file)
        except DataRefused:
            return False
    return True


def looked_at(jobs: list[list[Any]], folder: Path, *options: str) -> list[Any]:
    """What LibreOffice makes of each job."""
    python = python_with_uno()
    if shutil.which("soffice") is None or python is None:
        pytest.skip("needs LibreOffice, and a Python that has uno")
    (folder / "jobs").write_text("\n".join(map(json.dumps, jobs)))
    command = [python, str(LOOKING), str(folder / "jobs"), str(folder), *options]
    subprocess.run(command, check=True, timeout=3000)
    return [json.loads((folder / f"{n}.json").read_text()) for n in range(len(jobs))]


def compare(cases: list[Case], folder: Path) -> Compared:
    done = [case for n, case in enumerate(cases) if inserted(case, folder / f"{n}.ours.xlsx")]
    jobs: list[list[Any]] = []
    for case in done:
        jobs.append([str(folder / f"{cases.index(case)}.ours.xlsx"), case.sheet, case.at, 0])
        jobs.append([str(case.path), case.sheet, case.at, ROWS])
    seen = looked_at(jobs, folder)
    formulas = values = impossible = 0
    differences = []
    for case, ours, theirs in zip(done, seen[::2], seen[1::2], strict=True):
        if theirs is None:
            impossible += 1
            continue
        if ours is None:
            differences.append(f"{case.path.name} {case.sheet}!{case.at}: not opened")
            continue
        formulas += len(theirs["formulas"])
        values += sum(not VOLATILE.search(formula) for formula, _ in theirs["formulas"].values())
        differences += [
            f"{case.path.name} {case.sheet}!{case.at}: {each}" for each in different(ours, theirs)
        ]
    return Compared(len(done) - impossible, len(cases) - len(done), impossible, formulas, values, differences)


def different(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[str]:
    steady = not any(VOLATILE.search(formula) for formula, _ in theirs["formulas"].values())
    for cell in sorted({*ours["formulas"], *theirs["formulas"]}):
        one, other = (each["formulas"].get(cell, ("", "")) for each in (ours, theirs))
        if in_order(one[0]) != in_order(other[0]) or (steady and one[1] != other[1]):
            yield f"{cell}: {one} instead of {other}"
    for name, content in theirs["names"].items():
        if ours["names"].get(name) != content:
            yield f"name {name}: {ours['names'].get(name)} instead of {content}"
    if rules(ours) != rules(theirs):
        yield f"rules: {ours['rules']} instead of {theirs['rules']}"


def in_order(formula: str) -> str:
    """With the corners of ranges in order: LibreOffice puts only those in order that it moves.

    Another workbook is meant by its name: LibreOffice says where it would lie beside the one that was opened.
    """
    formula = re.sub(r"file:///[^']*/", "", formula)

    def ordered(match: re.Match[str]) -> str:
        columns = sorted((match[1], match[3]), key=lambda each: (len(each.strip("$")), each.strip("$")))
        rows = sorted((match[2], match[4]), key=lambda each: int(each.strip("$")))
        return f"{columns[0]}{rows[0]}:{columns[1]}{rows[1]}"

    return re.sub(r"(\$?[A-Z]{1,3})(\$?[0-9]+):(\$?[A-Z]{1,3})(\$?[0-9]+)", ordered, formula)


def rules(seen: dict[str, Any]) -> list[Any]:
    """Where each begins and what it says; LibreOffice lets a rule right above new rows reach into them."""
    first = re.compile(r"([A-Z]+\d+)(?::|$)")
    return sorted([sheet, first.findall(ranges)[:1], said] for sheet, ranges, *said in seen["rules"])


def cases_of(path: Path) -> Iterator[Case]:
    """Rows at the top and in the middle of each sheet, of at most three."""
    with Package.open(path) as package:
        sheets = Workbook(Draft(package)).sheets
    for sheet in sheets[:3]:
        last = last_row(path, sheet)
        yield from (Case(path, sheet.name, at) for at in sorted({2, last // 2 + 1, last}) if at > 1)


def last_row(path: Path, sheet: Sheet) -> int:
    with Package.open(path) as package:
        numbers = re.findall(rb'<row [^>]*?\br="(\d+)"', Draft(package).read(sheet.part))
    return max(map(int, numbers), default=1)


def has_formulas(path: Path) -> bool:
    with Package.open(path) as package:
        draft = Draft(package)
        return any(re.search(rb"<f[\s>]", draft.read(sheet.part)) for sheet in Workbook(draft).sheets)


def reported(found: Compared) -> str:
    return (
        f"{found.cases} insertions, {found.refused} refused, {found.impossible} not possible in LibreOffice,"
        f" {found.formulas} formulas, {found.values} values, {len(found.differences)} differences"
    )


@pytest.mark.wild
@pytest.mark.soak
def test_of_other_peoples_workbooks(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    folder: Path = pytestconfig.getoption("--wild")
    books = []
    for path in sorted(folder.iterdir()):
        try:
            books += [path] if path.suffix in (".xlsx", ".xlsm") and has_formulas(path) else []
        except DataRefused:
            continue
    found = compare([case for path in books for case in cases_of(path)], tmp_path)
    print(f"{len(books)} workbooks with formulas: {reported(found)}", *found.differences, sep="\n")  # noqa: T201
    assert not found.differences


@pytest.mark.soak
def test_of_workbooks_made_up(tmp_path: Path) -> None:
    cases = []
    for seed in range(MADE):
        dice = random.Random(seed)  # noqa: S311
        book = made_up(tmp_path / f"made{seed}.xlsx", dice)
        cases += dice.sample(list(cases_of(book)), 2)
    found = compare(cases, tmp_path)
    print(f"{MADE} workbooks made up: {reported(found)}")  # noqa: T201
    assert not found.differences


GROWING = 60
LAST = 8  # row of the data


@pytest.mark.soak
def test_of_ranges_that_grow(tmp_path: Path) -> None:
    """New rows above a total: formulas beside, below and elsewhere take them in as LibreOffice can be told to."""
    jobs: list[list[Any]] = []
    for seed in range(GROWING):
        path, ours = tmp_path / f"{seed}.xlsx", tmp_path / f"{seed}.ours.xlsx"
        growing(path, random.Random(seed))  # noqa: S311
        shutil.copy(path, ours)
        sync(ours, adds=[add(str(70 + number)) for number in range(ROWS)])
        jobs += [str(ours), "Signals", LAST + 1, 0], [str(path), "Signals", LAST + 1, ROWS]
    seen = looked_at(jobs, tmp_path, "grow")
    formulas, differences = 0, []
    for ours_seen, theirs in zip(seen[::2], seen[1::2], strict=True):
        for cell, (formula, _) in theirs["formulas"].items():
            column, row = map(int, cell.rpartition("!")[2].split(":"))
            if cell.startswith("Other") or row < LAST - 5 or row > LAST or not 1 <= column <= len(HEADERS):
                formulas += 1
                found = ours_seen["formulas"].get(cell, [""])[0]
                differences += [(cell, found, formula)] if in_order(found) != in_order(formula) else []
        names = {name for name in theirs["names"] if not name.startswith("cqs")}
        differences += [
            (name, ours_seen["names"].get(name), theirs["names"][name])
            for name in names
            if ours_seen["names"].get(name) != theirs["names"][name]
        ]
    print(f"{GROWING} workbooks, {formulas} formulas, {len(differences)} differences")  # noqa: T201
    assert not differences


def growing(path: Path, dice: random.Random) -> None:
    """Signals in B4:J8, a total below, and formulas over any of their rows and some more columns."""
    book = xlsxwriter.Workbook(path)
    sheet, other = book.add_worksheet("Signals"), book.add_worksheet("Other")
    fill_signals(book, sheet, LAST - 3)
    sheet.write(LAST, 1, "Total")
    for row in (0, 1, *range(LAST + 1, LAST + 6)):
        for column in (3, 5, 12, 14):
            sheet.write_formula(row, column, over_rows(dice), None, 0)
    for row in range(8):
        other.write_formula(row, 1, over_rows(dice, sheet="Signals!"), None, 0)
    book.define_name("all_of_it", f"=Signals!$B${dice.randint(3, 6)}:$L${LAST}")
    book.define_name("some_of_it", f"=Signals!$E$4:$E${LAST - 1}")
    book.close()


def over_rows(dice: random.Random, sheet: str = "") -> str:
    sheet = sheet or dice.choice(("", "Signals!"))
    first, last = dice.randint(1, LAST - 2), dice.choice((LAST, LAST, LAST - 1, LAST + 2))
    left, right = sorted((dice.choice("ABCDEFGHIJKLM"), dice.choice("BCDEFGHIJ")))
    fixed = [dice.choice(("", "$")) for _ in range(4)]
    over = f"{sheet}{fixed[0]}{left}{fixed[1]}{first}:{fixed[2]}{right}{fixed[3]}{last}"
    one = f"{sheet}{dice.choice('BCDEFGHIJ')}{dice.randint(1, LAST + 3)}"
    shapes = (
        f"=SUM({over})",
        f"=SUMIF({over},1)+{one}",
        f"=INDEX({over},1,1)",
        f"=ROWS({over})&{one}",
        f"=SUM({sheet}4:{LAST})",
        f"=SUM({sheet}${first}:${LAST})",
    )
    return dice.choice(shapes)


def made_up(path: Path, dice: random.Random) -> Path:
    """Two sheets of numbers, formulas of many shapes over both, some shared down, right or both, names and rules."""
    book = xlsxwriter.Workbook(path)
    titles = ["Data", "My 'other' one"]
    sheets = [book.add_worksheet(title) for title in titles]
    rows = dice.randint(4, 14)
    for sheet in sheets:
        for row in range(rows):
            for column in range(5):
                sheet.write_number(row, column, dice.randint(1, 99))
        for row in range(rows + 4):
            for column in range(6, 9):
                if dice.random() < 0.6:
                    sheet.write_formula(row, column, formula(dice, rows), None, 0)
        if dice.random() < 0.4:
            at = dice.randint(0, rows)
            sheet.write_array_formula(at, 10, at, 10, f"{{=SUM({area(dice, rows)}*2)}}", None, 0)
        first = dice.randint(1, rows)
        fixed = f"=${'ABCDE'[dice.randint(0, 4)]}${dice.randint(1, rows)}>{dice.randint(1, 99)}"
        sheet.conditional_format(first, 1, first + 2, 2, {"type": "formula", "criteria": fixed})
    book.define_name("Total", f"=Data!$A$1:$C${rows}")
    book.define_name("XRP1", "=0.5")
    book.define_name("XLM15", f"=Data!$B${rows}")
    book.close()
    return with_parts(
        path, {f"xl/worksheets/sheet{n}.xml": lambda xml: with_shared(xml, dice, rows) for n in (1, 2)}
    )


def area(dice: random.Random, rows: int) -> str:
    first, last = sorted(dice.randint(1, rows + 2) for _ in range(2))
    left, right = sorted(dice.choice("ABCDE") for _ in range(2))
    left_fixed, top_fixed = (
        dice.choice((("", ""), ("$", ""), ("$", "$"))),
        dice.choice((("", ""), ("$", ""), ("$", "$"))),
    )
    fixed = [
        left_fixed[0],
        top_fixed[0],
        left_fixed[1],
        top_fixed[1],
    ]  # so that none crosses over as it is filled
    return f"{fixed[0]}{left}{fixed[1]}{first}:{fixed[2]}{right}{fixed[3]}{last}"


def formula(dice: random.Random, rows: int) -> str:
    sheet = dice.choice(("", "Data!", "'My ''other'' one'!"))
    one = f"{dice.choice(('', '$'))}{dice.choice('ABCDE')}{dice.choice(('', '$'))}{dice.randint(1, rows + 2)}"
    shapes = (
        f"={sheet}{one}+1",
        f"=SUM({sheet}{area(dice, rows)})",
        f"=SUM({sheet}A:B)+{one}",
        f"=SUM({sheet}2:{dice.randint(3, rows)})" if sheet else f"={one}*XRP1",
        f'=IF({one}>50,"A1","its $B$2")&{{sheet}}{{one}}',
        f"=LOG10(100)+{one}*XRP1+XLM15",
        f'=SUM(Total)+COUNTIF({sheet}{area(dice, rows)},">"&{one})',
        f"=INDEX({sheet}{area(dice, rows)},1,1)",
        f"=SUM({sheet}{one}:INDEX({sheet}B:B,{rows}))" if not sheet else f"={sheet}{one}%",
    )
    return dice.choice(shapes)


def with_shared(xml: bytes, dice: random.Random, rows: int) -> bytes:
    """Blocks of cells that share one formula, as Excel writes what was filled down or right."""
    blocks = []
    for index in range(dice.randint(1, 3)):
        high, wide = dice.randint(1, 4), dice.randint(1, 3)
        top, left = rows + 6 + 6 * index, 6 + index
        text = f"SUM({area(dice, rows)})+{dice.choice(('A', '$B'))}{dice.choice(('', '$'))}{dice.randint(1, rows)}"
        last = f"{chr(64 + left + wide - 1)}{top + high - 1}"
        for row in range(top, top + high):
            cells = ""
            for column in range(left, left + wide):
                own = (
                    f' ref="{chr(64 + left)}{top}:{last}">{text}</f>'
                    if (row, column) == (top, left)
                    else "/>"
                )
                cells += f'<c r="{chr(64 + column)}{row}"><f t="shared" si="{index}"{own}<v>0</v></c>'
            blocks.append(f'<row r="{row}">{cells}</row>')
    return xml.replace(b"</sheetData>", "".join(blocks).encode() + b"</sheetData>")
