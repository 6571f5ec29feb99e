"""A file that init writes: whole or not at all."""

from __future__ import annotations

from pathlib import Path

from cqs_sheets.errors import AccessRefused


def write_new(path: Path, text: str) -> None:
    """Put a text file in its place, with its folder if need be. Raises AccessRefused."""
    staged = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(text, encoding="utf-8", newline="\n")
        staged.replace(path)
    except OSError as error:
        raise AccessRefused(
            f"{path} cannot be written: {error.strerror}.",
            meaning="It is as it was before.",
            hint="Run it in a folder of yours, or name another file with --config.",
        ) from None
