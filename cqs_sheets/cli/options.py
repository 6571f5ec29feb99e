"""Options that several commands share, each written once; their types, and what a shell completes."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cqs_sheets.config import Overrides
from cqs_sheets.core.signals.exchanges import CURRENCIES, EXCHANGES, TYPES
from cqs_sheets.patterns import regex
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


class Interval(click.ParamType[str | int]):
    """`auto` or whole minutes 1..20."""

    name = "auto|1..20"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | int:
        """The minutes, or "auto"."""
        if isinstance(value, int) or value == "auto":
            return value
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 20):  # noqa: PLR2004 - the guide's bounds
            self.fail(f"{value!r} is neither 'auto' nor whole minutes from 1 to 20", param, ctx)
        return int(value)


class TabTitle(click.ParamType[tuple[str, str]]):
    """`NAME=TITLE`: a tab of the template, and the sheet that stands for it."""

    name = "name=title"

    def convert(
        self, value: str | tuple[str, str], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """The two parts."""
        if isinstance(value, tuple):
            return value
        name, _, title = (part.strip() for part in value.partition("="))
        if not name or not title:
            self.fail(
                f'{value!r} is not a tab and the title of a sheet, like Signals="My trades"', param, ctx
            )
        return name, title


class Duration(click.ParamType[float]):
    """`90s`, `5m`, `5h50m`: seconds, within bounds."""

    name = "duration"
    _PARTS = regex(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?")

    def __init__(self, least: float, most: float = float("inf")) -> None:
        self._least = least
        self._most = most

    def convert(self, value: str | float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        if isinstance(value, int | float):
            return float(value)
        parts = self._PARTS.fullmatch(value.strip())
        if not value.strip() or parts is None:
            self.fail(f"{value!r} is not a duration like 90s, 5m or 5h50m", param, ctx)
        hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        total = hours * 3600 + minutes * 60 + seconds
        if not self._least <= total <= self._most:
            most = f" and at most {_spelt(self._most)}" if isfinite(self._most) else ""
            self.fail(f"{value!r} is out of range: at least {_spelt(self._least)}{most}", param, ctx)
        return float(total)


def _spelt(seconds: float) -> str:
    return f"{seconds / 60:g}m" if seconds % 60 == 0 else f"{seconds:g}s"


class Amount(click.ParamType[Decimal]):
    """An amount of money above 0."""

    name = "amount"

    def convert(
        self, value: str | Decimal, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """The amount, exact."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            amount = Decimal(0)
        if not amount.is_finite() or amount <= 0:
            self.fail(f"{value!r} is not an amount like 5000 or 12500.50", param, ctx)
        return amount


class Days(click.ParamType[int]):
    """`30d`: whole days, 1..366."""

    name = "days"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number of days."""
        if isinstance(value, int):
            return value
        number = re.fullmatch(r"(\d{1,3})d", value.strip(), re.ASCII)
        if number is None or not 1 <= int(number[1]) <= 366:  # noqa: PLR2004 - a year
            self.fail(f"{value!r} is not a number of days from 1d to 366d, like 30d", param, ctx)
        return int(number[1])


class Moment(click.ParamType[datetime]):
    """A day or a time, UTC."""

    name = "YYYY-MM-DD[THH:MM]"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """An aware time."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day or time like 2026-05-24 or 2026-05-24T14:30", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


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
        type=Interval(),
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
        type=TabTitle(),
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
