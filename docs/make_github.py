"""Writes the workflow of docs/github-template, for others to copy: make_github.py [OWNER/cqs-sheets@COMMIT]."""

from __future__ import annotations

import sys
from pathlib import Path

from cqs_sheets.github.workflow import WORKFLOW_FILE, pasted_text

FILE = Path(__file__).parent / "github-template" / WORKFLOW_FILE

if __name__ == "__main__":
    action = sys.argv[1] if len(sys.argv) > 1 else "OWNER/cqs-sheets@" + "0" * 40
    FILE.write_text(pasted_text(action), encoding="utf-8", newline="\n")
