"""What the guided fuzzer learnt reaches the rarest lines: all of it, in a moment."""

from __future__ import annotations

import pytest

from tests.fuzz.checks import CHECKS, CORPUS


@pytest.mark.parametrize("kind", CHECKS)
def test_nothing_in_the_corpus_is_a_finding(kind: str) -> None:
    entries = sorted((CORPUS / kind).iterdir())
    assert len(entries) >= 5
    for entry in entries:
        assert CHECKS[kind](entry.read_bytes()), entry.name
