"""The secrets that a config names: the API key and addresses of alerts, each in a variable, a file or a command.

The key is CQS_API_KEY's, else the config's, else FREE. No message, warning or exception of this module holds a secret
or a part of it, nor the values of key_file, key_command and the like: some people put the key itself there.
"""

from __future__ import annotations

import codecs
import os
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cqs_sheets.config.document import Document
from cqs_sheets.config.rules import command_words
from cqs_sheets.config.settings import absolute
from cqs_sheets.core.secret import FREE, Secret
from cqs_sheets.core.toml.lines import Path as KeyPath
from cqs_sheets.patterns import regex
from cqs_sheets.unexpected import out_of_reach

if TYPE_CHECKING:
    import subprocess

VARIABLE = "CQS_API_KEY"
USABLE = regex(r"[\x21-\x7e]{1,512}")
"""What a key looks like."""
_ADDRESS = regex(r"[a-z][a-z0-9+.-]*://[\x21-\x7e]{1,2000}", re.IGNORECASE)
_PLACES = {
    "key_env": "the variable that key_env names in the config",
    "key_file": "the file that key_file names in the config",
    "key_command": "what the key_command of the config reads",
}
_NO_ADDRESS = "what it holds is no address like service://... (not shown)"
_NOTHING_THERE = {
    "to_env": "that variable is not set, or empty",
    "to_file": "the file is empty",
    "to_command": "the command prints nothing",
}
_MOST_BYTES = 4096
_GLANCE = 0.5  # seconds between two looks at whether a stop was asked for
_PATIENCE = 120  # seconds: a password manager may have to ask a person


class FoundKey(NamedTuple):
    """The key, and what should be told about where it came from."""

    key: Secret
    warnings: tuple[str, ...] = ()


def variable_problem(environ: Mapping[str, str]) -> str | None:
    """Why the key in the environment cannot be used, or None."""
    return _problem(environ[VARIABLE]) if environ.get(VARIABLE) else None


def find_key(document: Document, environ: Mapping[str, str]) -> FoundKey:
    """The key to use; `variable_problem` must have nothing against the environment's.

    Raises UsageError, with the line of the config, if the key named there cannot be had.
    """
    if given := environ.get(VARIABLE):
        return FoundKey(Secret(given))
    api = document.values.get("api", {})
    warnings = [f"{VARIABLE} is set but empty: it is taken as not set."] if given == "" else []
    way = next((way for way in _PLACES if way in api), None)
    if way is None:
        return FoundKey(Secret(FREE, VARIABLE), tuple(warnings))
    text = _read(document, environ, ("api", way), "key", _problem)
    if way == "key_file":
        warnings += _open_to_others(absolute(api[way], document.folder))
    return FoundKey(Secret(text, _PLACES[way]), tuple(warnings))


def find_address(document: Document, environ: Mapping[str, str], position: int) -> Secret | None:
    """Where that alert of the config goes, None for this desktop; raises UsageError if it cannot be had."""
    alert = document.values["alert"][position]
    if "to" in alert:
        return None
    way = next(way for way in _NOTHING_THERE if way in alert)

    def problem(text: str) -> str | None:
        if not text.strip():
            return _NOTHING_THERE[way]
        return None if _ADDRESS.fullmatch(text.strip()) else _NO_ADDRESS

    return Secret(_read(document, environ, ("alert", position, way), "address", problem).strip())


def _read(
    document: Document,
    environ: Mapping[str, str],
    path: KeyPath,
    what: str,
    problem: Callable[[str], str | None],
) -> str:
    """What the variable, file or command holds that the config names at `path`.

    Raises UsageError, with the line, if it cannot be had or there is a `problem` with it.
    """
    named: Any = document.values
    for name in path:
        named = named[name]
    way = str(path[-1])
    try:
        if way.endswith("env"):
            text = environ.get(named, "")
        elif way.endswith("file"):
            text = _file_content(absolute(named, document.folder))
        else:
            text = _command_output(command_words(named), document.folder, environ, what)
        wrong = problem(text)
    except OSError as error:
        if away := out_of_reach(error, f"The {what} file"):
            raise away from None
        wrong = (error.strerror or "unknown trouble").lower()
    except ValueError as error:
        wrong = str(error)
    if wrong:
        raise document.refusal(path, wrong) from None
    return text


def _problem(key: str) -> str | None:
    if not key:
        return "there is no key in it"
    if USABLE.fullmatch(key):
        return None
    return (
        "this is no key: a key is one word of at most 512 plain letters, digits and signs (it is not shown)"
    )


def _file_content(path: Path) -> str:
    """A small file's text. Raises ValueError or OSError."""
    if not path.is_file():
        raise ValueError(f"the path {'is not that of a file' if path.exists() else 'does not exist'}")
    with path.open("rb") as file:
        return _text(file.read(_MOST_BYTES))


def _command_output(words: Sequence[str], folder: Path, environ: Mapping[str, str], what: str) -> str:
    """What a program prints; its messages and questions go to the terminal as they are. Raises ValueError."""
    import subprocess  # noqa: PLC0415 - for those who have such a command

    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
            words, cwd=folder, env=dict(environ), stdout=subprocess.PIPE
        )
    except OSError as error:
        raise ValueError(
            f"the program cannot be started: {(error.strerror or 'unknown trouble').lower()}"
        ) from None
    said = _said(process, what)
    if process.returncode != 0:
        raise ValueError(f"the command ended with exit code {process.returncode} and no {what}")
    return _text(said)


def _said(process: subprocess.Popen[bytes], what: str) -> bytes:
    """All that a program prints, if it ends in time and without printing more than any key has."""
    said: list[bytes] = []

    def read() -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        with process.stdout as output:
            said.append(output.read(_MOST_BYTES + 1))

    reader = threading.Thread(target=read, daemon=True)  # left behind should a child of it keep the pipe
    reader.start()
    until = time.monotonic() + _PATIENCE
    from cqs_sheets.deadline import stop_asked  # noqa: PLC0415 - requests, which is not there where an install failed

    while reader.is_alive() and time.monotonic() < until and not stop_asked():
        reader.join(_GLANCE)
    if not said or len(said[0]) > _MOST_BYTES:
        process.kill()
        process.wait()
        raise ValueError(
            f"the command printed more than {_MOST_BYTES:,} bytes, which is no {what}"
            if said
            else f"the command gave no {what} within {_PATIENCE} seconds"
        )
    import subprocess  # noqa: PLC0415 - as above

    try:
        process.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        raise ValueError(f"the command did not end within {_PATIENCE} seconds") from None
    return said[0]


def _text(content: bytes) -> str:
    """The content without the blanks and line ends around it; undecodable bytes make it no key."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as PowerShell's `>` writes
    return content.decode("utf-16" if wide else "utf-8-sig", "replace").strip()


def _open_to_others(path: Path) -> list[str]:
    """A warning, if others can read a file that holds a secret."""
    if os.name != "posix" or not path.stat().st_mode & 0o077:
        return []
    return [f"The key file {path} can be read by other users of this machine: run `chmod 600` on it."]
