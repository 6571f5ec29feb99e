"""Crypto Quality Signals in the spreadsheet you already own."""

__version__ = "0.1.0"
