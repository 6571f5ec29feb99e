"""Where a target is: a workbook on disk, or a Google Sheet by its URL or id."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_GOOGLE_URL = re.compile(r"(?:https?://)?docs\.google\.com(?:[/?#].*)?", re.IGNORECASE)
_GOOGLE_ID = re.compile(r"[A-Za-z0-9_-]{25,}")
_ID_IN_URL = re.compile(r"/spreadsheets/(?:u/\d+/)?d/([A-Za-z0-9_-]{20,})(?:[/?#]|$)")
_OTHER_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Place:
    """A target's place: as written, and the workbook's absolute path or the spreadsheet's id."""

    text: str
    path: Path | None
    spreadsheet: str | None

    @property
    def identity(self) -> str:
        """One text for every spelling of the same place (symlinks followed)."""
        return self.spreadsheet or os.path.normcase(os.path.realpath(self.path or ""))


def is_google(to: str) -> bool:
    """Whether a target is a Google Sheet: a docs.google.com URL, or a bare id of 25 and more characters."""
    return bool(_GOOGLE_URL.fullmatch(to) or _GOOGLE_ID.fullmatch(to))


def spreadsheet_id(to: str) -> str | None:
    """The id in a Google Sheet's URL, or the bare id itself; None if there is none."""
    if _GOOGLE_ID.fullmatch(to):
        return to
    found = _ID_IN_URL.search(to) if _GOOGLE_URL.fullmatch(to) else None
    return found[1] if found else None


def place_problem(to: str) -> str | None:
    """Why this cannot be a target, or None."""
    if is_google(to):
        if spreadsheet_id(to):
            return None
        return "this Google URL names no spreadsheet: it should look like https://docs.google.com/spreadsheets/d/ID"
    if _OTHER_URL.fullmatch(to):
        return "only Google Sheets are written by URL; for a workbook give its path"
    return path_problem(to)


def path_problem(text: str) -> str | None:
    """Why this cannot be a path, or None."""
    if not text.strip():
        return "the path is empty"
    return "the path holds control characters" if _CONTROL.search(text) else None


def place_at(to: str, folder: Path) -> Place:
    """The place of a target written in or for `folder`; `place_problem` must have nothing against it."""
    spreadsheet = spreadsheet_id(to)
    return Place(to, None if spreadsheet else absolute(to, folder), spreadsheet)


def template_at(template: str, folder: Path) -> str:
    """A template's name as it is; a file (it has a slash or ends in .toml) as an absolute path."""
    is_file = template.lower().endswith(".toml") or any(slash in template for slash in "/\\")
    return str(absolute(template, folder)) if is_file else template


def absolute(text: str, folder: Path) -> Path:
    """A path made absolute against a folder, `~` expanded; symlinks are kept."""
    return Path(os.path.abspath(folder / os.path.expanduser(text)))  # noqa: PTH100, PTH111 - neither fails nor follows links
