"""What the tests of the configuration share: a folder with a config in it, loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cqs_sheets.config import Overrides, Settings, load
from cqs_sheets.errors import UsageError


def load_text(
    folder: Path, text: str | None = None, *, environ: Mapping[str, str] | None = None, **overrides: object
) -> Settings:
    """The settings from `text` as cqs-sheets.toml of `folder`, or from none."""
    if text is not None:
        (folder / "cqs-sheets.toml").write_text(text, encoding="utf-8")
    given = {"CQS_HOME": str(folder / "home"), **(environ or {})}
    return load(config=None, environ=given, cwd=folder, overrides=Overrides(**overrides))  # type: ignore[arg-type]


def refusal(
    folder: Path, text: str | None = None, *, environ: Mapping[str, str] | None = None, **overrides: object
) -> str:
    """All that is said when the same settings are refused."""
    with pytest.raises(UsageError) as caught:
        load_text(folder, text, environ=environ, **overrides)
    assert caught.value.exit_code == 2
    assert caught.value.meaning
    assert caught.value.hint
    return str(caught.value)
