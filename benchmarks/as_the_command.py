"""Imported first: the process begins as that of `cqs-sheets` does, and has its imports."""

from __future__ import annotations

from cqs_sheets.cli import settle_in

settle_in()
