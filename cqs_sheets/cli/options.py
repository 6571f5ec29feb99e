"""Options that several commands share, each written once; their types, and what a shell completes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cqs_sheets.config import Overrides
from cqs_sheets.config.values import interval
from cqs_sheets.core.signals.exchanges import CURRENCIES, EXCHANGES, TYPES
from cqs_sheets.core.toml import duration, duration_text
from cqs_sheets.template_files import built_in
from cqs_sheets.values import dataclass

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(Overrides):
    """What every command that reads the config may be told; what it has no option for stays as it is here."""

    config: Path | None = None
    sandbox: bool = False
    verbose: bool = False
    quiet: bool = False
    log_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncOptions(Options):
    """What a sync may be told."""

    dry_run: bool = False
    restore: bool = False
    force: bool = False
    as_json: bool = False


_Value = TypeVar("_Value")


class Read(click.ParamType[_Value]):
    """A value that `read` makes of a text; what that has against it, as ValueError, is told."""

    def __init__(self, name: str, read: Callable[[str], _Value]) -> None:
        self.name = name
        self._read = read

    def convert(
        self, value: str | _Value, param: click.Parameter | None, ctx: click.Context | None
    ) -> _Value:
        """The value; one that is read already stays as it is."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def span(least: int, most: int | None = None) -> Read[float]:
    """`90s`, `5m`, `5h50m`: seconds, within bounds."""

    def read(text: str) -> float:
        try:
            seconds = duration(text.strip())
        except ValueError:
            raise ValueError(f"{text!r} is not a duration like 90s, 5m or 5h50m") from None
        if seconds < least or (most is not None and seconds > most):
            bound = f" and at most {duration_text(most)}" if most is not None else ""
            raise ValueError(f"{text!r} is out of range: at least {duration_text(least)}{bound}")
        return float(seconds)

    return Read("duration", read)


def _tab_title(text: str) -> tuple[str, str]:
    """`NAME=TITLE`: a tab of the template, and the sheet that stands for it."""
    name, _, title = (part.strip() for part in text.partition("="))
    if not name or not title:
        raise ValueError(f'{text!r} is not a tab and the title of a sheet, like Signals="My trades"')
    return name, title


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(0)
    if not amount.is_finite() or amount <= 0:
        raise ValueError(f"{text!r} is not an amount like 5000 or 12500.50")
    return amount


def _days(text: str) -> int:
    number = re.fullmatch(r"(\d{1,3})d", text.strip(), re.ASCII)
    if number is None or not 1 <= int(number[1]) <= 366:  # noqa: PLR2004 - a year
        raise ValueError(f"{text!r} is not a number of days from 1d to 366d, like 30d")
    return int(number[1])


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a day or time like 2026-05-24 or 2026-05-24T14:30") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


AMOUNT = Read("amount", _amount)
"""An amount of money above 0, exact."""
DAYS = Read("days", _days)
"""`30d`: whole days, 1..366."""
MOMENT = Read("YYYY-MM-DD[THH:MM]", _moment)
"""A day or a time, UTC; aware."""
_INTERVAL = Read[str | int]("auto|1..20", lambda text: interval(text) or text)
_TAB_TITLE = Read("name=title", _tab_title)


def complete_template(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """The built-in templates, and files as the shell completes them."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - for the shell alone

    names = complete_built_in(context, parameter, incomplete)
    return [CompletionItem(incomplete, type="file"), *map(CompletionItem, names)]


def complete_built_in(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The built-in templates."""
    del context, parameter
    return [name for name in built_in() if name.startswith(incomplete)]


def complete_filter(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The values that the API knows for --exchange, --currency and --type."""
    del context
    known = {"exchange": EXCHANGES, "currency": CURRENCIES, "type": TYPES}[parameter.name or ""]
    return [name for name in known if name.casefold().startswith(incomplete.casefold())]


def stack(*decorators: _Decorator) -> _Decorator:
    """Several options as one decorator, in the order in which help shows them."""

    def apply(function: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return apply


config_option = click.option(
    "-c",
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The config; default: cqs-sheets.toml in this folder.",
)
filter_options = stack(
    click.option(
        "--exchange",
        multiple=True,
        metavar="CODE",
        shell_complete=complete_filter,
        help="Only this exchange, e.g. binance_futures. Repeatable.",
    ),
    click.option(
        "--currency",
        multiple=True,
        metavar="QUOTE",
        shell_complete=complete_filter,
        help="Only this quote currency, e.g. USDT. Repeatable.",
    ),
    click.option(
        "--type",
        multiple=True,
        metavar="TYPE",
        shell_complete=complete_filter,
        help='Only this horizon, e.g. "SHORT TERM". Repeatable.',
    ),
)
feed_options = stack(
    click.option(
        "--interval",
        type=_INTERVAL,
        metavar="auto|1..20",
        help="How many minutes to look back; auto: as far as is needed.",
    ),
    filter_options,
    click.option("--sandbox", is_flag=True, help="Start a local API with invented signals, and use it."),
)
loudness_options = stack(
    click.option("-v", "--verbose", is_flag=True, help="Tell every request and step."),
    click.option("-q", "--quiet", is_flag=True, help="Tell nothing but errors."),
    click.option(
        "--log-file",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Append all that happens to a file, as JSON lines.",
    ),
)
journal_options = stack(
    config_option,
    click.option("--sandbox", is_flag=True, help="The journal of syncs made with --sandbox."),
    loudness_options,
)
write_options = stack(
    click.option(
        "--to",
        multiple=True,
        metavar="TARGET",
        help="An .xlsx file, or a Google Sheet's address or id. Repeatable; default: the config's.",
    ),
    click.option(
        "--template",
        metavar="NAME|FILE",
        shell_complete=complete_template,
        help="What the target looks like; default: signals.",
    ),
    click.option(
        "--tab",
        "tabs",
        multiple=True,
        type=_TAB_TITLE,
        callback=lambda _, __, given: dict(given),
        metavar="NAME=TITLE",
        help='A sheet of your own that is the template\'s tab NAME, e.g. Signals="My trades". Repeatable.',
    ),
    click.option("--newest-first", is_flag=True, help="New rows on top (not in raw, which is a log)."),
)
sync_options = stack(
    config_option,
    write_options,
    feed_options,
    click.option("--dry-run", is_flag=True, help="Show what would be written; change nothing at all."),
    click.option("--restore", is_flag=True, help="Put back rows that you deleted."),
    click.option(
        "--force",
        is_flag=True,
        help="Write past a lock that an editor left behind, or past the limit on large changes.",
    ),
    click.option(
        "--json", "as_json", is_flag=True, help="Print the report as JSON on stdout, all else on stderr."
    ),
    loudness_options,
)
