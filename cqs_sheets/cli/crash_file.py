"""What a bug leaves behind for whoever mends it."""

from __future__ import annotations

import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from cqs_sheets import __version__


def write_crash_file(error: Exception) -> Path | None:
    """The traceback, in a file only its owner can read.

    Places in the code only: neither messages nor values, as those could hold a key. None if it cannot
    be written.
    """
    lines = [f"cqs-sheets {__version__}, Python {sys.version}, {sys.platform}\n"]
    cause: BaseException | None = error
    while cause is not None:
        lines.append(f"{type(cause).__module__}.{type(cause).__qualname__}\n")
        lines.extend(traceback.StackSummary.extract(traceback.walk_tb(cause.__traceback__)).format())
        cause = cause.__cause__ or cause.__context__
    name = f"cqs-sheets-crash-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.txt"
    path = Path(tempfile.gettempdir()) / name
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError:
        return None
    return path
