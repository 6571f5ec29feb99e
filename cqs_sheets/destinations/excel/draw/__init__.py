"""A new workbook from a template."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cqs_sheets.core.templates.formulas import NO_OTHERS, OtherTables
from cqs_sheets.core.templates.template import Tab, TableTab, Template
from cqs_sheets.errors import DataRefused


def build_workbook(
    template: Template,
    *,
    zone_name: str = "UTC",
    tabs: Collection[str] | None = None,
    taken: Collection[str] = (),
    titles: Mapping[str, str] | None = None,
    elsewhere: OtherTables = NO_OTHERS,
) -> bytes:
    """The .xlsx of a template without any rows, its tabs in the template's order.

    `tabs` narrows it to some of its tabs; None means all but those made when needed. `zone_name` fills
    the setting Time_zone. `titles` name the sheets (tab -> title); by default they are called like the tabs.
    No table and no setting gets a name that is `taken`. `elsewhere` spells columns of tabs that are not
    drawn; a formula that needs one it does not know stays empty, a rule is left out. Raises DataRefused for
    what Excel cannot hold, or if no tab is left.
    """
    from cqs_sheets.destinations.excel.draw.book import draw_workbook  # noqa: PLC0415 - openpyxl is slow to import

    chosen = [tab for tab in template.tabs if (not _is_optional(tab) if tabs is None else tab.name in tabs)]
    if not chosen:
        raise DataRefused(
            f"The template {template.name} has no tab to make a workbook of.",
            meaning="Nothing was written.",
            hint="Give it a table tab that is not made only when needed.",
        )
    return draw_workbook(template, chosen, zone_name, taken, titles or {}, elsewhere)


def _is_optional(tab: Tab) -> bool:
    return isinstance(tab, TableTab) and tab.when_needed
