"""The config: which file, what it comes to, what may be wrong with it, and who can read the key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cqs_sheets.config import Settings
from cqs_sheets.config.document import read_config
from cqs_sheets.config.places import absolute
from cqs_sheets.core.reports.render import plural
from cqs_sheets.core.signals.query import Feed
from cqs_sheets.doctor.finding import Finding, ok, warn

_SUBJECT = "config"


def check_config(settings: Settings) -> Iterator[Finding]:
    """What the settings are made of, and each of their warnings."""
    if settings.source is None:
        yield ok(
            _SUBJECT,
            "config.file",
            "No cqs-sheets.toml: everything is at its default (`cqs-sheets init` writes one).",
        )
    else:
        count = f"{plural(len(settings.feeds), 'feed')}, {plural(len(settings.targets), 'target')}"
        yield ok(_SUBJECT, "config.file", f"{settings.source}: {count}, times in {settings.zone}")
    for feed in settings.feeds:
        yield ok(_SUBJECT, "config.feed", f"feed {feed.name}: {_selection(feed)}")
    secret_file = _key_file(settings.source)
    for warning in settings.warnings:
        yield _warning(warning, secret_file)


def _key_file(source: Path | None) -> Path | None:
    """The file that the config names for the key."""
    named = read_config(source).values.get("api", {}).get("key_file") if source else None
    return absolute(named, source.parent) if source and named else None


def _selection(feed: Feed) -> str:
    named = (("exchange", feed.exchange), ("currency", feed.currency), ("type", feed.type))
    return "; ".join(f"{name} {', '.join(values)}" for name, values in named if values) or "every signal"


def _warning(warning: str, secret_file: Path | None) -> Finding:
    if secret_file is None or str(secret_file) not in warning:
        return warn(_SUBJECT, "config.warning", warning, "Correct it in the config if it is not meant so.")
    what, _, _ = warning.partition(":")
    return warn(
        _SUBJECT,
        "config.key_file",
        f"{what}.",
        f"Run `chmod 600 {secret_file}`.",
        fix=lambda: secret_file.chmod(0o600),
    )
