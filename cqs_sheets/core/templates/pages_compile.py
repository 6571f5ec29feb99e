"""From a template's blocks and reports to pages; pages.py tells how a writer uses them."""

from __future__ import annotations

from cqs_sheets.core.grid import Span
from cqs_sheets.core.templates.pages import Page
from cqs_sheets.core.templates.pages_blocks import block_column, blocks_page
from cqs_sheets.core.templates.pages_references import AreaReference, ColumnReference, References
from cqs_sheets.core.templates.pages_report import report_page
from cqs_sheets.core.templates.template import BlocksTab, ReportTab, Template


def compile_page(
    template: Template, tab: BlocksTab | ReportTab, *, area: AreaReference, column: ColumnReference
) -> Page:
    """The page of one tab; LookupError if the tab speaks of a block or a row that the template lacks."""

    def block(name: str, column_name: str) -> Span | None:
        other = template.tab(name)
        return block_column(other, column_name) if isinstance(other, BlocksTab) else None

    references = References(area=area, column=column, block=block)
    if isinstance(tab, BlocksTab):
        return blocks_page(tab, references)
    return report_page(tab, template.theme, references, block)
