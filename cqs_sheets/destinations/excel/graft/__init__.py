"""Tabs of a template carried into a workbook that is there already."""
