"""The picture of the hard cases shows what the judge makes of them today."""

from __future__ import annotations

from docs.make_outcomes import PICTURE, picture


def test_the_hard_cases_are_drawn_as_they_are_judged() -> None:
    assert PICTURE.read_text(encoding="utf-8") == picture(), "run: python docs/make_outcomes.py"
