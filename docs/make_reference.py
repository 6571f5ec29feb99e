"""Writes docs/reference/ from the code, so that it cannot say anything else: python docs/make_reference.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from cqs_sheets import config, errors
from cqs_sheets.cli import group
from cqs_sheets.core.report import ApiReport, Report, RunOutcome, TargetReport
from cqs_sheets.core.signals.coverage import Coverage, Window

REFERENCE = Path(__file__).parent / "reference"
_MADE = "<!-- made by docs/make_reference.py: edit that, or the code -->\n"
_WIDTH = "96"

_VARIABLES = {
    "CQS_API_KEY": ("your subscription ID", "`FREE`"),
    "CQS_API_URL": (
        "another server, or another path on it; https, or http on this machine",
        "the production URL",
    ),
    "CQS_HOME": ("the folder of the journal", "your platform's folder for user data"),
    "CQS_JOURNAL": (
        "a journal in PostgreSQL: `postgresql://user:password@host/database`; as secret as the key",
        "",
    ),
    "CQS_CONFIG": ("the config file", "`cqs-sheets.toml` here"),
    "GOOGLE_APPLICATION_CREDENTIALS": (
        "Google credentials, as all of Google's tools read them",
        "a signed-in user (`init --google-client`)",
    ),
    "CQS_SHEETS_URL": ("an emulator of Google Sheets on this machine; no credentials are sent to it", ""),
    "CQS_MARKETS_URL": ("a server on this machine that stands for all exchanges' market data", ""),
    "NO_COLOR": ("set: no colours anywhere", ""),
    "GITHUB_ACTIONS": ("`true`: a summary, annotations and outputs for the run's page", ""),
}


def pages() -> dict[str, str]:
    """Every page of the reference, by file name."""
    return {
        "commands.md": "\n".join(_commands()),
        "config.md": "\n".join(_config()),
        "exit-codes.md": "\n".join(_exit_codes()),
        "report.md": "\n".join(_report()),
    }


def _commands() -> Iterator[str]:
    yield f"{_MADE}\n# Commands\n"
    yield "What `--help` says. All options have defaults.\n"
    yield _help([])
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield f"\n## {name}\n\n{_help([name])}"
        for each in sorted(getattr(command, "commands", {})):
            yield f"\n### {name} {each}\n\n{_help([name, each])}"


def _help(command: list[str]) -> str:
    done = CliRunner(env={"COLUMNS": _WIDTH}).invoke(
        group, [*command, "--help"], prog_name="cqs-sheets", max_content_width=int(_WIDTH)
    )
    return f"```text\n{done.output.rstrip()}\n```"


def _config() -> Iterator[str]:
    yield f"{_MADE}\n# Config\n"
    yield "`cqs-sheets.toml`, in the folder you run in, or named by `-c` or `CQS_CONFIG`. Every line is optional:\n"
    yield f"```toml\n{config.sample().rstrip()}\n```\n"
    yield "Unknown keys and wrong types are refused, all at once, each with its line and the nearest right name.\n"
    yield "Editors complete it after a first line `#:schema PATH`, the path of `config.schema.json` in the package."
    schema = config.schema()
    yield from _keys(
        "At the top", {k: v for k, v in schema["properties"].items() if v.get("type") == "string"}
    )
    for name, table in schema["properties"].items():
        inner = table.get("properties") or table.get("items", {}).get("properties")
        if inner:
            title = f"[[{name}]]" if table["type"] == "array" else f"[{name}]"
            yield from _keys(title, inner)
    yield from _keys("[symbols.CODE]", schema["properties"]["symbols"]["additionalProperties"]["properties"])


def _keys(title: str, properties: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield "| key | meaning |\n|---|---|"
    for key, rule in properties.items():
        yield f"| `{key}` | {rule.get('description', '').replace('|', '&#124;')} |"


def _exit_codes() -> Iterator[str]:
    yield f"{_MADE}\n# Exit codes and environment\n"
    yield "| code | what happened | kind |\n|---|---|---|"
    yield "| 0 | done | |"
    kinds = (
        errors.UsageError,
        errors.DataRefused,
        errors.ApiUnavailable,
        errors.TargetBusy,
        errors.AccessRefused,
    )
    yield "| 1 | A bug; the details are in a file, not on the screen. | `bug` |"
    for kind in kinds:
        first = " ".join((kind.__doc__ or "").split())
        yield f"| {kind.exit_code} | {first} | `{kind.kind}` |"
    yield "| 130, 143 | Stopped by Ctrl-C or a termination request, after finishing the step. | `interrupted` |"
    order = ", ".join(str(code) for code in errors.PRECEDENCE if code < 128)  # noqa: PLR2004 - signals
    yield f"\nIf several things fail in one run, the code is the first of {order} that occurred.\n"
    yield "## Environment\n\n| variable | meaning | default |\n|---|---|---|"
    for name, (meaning, default) in _VARIABLES.items():
        yield f"| `{name}` | {meaning} | {default} |"
    yield ""


def _report() -> Iterator[str]:
    yield f"{_MADE}\n# The report\n"
    yield "`sync --json` and `watch --json` print one object per sync on stdout, and everything else on stderr:\n"
    yield f"```json\n{json.dumps(_example().as_json(), indent=2)}\n```\n"
    yield "[report.schema.json](report.schema.json) is its JSON Schema. What the fields mean:\n"
    schema = json.loads((REFERENCE / "report.schema.json").read_text(encoding="utf-8"))
    yield "| field | meaning |\n|---|---|"
    for path, rule in _fields(schema):
        yield f"| `{path}` | {rule['description']} |"
    yield ""


def _fields(schema: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, rule in schema["properties"].items():
        if "description" in rule:
            yield f"{prefix}{name}", rule
        inner = rule.get("items", rule)
        if "properties" in inner:
            yield from _fields(inner, f"{prefix}{name}{'[]' if 'items' in rule else ''}.")


def _example() -> Report:
    started = datetime(2026, 5, 24, 14, 40, tzinfo=UTC)
    gap = Window(started - timedelta(hours=3), started - timedelta(hours=2, minutes=48))
    busy = errors.TargetBusy(
        "trades.xlsx is open in an editor.",
        meaning="Nothing was written; 4 rows wait in the journal.",
        hint="Close it there and sync again.",
    )
    return Report(
        started=started,
        seconds=0.812,
        dry_run=False,
        api=ApiReport(requests=3, signals=12, new=4, changed=1, closed=2),
        coverage=Coverage(
            since=started - timedelta(days=1),
            covered_seconds=85_680,
            gap_seconds=720,
            gaps=(gap,),
            gap_minutes=12,
        ),
        targets=(
            TargetReport(
                target="signals.xlsx",
                template="signals",
                outcome=RunOutcome.OK,
                added=4,
                updated=1,
                closed=2,
                unchanged=7,
                seconds=0.2,
            ),
            TargetReport(
                target="trades.xlsx",
                template="signals",
                outcome=RunOutcome.FAILED,
                unchanged=7,
                pending=4,
                seconds=10.1,
            ),
        ),
        errors=(busy,),
    )


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text.rstrip() + "\n", encoding="utf-8")
