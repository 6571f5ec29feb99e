"""Numbers as the API writes them, exact from wire to cell."""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_MAX_TEXT = 80
_MAX_MAGNITUDE = 30  # no price is beyond 10^±30; a stray exponent would print as a page of zeros


def exact_decimal(text: str) -> Decimal | None:
    """The number a text stands for, without exponent ("1e5" is 100000), or None if it is none.

    Digits are kept as they came, trailing zeros included. Not numbers here: NaN, infinities,
    thousands separators, anything beyond 10^±30.
    """
    if len(text) > _MAX_TEXT or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    if abs(number.adjusted()) > _MAX_MAGNITUDE:
        return None
    return Decimal(format(number, "f"))
