"""The command line run inside this process: as in a shell, but without the second of starting Python."""

from __future__ import annotations

import io
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from subprocess import CompletedProcess

from cqs_sheets.cli import group
from cqs_sheets.cli.terminal.failures import guarded
from tests.cli.command import Shell


def run_inside(shell: Shell, *arguments: str, **variables: str) -> CompletedProcess[str]:
    """What `shell.run` would give; what a command changes of the process is put back."""
    out, err = io.StringIO(), io.StringIO()
    with (
        _as_started(["cqs-sheets", *arguments], shell.environ | variables),
        chdir(shell.folder),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            guarded(group)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
    return CompletedProcess(list(arguments), code, out.getvalue(), err.getvalue())


@contextmanager
def _as_started(arguments: list[str], environ: dict[str, str]) -> Iterator[None]:
    argv, before, stdin, temp = sys.argv, dict(os.environ), sys.stdin, tempfile.tempdir
    root, level = logging.getLogger(), logging.getLogger("cqs_sheets").level
    handlers, stops = list(root.handlers), (signal.SIGINT, signal.SIGTERM)
    known = [signal.getsignal(number) for number in stops]
    sys.argv, sys.stdin = arguments, io.StringIO()
    os.environ.clear()
    os.environ.update(environ)
    root.handlers.clear()
    tempfile.tempdir = None  # it is looked up once and then remembered
    try:
        yield
    finally:
        sys.argv, sys.stdin, tempfile.tempdir = argv, stdin, temp
        os.environ.clear()
        os.environ.update(before)
        root.handlers[:] = handlers
        logging.getLogger("cqs_sheets").setLevel(level)
        for number, handler in zip(stops, known, strict=True):
            signal.signal(number, handler)
