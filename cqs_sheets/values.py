"""Dataclasses that cost little until they are used: a run makes a hundred of them, and has instances of few.

Python compiles eight methods for each. Here `__init__` is compiled when it is first asked for; comparing, hashing,
showing and being frozen need none of their own.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING, FrozenInstanceError, asdict, field, fields, replace
from operator import attrgetter
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any

__all__ = ["asdict", "dataclass", "field", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(kind: type | None = None, /, *, frozen: bool = False, **options: bool) -> Any:  # noqa: ANN401 - as the library's
        """As dataclasses.dataclass, with the options `frozen`, `slots` and `kw_only`."""
        if kind is None:
            return lambda kind: dataclass(kind, frozen=frozen, **options)
        kind.__doc__ = kind.__doc__ or kind.__name__  # else the library works its signature out for it
        made = dataclasses.dataclass(kind, init=False, eq=False, repr=False, **options)
        methods = _methods(made) | (_FROZEN if frozen else {"__hash__": None})
        methods["__init__"] = _Init(made, frozen=frozen)
        for name in methods.keys() - kind.__dict__.keys():
            setattr(made, name, methods[name])
        return made


def _methods(made: type) -> dict[str, Any]:
    """What compares, hashes and shows an instance."""
    compared = [each.name for each in fields(made) if each.compare]
    shown = [each.name for each in fields(made) if each.repr]
    values = attrgetter(*compared) if compared else bool

    def equal(self: object, other: object) -> bool:
        return bool(values(self) == values(other)) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: object) -> int:
        return hash(values(self))

    def text(self: object) -> str:
        shown_values = ", ".join(f"{name}={getattr(self, name)!r}" for name in shown)
        return f"{self.__class__.__qualname__}({shown_values})"

    return {"__eq__": equal, "__hash__": hashed, "__repr__": text}


def _unchanged(self: object, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"cannot change {name!r} of a {self.__class__.__qualname__}")


def _state(self: Any) -> list[Any]:  # noqa: ANN401 - any dataclass
    return [getattr(self, each.name) for each in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:  # noqa: ANN401
    for each, value in zip(fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)


_FROZEN = {
    "__setattr__": _unchanged, "__delattr__": _unchanged, "__getstate__": _state, "__setstate__": _set_state,
}  # fmt: skip


class _Init:
    """The `__init__` of a dataclass: the function takes this one's place once it is compiled."""

    def __init__(self, made: type, *, frozen: bool) -> None:
        self._made = made
        self._frozen = frozen

    def __get__(self, instance: object, owner: type) -> Any:  # noqa: ANN401 - a method, bound or not
        init = _compiled(self._made, frozen=self._frozen)
        self._made.__init__ = init  # type: ignore[misc]
        return init.__get__(instance, owner)


def _compiled(made: type, *, frozen: bool) -> Any:  # noqa: ANN401 - a function with any parameters
    """An `__init__` such as the library's: those fields first that may be given by their place."""
    known: dict[str, Any] = {"_put": object.__setattr__, "_MISSING": MISSING}
    by_place, by_name, lines = ["self"], list[str](), list[str]()
    for each in fields(made):
        name = value = each.name
        if each.default is not MISSING:
            known[f"_default_{name}"] = each.default
            parameter = f"{name}=_default_{name}"
        elif each.default_factory is not MISSING:
            known[f"_new_{name}"] = each.default_factory
            parameter, value = f"{name}=_MISSING", f"_new_{name}() if {name} is _MISSING else {name}"
        else:
            parameter = name
        (by_name if each.kw_only else by_place).append(parameter)
        slot = getattr(made, name, None) if frozen else None
        if isinstance(slot, MemberDescriptorType):  # which puts in two thirds of the time
            known[f"_put_{name}"] = slot.__set__
            lines.append(f"_put_{name}(self, {value})")
        else:
            lines.append(f"_put(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(made, "__post_init__"):
        lines.append("self.__post_init__()")
    parameters = [*by_place, *(["*", *by_name] if by_name else [])]
    source = f"def __init__({', '.join(parameters)}):\n  " + "\n  ".join(lines or ["pass"])
    exec(source, known)  # noqa: S102 - names of our own fields, as the library does
    return known["__init__"]
