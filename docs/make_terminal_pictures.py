"""Draws what a terminal shows, from real runs on the sandbox: python docs/make_terminal_pictures.py."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

from cqs_sheets.cli.terminal.screen import SignalFilter, looked, page
from cqs_sheets.config import Overrides
from cqs_sheets.run import opened_session

PICTURES = Path(__file__).parent / "pictures"
_SYNCS = ["cqs-sheets sync --sandbox --exchange binance_futures"]
_FETCH = ["cqs-sheets fetch --sandbox"]
SHOWN: dict[str, tuple[int, list[str]]] = {
    "terminal-fetch.svg": (120, _FETCH),
    "terminal-fetch-80.svg": (80, _FETCH),
    "terminal-sync.svg": (120, _SYNCS),
    "terminal-sync-80.svg": (80, _SYNCS),
    "terminal-doctor.svg": (120, ["cqs-sheets doctor --sandbox"]),
}


def main() -> None:
    """One picture after the other, in a folder of its own."""
    for name, (width, commands) in SHOWN.items():
        with tempfile.TemporaryDirectory() as folder:
            screen = Text()
            for command in commands:
                screen.append("$ ", style="bold green")
                screen.append(f"{command}\n", style="bold")
                screen.append_text(Text.from_ansi(on_a_terminal(command, Path(folder), width).strip("\n")))
                screen.append("\n\n")
            screen.rstrip()
            console = Console(record=True, width=width, file=StringIO())
            console.print(screen)
            console.save_svg(str(PICTURES / name), title="cqs-sheets")


def watched() -> None:
    """`status --watch` at both widths, of a sandbox that has just been synced."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {"CQS_HOME": folder, "CQS_API_KEY": "FREE"}
        os.environ |= environ
        config = Path(folder) / "cqs-sheets.toml"
        config.write_text("[outcomes]\n", encoding="utf-8")
        arguments = ["sync", "--sandbox", "-q", "--config", str(config)]
        subprocess.run([sys.executable, "-m", "cqs_sheets", *arguments], cwd=folder, check=True)
        with opened_session(config=config, overrides=Overrides(), sandbox=True, serve=False) as session:
            look = looked(session)
        for width, height in ((80, 24), (120, 30)):
            console = Console(record=True, width=width, height=height, file=StringIO(), force_terminal=True)
            console.print(page(look, SignalFilter(), width, height))
            file = PICTURES / f"terminal-watch-{width}.svg"
            console.save_svg(str(file), title="cqs-sheets status --watch", unique_id=f"watch{width}")


def on_a_terminal(command: str, folder: Path, width: int) -> str:
    """What a command prints on a terminal, colours included."""
    environ = {
        "COLUMNS": str(width),
        "CQS_HOME": str(folder / ".local/share/cqs-sheets"),
        "TERM": "xterm-256color",
        "COLORTERM": "",
    }
    arguments = [sys.executable, "-m", "cqs_sheets", *command.split()[1:]]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        arguments,
        cwd=folder,
        env=os.environ | environ,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ):
        os.close(theirs)
        printed = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    return _as_left_on_screen(printed.decode()).replace(str(folder), "~")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody writes any more
        return b""


def _as_left_on_screen(printed: str) -> str:
    """Without lines that were wiped away again: progress."""
    lines = printed.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rsplit("\r\x1b[2K", 1)[-1] for line in lines)


if __name__ == "__main__":
    main()
    watched()
