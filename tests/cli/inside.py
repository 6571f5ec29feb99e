"""The command line run inside this process: as in a shell, but without the second of starting Python."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from subprocess import CompletedProcess
from typing import TYPE_CHECKING

from tzlocal import get_localzone_name

from cqs_sheets.cli import group
from cqs_sheets.cli.terminal.output import guarded

if TYPE_CHECKING:
    from tests.cli.command import Shell

_STOPS = (signal.SIGINT, signal.SIGTERM)
_ZONE = vars(sys.modules[get_localzone_name.__module__])
_LOGGERS = ("", "cqs_sheets", "cqs_sheets.report")


def run_inside(shell: Shell, *arguments: str, **variables: str) -> CompletedProcess[str]:
    """What a command ends with, as a process of its own would; what it changes of this one is put back."""
    return called_inside(lambda: guarded(group), shell, *arguments, **variables)


def called_inside(
    program: Callable[[], object], shell: Shell, *arguments: str, **variables: str
) -> CompletedProcess[str]:
    """What any program ends with that this process can call."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code = 0
    with (
        _as_started(["cqs-sheets", *arguments], shell.environ | variables),
        chdir(shell.folder),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            program()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return CompletedProcess(list(arguments), code, _text(out), _text(err))


def _text(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()  # with \n for any line end, as subprocess reads a text


@contextmanager
def _as_started(arguments: list[str], environ: dict[str, str]) -> Iterator[None]:
    argv, before, stdin, temp = sys.argv, dict(os.environ), sys.stdin, tempfile.tempdir
    known = [signal.getsignal(number) for number in _STOPS]
    sys.argv, sys.stdin = arguments, io.StringIO()
    os.environ.clear()
    os.environ.update(environ)
    # both are looked up once and then remembered
    tempfile.tempdir = _ZONE["_cache_tz_name"] = None
    try:
        with _logging_of_its_own():
            yield
    finally:
        sys.argv, sys.stdin, tempfile.tempdir = argv, stdin, temp
        _ZONE["_cache_tz_name"] = None
        os.environ.clear()
        os.environ.update(before)
        for number, handler in zip(_STOPS, known, strict=True):
            signal.signal(number, handler)


@contextmanager
def _logging_of_its_own() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    for logger in loggers:
        logger.handlers.clear()
    try:
        yield
    finally:
        for logger, (level, handlers) in zip(loggers, before, strict=True):
            for handler in logger.handlers:
                handler.close()
            logger.setLevel(level)
            logger.handlers[:] = handlers
