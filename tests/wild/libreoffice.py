"""What LibreOffice makes of workbooks: run by a Python that has `uno`, it reads jobs and writes what it saw.

    python3 libreoffice.py JOBS FOLDER [grow]

Each line of JOBS is a JSON list: a workbook, a sheet's name, a row, how many rows to insert above it (0: none).
Line n's formulas and their values go to FOLDER/n.json, by sheet and cell; names and rules are there, too.
Where it does not open the workbook, or insert the rows, that is `null`. With `grow` ranges that end right above
inserted rows take them in, as a person can set it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uno  # type: ignore[import-not-found,unused-ignore]
from com.sun.star.beans import PropertyValue  # type: ignore[import-not-found,unused-ignore]

FORMULA = 16
NUMBER = 1
NOT_WHAT_THEY_ARE = 0  # a link that is not followed, a macro that is not run


GROWS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry"><item oor:path="/org.openoffice.Office.Calc/Input">
<prop oor:name="ExpandReference" oor:op="fuse"><value>true</value></prop></item></oor:items>"""


def desktop(pipe: str) -> Any:
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    address = f"uno:pipe,name={pipe};urp;StarOffice.ComponentContext"
    for _ in range(600):
        try:
            remote = resolver.resolve(address)
        except Exception:  # noqa: BLE001 - not listening yet
            time.sleep(0.1)
        else:
            return remote.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", remote)
    raise SystemExit("LibreOffice did not start")


def option(name: str, value: object) -> Any:
    found = PropertyValue()
    found.Name, found.Value = name, value
    return found


def seen(document: Any) -> dict[str, Any]:
    formulas = {}
    for sheet in document.Sheets:
        for area in sheet.queryContentCells(FORMULA).RangeAddresses:
            for row in range(area.StartRow, area.EndRow + 1):
                for column in range(area.StartColumn, area.EndColumn + 1):
                    cell = sheet.getCellByPosition(column, row)
                    formulas[f"{sheet.Name}!{column}:{row}"] = [cell.getFormula(), value_of(cell)]
    names = {name: document.NamedRanges.getByName(name).Content for name in document.NamedRanges.ElementNames}
    rules = [
        [sheet.Name, rule.Range.RangeAddressesAsString, *(formulas_of(entry) for entry in entries(rule))]
        for sheet in document.Sheets
        for rule in sheet.ConditionalFormats.getConditionalFormats()
    ]
    return {"formulas": formulas, "names": names, "rules": sorted(rules, key=str)}


def value_of(cell: Any) -> str:
    if cell.getError():
        return f"error {cell.getError()}"
    return repr(cell.getValue()) if cell.FormulaResultType2 == NUMBER else cell.getString()


def entries(rule: Any) -> Any:
    return (rule.getByIndex(at) for at in range(rule.getCount()))


def formulas_of(entry: Any) -> list[str]:
    return [str(getattr(entry, name, "")) for name in ("Formula1", "Formula2")]


def look(office: Any, path: str, sheet: str, at: int, by: int) -> dict[str, Any] | None:
    options = (
        option("Hidden", True),
        option("MacroExecutionMode", NOT_WHAT_THEY_ARE),
        option("UpdateDocMode", 0),
    )
    document = office.loadComponentFromURL(Path(path).as_uri(), "_blank", 0, options)
    if document is None or not hasattr(document, "Sheets"):
        return None
    try:
        if by:
            try:
                document.Sheets.getByName(sheet).Rows.insertByIndex(at - 1, by)
            except Exception:  # noqa: BLE001 - it will not: a pivot table, an array or a protection is in the way
                return None
        document.calculateAll()
        return seen(document)
    finally:
        document.close(True)


def main(jobs: str, folder: str, grow: str = "") -> None:
    pipe = f"cqs{os.getpid()}"
    with tempfile.TemporaryDirectory() as profile:
        if grow:
            Path(profile, "user").mkdir()
            Path(profile, "user", "registrymodifications.xcu").write_text(GROWS)
        command = [
            "soffice",
            f"-env:UserInstallation={Path(profile).as_uri()}",
            "--headless",
            "--norestore",
            f"--accept=pipe,name={pipe};urp;",
        ]
        office = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            running = desktop(pipe)
            for number, line in enumerate(Path(jobs).read_text().splitlines()):
                found = look(running, *json.loads(line))
                Path(folder, f"{number}.json").write_text(json.dumps(found))
            with contextlib.suppress(Exception):  # it hangs up while it ends
                running.terminate()
        finally:
            office.terminate()
            office.wait(30)


if __name__ == "__main__":
    main(*sys.argv[1:])
