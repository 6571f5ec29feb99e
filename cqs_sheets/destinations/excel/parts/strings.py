"""The workbook's shared strings, streamed: only what is asked for is kept."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from cqs_sheets.destinations.excel.parts.cellxml import rich_text
from cqs_sheets.destinations.excel.parts.package import Draft
from cqs_sheets.destinations.excel.parts.xmltext import canonical

_ITEM = re.compile(rb"<si(?:\s[^>]*?)?(?:/>|>(.*?)</si>)", re.DOTALL)
_END = b"</si>"


class SharedStrings:
    """The shared strings of a workbook; `part` is None if it has none."""

    def __init__(self, draft: Draft, part: str | None) -> None:
        self._draft = draft
        self._part = part

    def texts(self, indexes: Collection[int]) -> dict[int, str]:
        """The strings at these indexes; one pass, none if there are no indexes."""
        if not indexes:
            return {}
        last = max(indexes)
        found: dict[int, str] = {}
        for index, item in enumerate(self._items()):
            if index in indexes:
                found[index] = rich_text(item)
            if index == last:
                break
        return found

    def indexes(self, keys: Collection[str]) -> dict[int, str]:
        """Which strings, stripped, are one of `keys`: index -> key; one pass, none if there are no keys."""
        found: dict[int, str] = {}
        for index, item in enumerate(self._items() if keys else ()):
            text = rich_text(item).strip()
            if text in keys:
                found[index] = text
        return found

    def without_digits(self) -> frozenset[int]:
        """Which strings have no digit; one pass."""
        texts = enumerate(map(rich_text, self._items()))
        return frozenset(index for index, text in texts if not any(map(str.isdigit, text)))

    def _items(self) -> Iterator[bytes]:
        if self._part is None:
            return
        rest = b""
        for chunk in canonical(self._draft.chunks(self._part)):
            rest += chunk
            cut = rest.rfind(_END) + len(_END)
            if cut >= len(_END):
                yield from _ITEM.findall(rest[:cut])
                rest = rest[cut:]
        yield from _ITEM.findall(rest)
