"""The API key: from CQS_API_KEY, else from the variable, file or command that the config names, else FREE.

No message, warning or exception of this module holds the key or a part of it, nor the values of
key_file and key_command: some people put the key itself there.
"""

from __future__ import annotations

import codecs
import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cqs_sheets.config.document import Document
from cqs_sheets.config.rules import command_words
from cqs_sheets.config.settings import absolute
from cqs_sheets.core.secret import FREE, Secret
from cqs_sheets.patterns import regex
from cqs_sheets.unexpected import out_of_reach

if TYPE_CHECKING:
    import subprocess

VARIABLE = "CQS_API_KEY"
_USABLE = regex(r"[\x21-\x7e]{1,512}")
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
    given = environ.get(VARIABLE)
    if given:
        return FoundKey(Secret(given))
    api = document.values.get("api", {})
    warnings = [f"{VARIABLE} is set but empty: it is taken as not set."] if given == "" else []
    text, setting, place = FREE, "", VARIABLE
    try:
        if "key_env" in api:
            setting, place = "key_env", "the variable that key_env names in the config"
            text = environ.get(api["key_env"], "")
        elif "key_file" in api:
            setting, place = "key_file", "the file that key_file names in the config"
            path = absolute(api["key_file"], document.folder)
            text = file_content(path)
            warnings.extend(open_to_others(path))
        elif "key_command" in api:
            setting, place = "key_command", "what the key_command of the config reads"
            text = command_output(command_words(api["key_command"]), document.folder, environ)
        problem = _problem(text)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and (away := out_of_reach(error, "The key file")):
            raise away from None
        problem = (error.strerror or "unknown trouble").lower() if isinstance(error, OSError) else str(error)
    if problem:
        raise document.refusal(("api", setting), problem) from None
    return FoundKey(Secret(text, place), tuple(warnings))


def _problem(key: str) -> str | None:
    if not key:
        return "there is no key in it"
    if _USABLE.fullmatch(key):
        return None
    return (
        "this is no key: a key is one word of at most 512 plain letters, digits and signs (it is not shown)"
    )


def file_content(path: Path) -> str:
    """A small file's text. Raises ValueError or OSError."""
    if not path.is_file():
        raise ValueError(f"the path {'is not that of a file' if path.exists() else 'does not exist'}")
    with path.open("rb") as file:
        return _text(file.read(_MOST_BYTES))


def command_output(
    words: Sequence[str], folder: Path, environ: Mapping[str, str], *, what: str = "key"
) -> str:
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
    from subprocess import TimeoutExpired  # noqa: PLC0415 - as above

    try:
        process.wait(_PATIENCE)
    except TimeoutExpired:
        process.kill()
        raise ValueError(f"the command did not end within {_PATIENCE} seconds") from None
    return said[0]


def _text(content: bytes) -> str:
    """The content without the blanks and line ends around it; undecodable bytes make it no key."""
    wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # as PowerShell's `>` writes
    return content.decode("utf-16" if wide else "utf-8-sig", "replace").strip()


def open_to_others(path: Path, what: str = "key") -> list[str]:
    """A warning, if others can read a file that holds a secret."""
    if os.name != "posix" or not path.stat().st_mode & 0o077:
        return []
    return [f"The {what} file {path} can be read by other users of this machine: run `chmod 600` on it."]
