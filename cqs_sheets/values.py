"""Dataclasses that are made in less than half the time: a run makes a hundred of them before it does anything.

Python compiles six methods for each; comparing, hashing and showing need none of their own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import asdict, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["asdict", "dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(kind: type | None = None, /, **options: bool) -> Any:  # noqa: ANN401 - as the library's
        """As dataclasses.dataclass, with the options `frozen`, `slots` and `kw_only`."""
        if kind is None:
            return lambda kind: dataclass(kind, **options)
        given = kind.__dict__.keys()
        made = dataclasses.dataclass(kind, eq=False, repr=False, **options)
        fields = dataclasses.fields(made)
        names = [each.name for each in fields if each.compare]
        compared = attrgetter(*names) if names else bool
        shown = [each.name for each in fields if each.repr]

        def equal(self: object, other: object) -> bool:
            return compared(self) == compared(other) if other.__class__ is self.__class__ else NotImplemented

        def hashed(self: object) -> int:
            return hash(compared(self))

        def text(self: object) -> str:
            values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
            return f"{self.__class__.__qualname__}({values})"

        if "__eq__" not in given:
            made.__eq__ = equal
        if "__hash__" not in given:
            made.__hash__ = hashed if options.get("frozen") else None
        if "__repr__" not in given:
            made.__repr__ = text
        return made
