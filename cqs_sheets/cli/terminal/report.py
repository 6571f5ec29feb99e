"""A sync's result: for a person, for a script (--json), and on GitHub Actions for its page."""

from __future__ import annotations

import click

from cqs_sheets.cli.terminal.failures import show
from cqs_sheets.cli.terminal.log import log_report
from cqs_sheets.cli.terminal.output import print_json, print_warning
from cqs_sheets.config import Environment
from cqs_sheets.core.reports.render import plan_lines, report_lines
from cqs_sheets.github.summary import tell_github
from cqs_sheets.run.sync import SyncResult


def show_result(result: SyncResult, environment: Environment, *, as_json: bool, quiet: bool) -> int:
    """Print the result where it belongs, GitHub's page included; returns the exit code."""
    print_result(result, as_json=as_json, quiet=quiet)
    tell_github(result.report, environment)
    return result.report.exit_code


def print_result(result: SyncResult, *, as_json: bool, quiet: bool) -> None:
    """The result on stdout, warnings and errors on stderr."""
    report = result.report
    log_report(report)
    if as_json:
        print_json(report.as_json())
    elif not quiet:
        _show_plans(result)
        for line in report_lines(report):
            click.echo(line)
    if not quiet:
        for warning in report.warnings:
            print_warning(warning)
    for error in report.errors:
        show(error)


def _show_plans(result: SyncResult) -> None:
    if not result.report.dry_run:
        return
    for target, plan in result.plans.items():
        click.secho(target, bold=True)
        for line in plan_lines(plan):
            click.echo(f"  {line}")
