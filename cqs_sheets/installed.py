"""How this program was installed, and the line that upgrades it; nothing upgrades by itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

_NAME = "cqs-sheets"
_ABOUT = (
    "cqs_sheets-*.dist-info"  # importlib.metadata finds it, too, and takes half as long as the whole command
)
_CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))


class Installed(NamedTuple):
    """By what, and the command that upgrades it."""

    by: str
    upgrade: str

    def __str__(self) -> str:
        return f"Installed by {self.by}; to upgrade: {self.upgrade}"


def installed() -> Installed:
    """How the running program was installed."""
    about = next((each for folder in sys.path for each in Path(folder).glob(_ABOUT)), None)
    if about is None:
        return Installed("nobody: it runs from its source", "git pull")
    origin = about / "direct_url.json"
    told = json.loads(origin.read_text(encoding="utf-8")) if origin.exists() else {}
    inside = any(mark.exists() for mark in _CONTAINERS)
    return found(Path(sys.prefix), Path(sys.executable), told, container=inside)


def found(prefix: Path, python: Path, origin: Mapping[str, Any], *, container: bool) -> Installed:
    """The same of an environment: `origin` is pip's direct_url.json, empty for what came from an index."""
    if origin.get("dir_info", {}).get("editable"):
        return Installed(f"pip, from the folder {_folder(origin)} itself", f"git -C {_folder(origin)} pull")
    if (prefix / "uv-receipt.toml").is_file():
        return Installed("uv tool", f"uv tool upgrade {_NAME}{_again(origin, 'uv tool install --force')}")
    if (prefix / "pipx_metadata.json").is_file():
        return Installed("pipx", f"pipx upgrade {_NAME}{_again(origin, 'pipx install --force')}")
    if any(part.startswith("archive-v") for part in prefix.parts):
        return Installed("uvx, for this run only", f"uvx {_NAME}@latest")
    if container:
        return Installed("pip, in a container", "build or pull the image anew, and start the container anew")
    what = _folder(origin) if "dir_info" in origin else origin.get("url", _NAME)
    return Installed("pip", f'"{python}" -m pip install --upgrade "{what}"')


def _again(origin: Mapping[str, Any], command: str) -> str:
    """What was installed from a folder is upgraded from there: after a pull."""
    return f" (from a newer copy: {command} {_folder(origin)})" if "dir_info" in origin else ""


def _folder(origin: Mapping[str, Any]) -> str:
    path = unquote(urlsplit(str(origin.get("url", ""))).path)
    return path.removeprefix("/") if sys.platform == "win32" else path  # file:///C:/folder
