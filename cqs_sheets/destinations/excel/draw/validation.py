"""What may be typed into a cell: choices and limits as Excel's data validation."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.worksheet.datavalidation import DataValidation

from cqs_sheets.errors import DataRefused

_LONGEST_LIST = 255


def choice_validation(choices: Sequence[str], header: str) -> DataValidation:
    """A list to pick from; something else is allowed after a question.

    Raises DataRefused if Excel cannot hold the list.
    """
    listed = ",".join(choices)
    if len(listed) > _LONGEST_LIST or any("," in choice for choice in choices):
        raise DataRefused(
            f"The choices of {header!r} do not fit in Excel: 255 characters in all, and none with a comma.",
            meaning="Nothing was written.",
            hint="Shorten them in the template.",
        )
    validation = DataValidation(type="list", formula1='"' + listed.replace('"', '""') + '"', allow_blank=True)
    validation.errorStyle = "warning"
    validation.errorTitle, validation.error = "Not in the list", f"The list has {listed}."[:_LONGEST_LIST]
    validation.showErrorMessage = True
    return validation


def limit_validation(least: float | None, most: float | None) -> DataValidation:
    """A number not below `least` nor above `most`; at least one of them is given."""
    if least is None:
        validation = DataValidation(type="decimal", operator="lessThanOrEqual", formula1=f"{most:.15g}")
        wanted = f"at most {most:g}"
    elif most is None:
        validation = DataValidation(type="decimal", operator="greaterThanOrEqual", formula1=f"{least:.15g}")
        wanted = f"at least {least:g}"
    else:
        validation = DataValidation(
            type="decimal", operator="between", formula1=f"{least:.15g}", formula2=f"{most:.15g}"
        )
        wanted = f"from {least:g} to {most:g}"
    validation.allow_blank = True
    validation.errorTitle, validation.error = "Out of range", f"Type a number {wanted}."
    validation.showErrorMessage = True
    return validation
