"""The house plan: a module imports only its own floor or lower ones, and there are no cycles."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cqs_sheets"

# the longest matching prefix wins; rooms of one floor stand on steps
FLOORS = {
    "cqs_sheets.__init__": 4,  # the front door: it shows programs what they may use
    "cqs_sheets.errors": 0,
    "cqs_sheets.deadline": 0,
    "cqs_sheets.files": 0,
    "cqs_sheets.patterns": 0,
    "cqs_sheets.values": 0,
    "cqs_sheets.installed": 0,
    "cqs_sheets.unexpected": 0,
    "cqs_sheets.core": 1,
    "cqs_sheets.core.text": 1,
    "cqs_sheets.core.signals": 1.1,
    "cqs_sheets.core.toml": 1.2,
    "cqs_sheets.core.outcomes": 1.3,
    "cqs_sheets.core.templates": 1.3,
    "cqs_sheets.core.plan": 1.4,
    "cqs_sheets.core.report": 1.5,
    "cqs_sheets.core.news": 1.5,
    "cqs_sheets.core.render": 1.5,
    "cqs_sheets.core.changes": 1.6,
    "cqs_sheets.core.alerts": 1.6,
    "cqs_sheets.alerts": 2,
    "cqs_sheets.api": 2,
    "cqs_sheets.config": 2,
    "cqs_sheets.destinations": 2,
    "cqs_sheets.destinations.excel": 2.6,
    "cqs_sheets.destinations.excel.parts": 2.1,
    "cqs_sheets.destinations.excel.read": 2.2,
    "cqs_sheets.destinations.excel.draw": 2.3,
    "cqs_sheets.destinations.excel.edit": 2.5,
    "cqs_sheets.destinations.google": 2.5,
    "cqs_sheets.destinations.google.wire": 2.1,
    "cqs_sheets.destinations.google.read": 2.2,
    "cqs_sheets.destinations.google.compile": 2.3,
    "cqs_sheets.destinations.google.write": 2.4,
    "cqs_sheets.journal": 2,
    "cqs_sheets.market": 2,
    "cqs_sheets.template_files": 2,
    "cqs_sheets.doctor": 3,
    "cqs_sheets.export": 3,
    "cqs_sheets.preview": 3,
    "cqs_sheets.fleet": 3,
    "cqs_sheets.github": 3,
    "cqs_sheets.programs": 3,
    "cqs_sheets.run": 3,
    "cqs_sheets.sandbox": 3,
    "cqs_sheets.service": 2.5,
    "cqs_sheets.cli": 4,
    "cqs_sheets.__main__": 4,
}
# rooms of one floor that must not look into each other
APART = {
    "cqs_sheets.sandbox": "the sandbox is written from the guide alone, so it imports nothing of the client",
}
POLICY = {"bind", "searched_titles", "match_headers"}
IMPURE = {
    "os",
    "socket",
    "random",
    "time",
    "pathlib",
    "sqlite3",
    "requests",
    "threading",
    "subprocess",
    "secrets",
}
ENVIRONMENT = {"environ", "getenv"}


def floor(module: str) -> float:
    prefixes = [prefix for prefix in FLOORS if module == prefix or module.startswith(prefix + ".")]
    assert prefixes, f"{module} stands on no floor: give it one in FLOORS"
    return FLOORS[max(prefixes, key=len)]


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (
            name if name == "cqs_sheets.__init__" else name.removesuffix(".__init__"),
            ast.parse(path.read_text(encoding="utf-8")),
        )
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in [".".join(path.relative_to(ROOT).with_suffix("").parts)]
    )


def imports(tree: ast.Module, known: frozenset[str] = frozenset()) -> Iterator[str]:
    """The modules imported; `from package import module` is the module where it is a `known` one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that the floor can be read off them"
            assert node.module
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in known else node.module


@cache
def graph() -> Mapping[str, set[str]]:
    """Each module's own ones that it imports."""
    known = frozenset(name for name, _ in modules())
    return {name: set(imports(tree, known)) & known for name, tree in modules()}


def test_every_import_goes_to_the_same_floor_or_a_lower_one() -> None:
    for name, others in graph().items():
        for imported in others:
            assert floor(imported) <= floor(name), (
                f"{name} (floor {floor(name)}) imports {imported} (floor {floor(imported)}):"
                " what it needs belongs lower, or comes in as an argument"
            )


def test_rooms_that_must_stay_apart_do() -> None:
    for name, tree in modules():
        for room, reason in APART.items():
            if name.startswith(room):
                outside = {i for i in imports(tree) if i.startswith("cqs_sheets.") and not i.startswith(room)}
                assert not outside, f"{name} imports {sorted(outside)}: {reason}"


def test_destinations_decide_nothing_about_tabs_and_rows() -> None:
    for name, tree in modules():
        if name.startswith("cqs_sheets.destinations"):
            policy = {
                f"{node.module}.{alias.name}"
                for node in ast.walk(tree)
                if isinstance(node, ast.ImportFrom)
                for alias in node.names
                if node.module == "cqs_sheets.core.plan.planner"
                or (node.module == "cqs_sheets.core.plan.binding" and alias.name in POLICY)
            }
            assert not policy, f"{name} imports {sorted(policy)}: that is decided in the core, once for all"


def test_the_core_touches_nothing_outside_itself() -> None:
    for name, tree in modules():
        if name.startswith("cqs_sheets.core"):
            found = {imported.split(".")[0] for imported in imports(tree)} & IMPURE
            assert not found, f"{name} imports {sorted(found)}: in the core they come in as arguments"


def test_only_the_config_reads_the_environment() -> None:
    for name, tree in modules():
        if floor(name) == FLOORS["cqs_sheets.config"] and name.startswith("cqs_sheets.config"):
            continue
        reads = [
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and node.attr in ENVIRONMENT
        ]
        assert not reads, f"{name} reads the environment: the config does that"


def test_no_module_imports_itself_through_others() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, "import cycle: " + " -> ".join((*path, name))
        if name not in done:
            for imported in sorted(graph()[name] - {name}):
                visit(imported, (*path, name))
            done.add(name)

    for name in graph():
        visit(name, ())
