"""Draws the README's pictures from the product itself: python docs/make_pictures.py.

Needs LibreOffice (`soffice`), poppler (`pdftoppm`, `pdftotext`) and Pillow (`pip install -e '.[docs]'`). Nothing on
them is real: signals of the sandbox's market, and invented trades.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageOps

PICTURES = Path(__file__).parent / "pictures"
COLORS = 64  # few colours make small files


class Picture(NamedTuple):
    """What is on a picture: a template's page that holds a text, from its left upper corner on.

    `width` and `height` are the most that is shown, in dots.
    """

    template: str
    text: str
    dpi: int
    width: int = 1560
    height: int = 800


PAGES = {
    "signals": Picture("signals", "Zone low", 330),
    "futures": Picture("futures", "Zone low", 330),
    "scalping": Picture("scalping", "Zone low", 330),
    "journal": Picture("journal", "Plan entry", 400),
    "performance": Picture("journal", "PERFORMANCE", 150, height=1200),
    "dashboard": Picture("dashboard", "DASHBOARD", 158, height=1400),
    "track-record": Picture("paper", "TRACK RECORD", 170, height=1500),
}


def main() -> None:
    """All of them, or those named."""
    with tempfile.TemporaryDirectory() as name:
        for title in sys.argv[1:] or PAGES:
            draw(title, PAGES[title], Path(name))


def draw(title: str, picture: Picture, folder: Path) -> None:
    """One picture, by way of a workbook and what LibreOffice prints of it."""
    book = folder / f"{title}.xlsx"
    if picture.template == "paper":  # what became of the sandbox's signals
        options = ("--sandbox", "--template", "paper", "--to", str(book))
        run(sys.executable, "-m", "cqs_sheets", "sync", *options, CQS_HOME=str(folder / "home"))
    else:
        run(sys.executable, "-m", "cqs_sheets", "templates", "preview", picture.template, str(book))
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    run("soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(folder), str(book))
    printed = str(book.with_suffix(".pdf"))
    pages = run("pdftotext", printed, "-").decode().split("\f")
    number = next(at for at, text in enumerate(pages, start=1) if picture.text in text)
    run("pdftoppm", "-r", str(picture.dpi), "-f", str(number), "-singlefile", printed, str(book))
    with Image.open(f"{book}.ppm") as page:
        left, top, right, bottom = ImageOps.invert(page).getbbox() or (0, 0, 1, 1)  # where it is not white
        area = left, top, min(right, left + picture.width), min(bottom, top + picture.height)
        page.crop(area).quantize(COLORS).save(PICTURES / f"{title}.png", optimize=True)


def run(*command: str, **variables: str) -> bytes:
    """What a program wrote; raises CalledProcessError with what it said."""
    return subprocess.run(command, check=True, capture_output=True, env={**os.environ, **variables}).stdout


if __name__ == "__main__":
    main()
