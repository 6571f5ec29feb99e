"""The Excel destination: new workbooks from a template, existing ones read by key and edited in place in their XML."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cqs_sheets.destinations.excel.destination import ExcelDestination

__all__ = ["ExcelDestination"]

if not TYPE_CHECKING:  # what only looks at a file's version must not import all that reads and writes it

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return import_module(f"{__name__}.destination").ExcelDestination
