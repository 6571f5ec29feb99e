"""A drawn workbook as bytes, without a temporary file on the way.

openpyxl writes each sheet to the temporary folder first, and a disk that is full there goes unnoticed: the
workbook is saved with half a sheet in it.
"""

from __future__ import annotations

import io
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.workbook import Workbook
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter


class _Writer(ExcelWriter):
    """openpyxl's writer, but for where the sheets are kept meanwhile."""

    def write_worksheet(self, ws: Worksheet) -> None:
        ws._drawing = drawing = SpreadsheetDrawing()  # type: ignore[attr-defined]  # noqa: SLF001
        drawing.charts, drawing.images = ws._charts, ws._images  # type: ignore[attr-defined]  # noqa: SLF001
        writer = WorksheetWriter(ws, out=io.BytesIO())
        writer.write()
        ws._rels = writer._rels  # type: ignore[attr-defined]  # noqa: SLF001
        self._archive.writestr(ws.path[1:], writer.read())  # type: ignore[attr-defined]
        self.manifest.append(ws)


def saved(book: Workbook) -> bytes:
    """The .xlsx."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        _Writer(book, archive).save()
    return buffer.getvalue()
