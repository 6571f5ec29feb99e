"""What a shell completes where an option wants a name: templates, exchanges, currencies, horizons.

Imports are made when the shell asks, so that no command starts later for it.
"""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem


def complete_template(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The built-in templates, and files as the shell completes them."""
    return [CompletionItem(incomplete, type="file"), *complete_built_in(context, parameter, incomplete)]


def complete_built_in(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The built-in templates."""
    from cqs_sheets.template_files import built_in  # noqa: PLC0415 - keeps --help fast

    del context, parameter
    return [CompletionItem(name) for name in built_in() if name.startswith(incomplete)]


def complete_filter(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The values that the API knows for --exchange, --currency and --type."""
    from cqs_sheets.core.signals.vocabulary import CURRENCIES, EXCHANGES, TYPES  # noqa: PLC0415 - keeps --help fast

    del context
    known = {"exchange": EXCHANGES, "currency": CURRENCIES, "types": TYPES}[parameter.name or ""]
    return [CompletionItem(name) for name in known if name.casefold().startswith(incomplete.casefold())]
