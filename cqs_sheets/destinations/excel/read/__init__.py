"""What a workbook holds: where a template's tabs live in it, and the rows of wanted keys."""
