"""`--version` and `--help` against bare click.

Run: python benchmarks/startup.py
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from measure import paired, verdict

LIMIT = 1.5


def main() -> int:
    """Exit code 1 if a ratio is over the limit."""
    script = str(Path(sys.executable).parent / "cqs-sheets")
    command = script if shutil.which(script) else "cqs-sheets"
    bare = [sys.executable, "-c", "import click"]
    kept = True
    for option in ("--version", "--help"):
        kept &= verdict(f"cqs-sheets {option} : import click", paired([command, option], bare), LIMIT)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
