"""The workbook file itself, as bytes: its archive, its parts, their XML; nothing here knows of plans."""
