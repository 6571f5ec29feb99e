"""Writes the workflow that people paste: make_github.py [OWNER/cqs-sheets@COMMIT [FILE]].

Without a FILE that of docs/github-template, for others to copy. Without an action the one of this checkout, if its
commit is on GitHub.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cqs_sheets.github.workflow import WORKFLOW_FILE, installed_action, pasted_text

TEMPLATE = Path(__file__).parent / "github-template" / WORKFLOW_FILE

if __name__ == "__main__":
    given = sys.argv[1:]
    action = given[0] if given else installed_action() or "OWNER/cqs-sheets@" + "0" * 40
    file = Path(given[1]) if len(given) > 1 else TEMPLATE
    file.write_text(pasted_text(action), encoding="utf-8", newline="\n")
