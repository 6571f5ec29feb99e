"""Which spreadsheet functions a template may use: those that mean the same in every app we write for.

Shared is what Excel has had since 2007, and Google Sheets and LibreOffice as well. A newer function
of Excel is stored in a file under a prefixed name, and shows #NAME? in Excel where it is not.
"""

from __future__ import annotations

from collections.abc import Mapping


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SHARED = _names(
    "ABS ADDRESS AND AVEDEV AVERAGE AVERAGEA AVERAGEIF AVERAGEIFS CEILING CHAR CHOOSE CLEAN CODE COLUMN"
    " COLUMNS COMBIN CONCATENATE CORREL COUNT COUNTA COUNTBLANK COUNTIF COUNTIFS COVAR DATE DAY DAYS360"
    " DEVSQ EDATE EOMONTH EVEN EXACT EXP FACT FALSE FIND FLOOR FORECAST FV GCD GEOMEAN HARMEAN HLOOKUP"
    " HOUR HYPERLINK IF IFERROR INDEX INT INTERCEPT IRR ISBLANK ISERR ISERROR ISEVEN ISLOGICAL ISNA"
    " ISNONTEXT ISNUMBER ISODD ISTEXT KURT LARGE LCM LEFT LEN LN LOG LOG10 LOOKUP LOWER MATCH MAX MAXA"
    " MEDIAN MID MIN MINA MINUTE MOD MODE MONTH MROUND N NA NETWORKDAYS NORMSDIST NORMSINV NOT NPER NPV"
    " ODD OR PERCENTILE PERCENTRANK PI PMT POWER PRODUCT PROPER PV QUARTILE QUOTIENT RANK RATE REPLACE"
    " REPT RIGHT ROUND ROUNDDOWN ROUNDUP ROW ROWS RSQ SEARCH SECOND SIGN SKEW SLOPE SMALL SQRT"
    " STANDARDIZE STDEV STDEVP SUBSTITUTE SUBTOTAL SUM SUMIF SUMIFS SUMPRODUCT SUMSQ T TEXT TIME TRIM"
    " TRIMMEAN TRUE TRUNC UPPER VAR VARP VLOOKUP WEEKDAY WEEKNUM WORKDAY YEAR YEARFRAC"
)

TAKE_COLUMNS = _names(
    "AVEDEV AVERAGE AVERAGEA AVERAGEIF AVERAGEIFS COLUMNS CORREL COUNT COUNTA COUNTBLANK COUNTIF COUNTIFS"
    " COVAR DEVSQ FORECAST GEOMEAN HARMEAN HLOOKUP INDEX INTERCEPT IRR KURT LARGE LOOKUP MATCH MAX MAXA"
    " MEDIAN MIN MINA MODE NPV PERCENTILE PERCENTRANK PRODUCT QUARTILE RANK ROWS RSQ SKEW SLOPE SMALL"
    " STDEV STDEVP SUBTOTAL SUM SUMIF SUMIFS SUMPRODUCT SUMSQ TRIMMEAN VAR VARP VLOOKUP"
)
"""Functions that take a whole column as it stands, and give one value."""

COMPUTE_WITH_COLUMNS = frozenset({"SUMPRODUCT"})
"""Functions inside which one can compute with whole columns, in every app."""

_CLOCK = "it changes with the clock, so a sheet would never stand still: compare with Last_sync"
_CHANCE = "it shows something else at every change"
_POSITIONS = "it is worked out anew at every change and speaks of positions: use INDEX({Tab.column},n)"
_SPILLS = "it fills more cells than its own, and not in every app"
_LANGUAGE = "it reads and writes by the language of the computer"
_ONE_APP = "only one app has it"
_SURROUNDINGS = "it tells of the computer, not of the data"

REASONS: Mapping[str, str] = {
    **dict.fromkeys(("NOW", "TODAY"), _CLOCK),
    **dict.fromkeys(("RAND", "RANDBETWEEN", "RANDARRAY"), _CHANCE),
    **dict.fromkeys(("OFFSET", "INDIRECT"), _POSITIONS),
    **dict.fromkeys(("CELL", "INFO"), _SURROUNDINGS),
    **dict.fromkeys(
        ("ARRAYFORMULA", "FILTER", "SORT", "SORTBY", "SEQUENCE", "SPLIT", "TRANSPOSE", "UNIQUE", "QUERY"), _SPILLS
    ),
    **dict.fromkeys(("DATEVALUE", "TIMEVALUE", "VALUE", "NUMBERVALUE", "FIXED", "DOLLAR"), _LANGUAGE),
    **dict.fromkeys(
        ("GOOGLEFINANCE", "IMAGE", "IMPORTDATA", "IMPORTHTML", "IMPORTRANGE", "SPARKLINE", "WEBSERVICE"), _ONE_APP
    ),
}  # fmt: skip
"""Why a function may not be used, where it is more than that one of the apps lacks it."""

INSTEAD: Mapping[str, str] = {
    "CONCAT": "&",
    "IFNA": "IFERROR",
    "IFS": "IF inside IF",
    "JOIN": "&",
    "LAMBDA": "a formula column of its own, perhaps hidden",
    "LET": "a formula column of its own, perhaps hidden",
    "MAXIFS": "SUMPRODUCT",
    "MINIFS": "SUMPRODUCT",
    "SWITCH": "IF inside IF, or CHOOSE",
    "TEXTJOIN": "&",
    "XLOOKUP": "INDEX({Tab.column},MATCH(value,{Tab.other},0))",
    "XMATCH": "MATCH",
}
"""What to write instead of a function that one of the apps lacks."""
