"""The Excel destination: new workbooks from a template, existing ones read by key and edited in place in their XML."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from cqs_sheets.errors import DataRefused

if TYPE_CHECKING:
    from cqs_sheets.destinations.excel.destination import ExcelDestination

__all__ = ["ExcelDestination", "check_place"]

if not TYPE_CHECKING:  # what only looks at a file's version must not import all that reads and writes it

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.destination").ExcelDestination


_EXPORTS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "jsonl",
    ".jsonl": "jsonl",
    ".parquet": "parquet",
}
_OTHER_SHEETS = (".xls", ".xlsb", ".ods", ".fods", ".numbers")


def check_place(path: Path) -> None:
    """Raise DataRefused, without opening anything, where no workbook can ever be written."""
    suffix, missing = path.suffix.lower(), not path.exists()
    if suffix in _EXPORTS:
        what = f"{path} is no workbook: a target is an .xlsx file, or a Google Sheet."
        hint = f"For such a file: cqs-sheets journal export --format {_EXPORTS[suffix]} -o {path.name}"
    elif suffix in _OTHER_SHEETS:
        what = f"{path} is a workbook of another kind ({suffix}): only .xlsx and .xlsm are written."
        hint = "Save it as .xlsx in the program it is from, or name another target."
    elif missing and not path.parent.is_dir():
        what = f"{path} cannot be made: there is no folder {path.parent}."
        hint = "Make the folder, or name a target in one that exists."
    elif missing and suffix != ".xlsx":
        what = f"{path.name} does not exist, and a new workbook can only be an .xlsx."
        hint = "Name the target something.xlsx, or save a macro workbook (.xlsm) there first."
    else:
        return
    raise DataRefused(what, meaning="Nothing was written.", hint=hint, kind="target")
