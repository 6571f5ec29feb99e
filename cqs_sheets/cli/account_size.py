"""The account's size: a cell of the sheet's Settings, where it can change without a config."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import click

from cqs_sheets.cli.output import say
from cqs_sheets.cli.running import settings_of
from cqs_sheets.cli.targets import Targets
from cqs_sheets.config import Settings
from cqs_sheets.core.rows.plan import Plan, Update
from cqs_sheets.core.rows.table import SETTING_VALUE
from cqs_sheets.core.templates.template import Setting, Template
from cqs_sheets.template_files import load_template

SETTING = "Equity"


def account_setting(template: Template) -> Setting | None:
    """The setting that position sizes are computed from, if the template has it."""
    tab = template.settings_tab
    return next((each for each in tab.settings if each.name == SETTING), None) if tab else None


def write_account_size(options: Mapping[str, Any], size: Decimal) -> None:
    """Write it into every target that has the setting. Raises CqsError as destinations do."""
    with settings_of(options, serve=False, tell=False) as loaded:
        targets = Targets(loaded.settings, loaded.environment, loaded.interruption, force=False)
        try:
            for each in loaded.settings.targets:
                target = targets.open(each)
                tab = target.template.settings_tab
                if tab is None or account_setting(target.template) is None:
                    continue
                table = target.destination.read(target.template, {})
                change = Update(tab=tab.name, key=SETTING, column=SETTING_VALUE, old=None, new=size)
                plan = Plan(
                    template=target.template,
                    table=table,
                    sequence=(table.sequence or 0) + 1,
                    word=uuid.uuid4().hex[:12],
                    updates=(change,),
                )
                target.destination.apply(plan)
                click.echo(f"{each.name}: {SETTING} in the tab {tab.name} is {size:,f} now.")
        finally:
            targets.close()


def tell_where(settings: Settings) -> None:
    """Where to type it."""
    for each in settings.targets:
        template = load_template(each.template)
        setting, tab = account_setting(template), template.settings_tab
        if setting and tab:
            say(
                f"Position sizes: your account size goes into {SETTING} in the tab {tab.name}"
                f" (it says {setting.value:,} at first)."
            )
            return
