"""The command line: commands/ has one file per command word, terminal/ what is shown and asked.

This module imports nothing but click, so that `--help` and `--version` answer at once; a command's
module is imported when the command is called.
"""

from __future__ import annotations

import gc
import sys
import warnings
from importlib import import_module

import click

from cqs_sheets import __version__

# command -> what `--help` says; a test holds these lines against the commands
COMMANDS = {
    "sync": "Fetch, journal, and write every target once.",
    "watch": "Sync in a loop, so that no signal is missed.",
    "fetch": "Print the open signals; writes nothing.",
    "status": "Show the last poll, coverage and gaps, and what is pending where.",
    "journal": "Show, export, import, copy, verify or prune the journal.",
    "templates": "List, show, copy, check or preview templates.",
    "outcomes": "Show what became of the signals: the feed's track record, on candles.",
    "alerts": "Send a test to those who are told, or list what was told and what waits.",
    "service": "Let a watch run by itself: from log-in or boot on, without a terminal.",
    "init": "Write cqs-sheets.toml, step by step; with --github, the workflow too.",
    "doctor": "Check key, API, clock, journal, credentials and every target; say what mends each.",
    "worker": "Poll and write for many tenants, beside any number of other workers.",
    "sandbox": "Run a local API with a market that moves, to try things on.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of COMMANDS."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself, imported now."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"cqs_sheets.cli.commands.{cmd_name}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command list, without importing a single command."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command named after a typo."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # noqa: PLC0415 - only after a typo

            near = get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message.rstrip('.')}. Did you mean '{near[0]}'?", ctx) from None


def _show_version(context: click.Context) -> None:
    from cqs_sheets.installed import installed  # noqa: PLC0415 - not needed for anything else

    click.echo(f"cqs-sheets, version {__version__}\n{installed()}")
    context.exit()


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda context, _, asked: _show_version(context) if asked else None,
    help="Show the version, how it was installed and what upgrades it.",
)
@click.pass_context
def group(context: click.Context) -> None:
    """Crypto Quality Signals, live in the spreadsheet you already own.

    Every open signal once, in the right row; your columns, formulas and charts are never touched.

    Try it without an account: cqs-sheets sync --sandbox
    """
    from cqs_sheets.cli.terminal.output import wanted_color  # noqa: PLC0415 - not needed to show help

    context.color = wanted_color()


_BETWEEN_COLLECTIONS = 50_000  # objects: a run makes many at once, nearly all without cycles
_GUESSERS = ("chardet", "charset_normalizer")


def settle_in() -> None:
    """What a process that is ours alone begins with."""
    gc.set_threshold(_BETWEEN_COLLECTIONS)
    # requests imports what guesses an answer's encoding, a fifth of the start, and does without where that is missing:
    # every answer here says what it is. Not so in a program that imports us, which may have others to read.
    for name in _GUESSERS:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    warnings.filterwarnings("ignore", "Unable to find acceptable character detection")


def main() -> None:
    """The console script: runs a command and turns every failure into its message and exit code."""
    settle_in()
    from cqs_sheets.cli.terminal.output import guarded  # noqa: PLC0415 - not needed to show help

    guarded(group)
