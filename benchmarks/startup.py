"""`--version` and `--help` against bare click.

Run: python benchmarks/startup.py
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from measure import paired_ratio, verdict

LIMIT = 1.5


def main() -> int:
    """Exit code 1 if a ratio is over the limit."""
    script = str(Path(sys.executable).parent / "cqs-sheets")
    command = script if shutil.which(script) else "cqs-sheets"
    bare = [sys.executable, "-c", "import click"]
    kept = True
    for option in ("--version", "--help"):
        ours, other, ratio = paired_ratio([command, option], bare)
        print(f"cqs-sheets {option}: {ours * 1000:.0f} ms; python -c 'import click': {other * 1000:.0f} ms")
        kept &= verdict(option, ratio, LIMIT)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
