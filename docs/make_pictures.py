"""Draws the README's pictures from the product itself: python docs/make_pictures.py.

Needs LibreOffice (`soffice`) and poppler (`pdftoppm`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"
DPI = 330
LEFT_OF_SIGNALS = (215, 290, 1560, 800)  # x, y, width, height in dots


def main() -> None:
    """The left part of the signals tab, with invented signals."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        book = folder / "signals.xlsx"
        run(sys.executable, "-m", "cqs_sheets", "templates", "preview", "signals", str(book))
        profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
        run("soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", name, str(book))
        x, y, width, height = LEFT_OF_SIGNALS
        run(
            "pdftoppm", "-png", "-r", str(DPI), "-f", "1", "-singlefile",
            "-x", str(x), "-y", str(y), "-W", str(width), "-H", str(height),
            str(folder / "signals.pdf"), str(PICTURES / "signals"),
        )  # fmt: skip


def run(*command: str) -> None:
    """One step; raises CalledProcessError with what it said."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
