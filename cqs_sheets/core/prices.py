"""Prices as text for people: never cut, those of a row in one notation, those of a column aligned at the point."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Context, Decimal

_TINY = Decimal("0.0001")  # below it zeros hide what tells two prices apart
_DIGITS = 15  # of a number that we computed: more than that is noise in a spreadsheet, too


def plain_price(price: Decimal | None) -> str:
    """A price without exponent or trailing zeros, exact; blank where there is none."""
    if price is None:
        return ""
    text = format(price, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def computed(price: Decimal | None) -> Decimal | None:
    """A price that we worked out, to 15 digits."""
    return None if price is None else Context(prec=_DIGITS).plus(price)


def row_texts(prices: Sequence[Decimal | None], *, short: bool = False) -> list[str]:
    """The prices of one row, exact. `short`: tiny ones as `3.2406e-8`, all with the exponent of the largest."""
    largest = max((abs(price) for price in prices if price), default=None)
    if not short or largest is None or largest >= _TINY:
        return [plain_price(price) for price in prices]
    power = largest.adjusted()
    return ["" if price is None else f"{plain_price(price.scaleb(-power))}e{power}" for price in prices]


def aligned(texts: Sequence[str]) -> list[str]:
    """The texts of a column, padded to one width, with their decimal points below each other."""
    wholes = [
        text.partition(".")[0].partition("e")[0] for text in texts
    ]  # an exponent stands behind the point
    left = max(map(len, wholes), default=0)
    rests = [text.removeprefix(whole) for text, whole in zip(texts, wholes, strict=True)]
    right = max(map(len, rests), default=0)
    return [f"{whole:>{left}}{rest:<{right}}" for whole, rest in zip(wholes, rests, strict=True)]
