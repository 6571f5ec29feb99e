"""New workbooks, drawn with openpyxl: they hold no rows yet."""
