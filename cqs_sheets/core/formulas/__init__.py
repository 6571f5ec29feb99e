"""What a formula shows, worked out as spreadsheets do: for the formulas of templates, and never a guess.

A value that a program stores with a formula is believed by whoever does not compute: previews, pandas, LibreOffice. So
what is not surely known (another function, a text that may be a number, a wildcard) ends as `Unknowable` for the cell
and all that rests on it, never as an error that an IFERROR could swallow.
"""
