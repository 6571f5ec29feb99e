"""Draws every template as it looks on screens of 1600 and 400 dots.

Run: python docs/make_looks.py FOLDER [TEMPLATE...]. With no signals, three, five hundred, with prices from 1e-12 to
1e9, and as the sandbox makes them: to be looked at after a change of a template. Needs LibreOffice (`soffice`), poppler
(`pdftoppm`, `pdftotext`) and Pillow, as make_pictures.py does.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

from PIL import Image

from cqs_sheets.core.plan.rows import busiest
from cqs_sheets.core.signals.fields import wall_time
from cqs_sheets.core.signals.signal import Record
from cqs_sheets.core.templates.template import BlocksTab, SettingsTab, TableTab, Template
from cqs_sheets.export import write_workbook
from cqs_sheets.preview import invented
from cqs_sheets.template_files import built_in, load_template

NOW = datetime(2026, 5, 24, 12, 0, tzinfo=UTC)
DPI = 96
SCREENS = {1600: 900, 400: 800}
# A3 across, without margins, is 1587 dots wide at 96 a screen's inch: its first page is what one sees first.
PAPER = (
    b'<pageMargins left="0" right="0" top="0" bottom="0" header="0" footer="0"/>'
    b'<pageSetup paperSize="8" orientation="landscape" scale="100"/>'
)
SETUP = re.compile(rb"<pageMargins[^>]*/>(?:\s*<pageSetup[^>]*/>)?")
AREAS = re.compile(rb'<definedName name="_xlnm.Print_[^>]*>[^<]*</definedName>')


def states() -> Iterator[tuple[str, list[Record]]]:
    """What may be in a workbook."""
    many = invented(NOW, 500)
    yield "empty", []
    yield "3", many[-3:]
    yield "500", many
    yield "sandbox", many[-24:]
    yield "extreme", [priced(record, Decimal(10) ** (at % 22 - 12)) for at, record in enumerate(many[-44:])]


def priced(record: Record, unit: Decimal) -> Record:
    """The same signal with prices of that magnitude, its spreads small."""
    signal, names = (
        record.signal,
        ("ask", "buy_start", "buy_end", "target1", "target2", "target3", "stop_loss"),
    )
    base = signal.ask or Decimal(1)
    scaled = {name: price / base * unit for name in names if (price := getattr(signal, name)) is not None}
    rounded = {name: price.quantize(unit.scaleb(-4)) for name, price in scaled.items()}
    return replace(record, signal=replace(signal, **rounded))


def main() -> None:
    """All templates, or those named."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or built_in():
        template = load_template(name)
        for state, records in states():
            with tempfile.TemporaryDirectory() as work:
                shown = template.of_sandbox() if state == "sandbox" else template
                draw(shown, state, records, Path(work), folder)


def draw(template: Template, state: str, records: list[Record], work: Path, folder: Path) -> None:
    """Each visible tab's first page, cut to both screens."""
    book = work / "book.xlsx"
    settings = {"Time_zone": "UTC", "Last_sync": wall_time(NOW, UTC), "Feed_status": "ok"}
    lists = busiest(template, {}, ((record, 1) for record in records), UTC)
    write_workbook(book, template, records, UTC, {**settings, **lists})
    on_screens(book)
    profile = f"-env:UserInstallation={(folder / '.profile').absolute().as_uri()}"
    run("soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(work), str(book))
    texts = run("pdftotext", "-layout", str(book.with_suffix(".pdf")), "-").decode().split("\f")
    page = 0
    for tab in template.tabs:
        if isinstance(tab, BlocksTab | SettingsTab):
            continue
        shown = (
            [each.header for each in tab.columns if not each.hidden][:5]
            if isinstance(tab, TableTab)
            else [tab.title]
        )
        begins = re.compile(r"\s+".join(re.escape(word) for text in shown for word in text.split()))
        found = (at for at, text in enumerate(texts, 1) if at > page and begins.search(text[:2000]))
        page = next(found, page)
        cut(book.with_suffix(".pdf"), page, folder / f"{template.name}-{tab.name}-{state}")


def on_screens(book: Path) -> None:
    """The workbook as it is seen and not as it is printed."""
    with ZipFile(book) as made:
        parts = {name: made.read(name) for name in made.namelist()}
    with ZipFile(book, "w") as changed:
        for name, content in parts.items():
            seen = SETUP.sub(PAPER, content.replace(b'fitToPage="1"', b'fitToPage="0"'))
            changed.writestr(name, AREAS.sub(b"", seen) if name == "xl/workbook.xml" else seen)


def cut(printed: Path, page: int, picture: Path) -> None:
    """One page, at the size of each screen."""
    run("pdftoppm", "-r", str(DPI), "-f", str(page), "-singlefile", str(printed), str(printed))
    with Image.open(f"{printed}.ppm") as whole:
        for width, height in SCREENS.items():
            whole.crop((0, 0, width, height)).save(f"{picture}-{width}.png", optimize=True)


def run(*command: str) -> bytes:
    """What a program wrote; raises CalledProcessError with what it said."""
    return subprocess.run(command, check=True, capture_output=True).stdout


if __name__ == "__main__":
    main()
