"""Template files: the built-in ones by name, anyone's own by path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cqs_sheets.core.signals.exchanges import nearest
from cqs_sheets.core.toml import Problem, TomlProblems, describe
from cqs_sheets.errors import DataRefused, UsageError
from cqs_sheets.files import opened
from cqs_sheets.unexpected import out_of_reach

if TYPE_CHECKING:
    from cqs_sheets.core.templates.template import Template

_SUFFIX = ".toml"
_PACKAGE = Path(__file__).parent
_FOLDERS = (_PACKAGE / "templates", _PACKAGE.parent / "templates")  # of a wheel, of a checkout
_BUILT_IN = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0])
_SCHEMA = _BUILT_IN / "template.schema.json"
_MOST_INCLUDED = 100  # files; each may come more than once
_MOST_BYTES = 256 << 10  # ten times the longest of ours
_NOTHING = "Nothing was written."
_HINT = "Name one of `cqs-sheets templates list`, or a file."


def built_in() -> tuple[str, ...]:
    """The names of the built-in templates (those that are only included are not among them)."""
    names = sorted(path.stem for path in _BUILT_IN.glob(f"*{_SUFFIX}"))
    return tuple(name for name in names if not name.startswith("_"))


def read_built_in(name: str) -> str:
    """The text of a built-in template; UsageError if there is none of that name."""
    if name not in built_in():
        raise _no_such(name)
    return _text(_BUILT_IN / f"{name}{_SUFFIX}")


def load_template(name: str, *, outcomes: bool = False) -> Template:
    """A template by the name of a built-in one or the path of a file (it has a slash or ends in .toml).

    With `outcomes` the one that it names to stand for it where these are on, if it does. Raises UsageError if there
    is none that can be read, DataRefused if it is not a good template, with every problem of the file by its line.
    """
    from cqs_sheets.core.templates.reading import template_of  # noqa: PLC0415 - not where nothing is written

    path = Path(name)
    if not _is_file(name):
        read_built_in(name)
        path = _BUILT_IN / f"{name}{_SUFFIX}"
    document = _document(path, _trail())
    if outcomes and "outcomes" in document:
        try:
            document = _included(path, _trail(), document["outcomes"])
        except LookupError as missing:
            raise UsageError(f"{path}: {missing.args[0]}.", meaning=_NOTHING, hint=_HINT) from None
    return template_of(document, name=path.stem)


def sources(name: str) -> tuple[str, ...]:
    """The texts that a template is made of, as far as that is plain without reading it; else nothing.

    Raises UsageError if there is none that can be read.
    """
    if not _is_file(name):
        return tuple(map(_text, sorted(_BUILT_IN.glob(f"*{_SUFFIX}")))) if read_built_in(name) else ()
    text = _text(Path(name))
    return () if "include" in text or "outcomes" in text else (text,)


def problems_of(path: Path) -> Sequence[Problem]:
    """Everything that is wrong with a template file; UsageError if it cannot be read.

    A file it includes is taken as it is: DataRefused tells what is wrong with that.
    """
    try:
        _checked(path, _trail())
    except TomlProblems as found:
        return found.problems
    return ()


def schema() -> dict[str, Any]:
    """The JSON Schema of template files."""
    loaded: dict[str, Any] = json.loads(_SCHEMA.read_text(encoding="utf-8"))
    return loaded


def _is_file(name: str) -> bool:
    return name.lower().endswith(_SUFFIX) or any(slash in name for slash in "/\\")


class _Trail(NamedTuple):
    """The files on the way to one, and one number for each that may still be read: two may include two, and so on."""

    files: tuple[Path, ...]
    left: Iterator[int]


def _trail() -> _Trail:
    return _Trail((), iter(range(_MOST_INCLUDED)))


def _document(path: Path, trail: _Trail) -> dict[str, Any]:
    try:
        return _checked(path, trail)
    except TomlProblems as found:
        raise DataRefused(
            describe(found.problems, str(path)),
            meaning="Nothing was written.",
            hint=f"Correct the file; `cqs-sheets templates check {path}` looks at it again.",
            kind="template",
        ) from None


def _checked(path: Path, trail: _Trail) -> dict[str, Any]:
    from cqs_sheets.core.templates.reading import read_document  # noqa: PLC0415 - as above

    known_good = path.parent == _BUILT_IN
    include = partial(_included, path, trail._replace(files=(*trail.files, path.resolve())))
    return read_document(_text(path), include=include, schema=None if known_good else schema())


def _included(path: Path, trail: _Trail, name: str) -> dict[str, Any]:
    """A document named in `include`: a file beside the one that names it, else a built-in one."""
    file_name = name if _is_file(name) else f"{name}{_SUFFIX}"
    for candidate in (path.parent / file_name, _BUILT_IN / file_name):
        if candidate.resolve() in trail.files:
            raise LookupError(f'"{name}" includes itself')
        if next(trail.left, None) is None:
            raise LookupError(f"more than {_MOST_INCLUDED} files are included in all")
        if candidate.is_file():
            return _document(candidate, trail)
    raise LookupError(f'there is no template "{name}" to include, beside this file or built in')


def _text(path: Path) -> str:
    try:
        with opened(path) as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) <= _MOST_BYTES:
            return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise UsageError(f"There is no template file {path}.", meaning=_NOTHING, hint=_HINT) from None
    except OSError as error:
        raise out_of_reach(error, f"The template {path}") or UsageError(
            f"The template {path} cannot be read: {error.strerror}.", meaning=_NOTHING, hint=_HINT
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"The template {path} is not UTF-8 text.", meaning=_NOTHING, hint=_HINT) from None
    raise UsageError(
        f"The template {path} is larger than any template: is it the right file?",
        meaning=_NOTHING,
        hint=_HINT,
    )


def _no_such(name: str) -> UsageError:
    names = built_in()
    near = nearest(name, names)
    asked = f" Did you mean {near}?" if near else f" There are: {', '.join(names)}."
    return UsageError(f"There is no built-in template {name!r}.{asked}", meaning=_NOTHING, hint=_HINT)
