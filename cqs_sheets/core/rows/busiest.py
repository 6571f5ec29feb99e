"""The short lists that a sync writes into settings: the busiest exchanges and coins of late.

A setting asks for one by its value, `@exchanges_30d` or `@coins_30d`; charts and cards read it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta, tzinfo

from cqs_sheets.core.rows.rows import passes, takes
from cqs_sheets.core.signals.signal import Record
from cqs_sheets.core.signals.vocabulary import exchange_name
from cqs_sheets.core.templates.template import Setting, Template

SPAN = timedelta(days=30)

_Name = Callable[[Record], str]
_LISTS: Mapping[str, tuple[_Name, int]] = {
    "@exchanges_30d": (lambda record: exchange_name(record.signal.exchange), 9),
    "@coins_30d": (lambda record: record.signal.coin, 10),
}
_WORDS = frozenset({
    "exchange", "currency", "coin", "direction", "type", "risk_level", "leverage", "table",
    "min_risk", "max_risk", "min_leverage", "max_leverage",
})  # fmt: skip


def asked(template: Template) -> dict[str, str]:
    """The settings of a template that hold such a list: name -> which."""
    settings: tuple[Setting, ...] = template.settings_tab.settings if template.settings_tab else ()
    return {each.name: str(each.value) for each in settings if each.synced and each.value in _LISTS}


def looks_at_words(template: Template, where: Mapping[str, object]) -> bool:
    """Whether signals of the same words, risk and leverage are all taken, or none of them is."""
    names = [*where, *(name for tab in template.fed_tabs for name in tab.where)]
    return _WORDS.issuperset(names)


def busiest(
    template: Template, where: Mapping[str, object], records: Iterable[tuple[Record, int]], zone: tzinfo
) -> dict[str, str]:
    """The text of each list the template asks for, by setting: most rows first, ties by name.

    `records` are the signals of the span, each with how many it stands for; those that pass `where`
    and that a tab takes are counted.
    """
    wanted = asked(template)
    counts: dict[str, Counter[str]] = {which: Counter() for which in wanted.values()}
    for record, number in records:
        if passes(where, record, zone) and any(takes(tab, record, zone) for tab in template.fed_tabs):
            for which, count in counts.items():
                count[_one_item(_LISTS[which][0](record))] += number
    return {name: _listed(counts[which], _LISTS[which][1]) for name, which in wanted.items()}


def _one_item(name: str) -> str:
    """A name as an item of a list that commas separate."""
    return " ".join(name.replace(",", " ").split())


def _listed(counts: Counter[str], most: int) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0].casefold(), item[0]))
    return ", ".join([name for name, _ in ordered if name][:most])
