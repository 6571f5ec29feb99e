"""What a spreadsheet's locale changes: the decimal mark, the order of a date, the usual patterns."""

from __future__ import annotations

_COMMA = {
    "de",
    "fr",
    "it",
    "es",
    "nl",
    "pt",
    "pl",
    "ru",
    "tr",
    "cs",
    "da",
    "fi",
    "nb",
    "sv",
    "uk",
    "el",
    "hu",
    "id",
}
_POINT_ANYWAY = {"es_MX", "de_CH", "it_CH"}
_DATE_PATTERNS = {"en_US": "m/d/yyyy", "de": "dd.mm.yyyy", "fr": "dd/mm/yyyy", "en_GB": "dd/mm/yyyy"}


def decimal_mark(locale: str) -> str:
    comma = locale.split("_", maxsplit=1)[0] in _COMMA and locale not in _POINT_ANYWAY
    return "," if comma else "."


def group_mark(locale: str) -> str:
    return "." if decimal_mark(locale) == "," else ","


def month_first(locale: str) -> bool:
    return locale == "en_US"


def date_pattern(locale: str) -> str:
    return _DATE_PATTERNS.get(locale) or _DATE_PATTERNS.get(locale.split("_", maxsplit=1)[0], "yyyy-mm-dd")
