"""Regular expressions that are compiled when they are first used: a run has two hundred of them, and uses half."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, AnyStr

__all__ = ["regex"]

if TYPE_CHECKING:
    from re import compile as regex
else:

    class regex:  # noqa: N801 - it stands where re.compile would
        """What re.compile gives, with each of its methods at hand from its first use on."""

        def __init__(self, text: AnyStr, flags: int = 0) -> None:
            self._given = text, flags

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a method of any kind
            value = getattr(re.compile(*self._given), name)
            self.__dict__[name] = value
            return value
