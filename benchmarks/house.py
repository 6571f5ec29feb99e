"""How the package is built, in figures: rooms, lines, imports, and what one sync into a workbook enters.

Run: python benchmarks/house.py
"""

from __future__ import annotations

import ast
import io
import os
import statistics
import subprocess
import sys
import tempfile
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cqs_sheets import sandbox

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cqs_sheets"
# what a sync in a process of its own has imported when it ends
ENTERED = """
import atexit, sys
atexit.register(lambda: print(*sorted(sys.modules), file=open("entered", "w")))
from cqs_sheets.cli import main
sys.argv = ["cqs-sheets", "sync", "--to", "signals.xlsx"]
main()
"""
QUIET = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package, by its dotted name."""

    name: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        """All of them, empty ones too."""
        return self.text.count("\n")

    @property
    def functions(self) -> list[int]:
        """The lines of each function and method, its decorators not counted."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
        return [_lines(node) for node in ast.walk(self.tree) if isinstance(node, kinds)]

    @property
    def import_lines(self) -> int:
        """The lines that its import statements take."""
        return sum(
            _lines(node) for node in ast.walk(self.tree) if isinstance(node, ast.Import | ast.ImportFrom)
        )

    def imports(self, known: set[str]) -> set[str]:
        """The package's own modules that this one imports; `from package import module` is the module."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= inner & known or {str(node.module)}
        return found & known - {self.name}

    def comments_and_code(self) -> tuple[int, int]:
        """How many comments there are, and how many lines hold code; docstrings are neither."""
        comments, code, first = 0, set[int](), True
        for token in tokenize.generate_tokens(io.StringIO(self.text).readline):
            if token.type == tokenize.COMMENT:
                comments += 1
            elif token.type in QUIET:
                first = first or token.type != tokenize.NL
            elif first and token.type == tokenize.STRING:
                first = False  # a statement that is a string alone: a docstring
            else:
                code |= set(range(token.start[0], token.end[0] + 1))
                first = False
        return comments, len(code)


def _lines(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def modules() -> Iterator[Module]:
    """Each file of the package that holds more than a sentence about its folder."""
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if len(ast.parse(text).body) > 1:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            yield Module(name, text, ast.parse(text))


def importers(every: Sequence[Module]) -> Counter[str]:
    """How many others import each module that any imports."""
    known = {module.name for module in every}
    return Counter(imported for module in every for imported in module.imports(known))


def single_importers() -> set[str]:
    """The modules that one other alone imports."""
    return {name for name, count in importers(list(modules())).items() if count == 1}


def entered() -> list[str]:
    """All modules of a sync into one new workbook, the API played by another process."""
    with sandbox.start(seed=5) as server, tempfile.TemporaryDirectory() as folder:
        environ = os.environ | {"CQS_API_URL": server.url, "CQS_HOME": folder, "PYTHONPATH": str(ROOT)}
        subprocess.run(
            [sys.executable, "-c", ENTERED], cwd=folder, env=environ, capture_output=True, check=True
        )
        return Path(folder, "entered").read_text(encoding="utf-8").split()


def spread(values: Sequence[int]) -> str:
    """Median, the value that nine of ten do not pass, and the largest."""
    ordered = sorted(values)
    return f"{statistics.median(ordered):.0f} / {ordered[len(ordered) * 9 // 10]} / {ordered[-1]}"


def figures() -> Iterator[tuple[str, object]]:
    """Each figure under its name."""
    every = list(modules())
    doors = importers(every)
    edges, lines = sum(doors.values()), sum(module.lines for module in every)
    comments, code = (sum(column) for column in zip(*(m.comments_and_code() for m in every), strict=True))
    yield "modules", len(every)
    yield "lines", f"{lines:,}"
    yield "lines of a module, median / p90 / max", spread([module.lines for module in every])
    yield "lines of a function, median / p90 / max", spread([n for module in every for n in module.functions])
    yield "modules under 60 lines", sum(module.lines < 60 for module in every)
    yield "modules with one importer", sum(count == 1 for count in doors.values())
    yield "lines that are imports", f"{sum(module.import_lines for module in every) / lines:.1%}"
    yield "imports of our own per module", f"{edges / len(every):.1f}"
    yield "comments per 100 lines of code", f"{100 * comments / code:.1f}"
    loaded = entered()
    ours = [name for name in loaded if name.startswith("cqs_sheets")]
    yield "modules that a sync into a workbook enters", len(ours)
    yield "- of them Google's", sum(".google" in name for name in ours)
    yield "- of them the sandbox's", sum(name.startswith("cqs_sheets.sandbox") for name in ours)
    yield "- of Google's own packages", sum(name.split(".")[0] in {"google", "gspread"} for name in loaded)


if __name__ == "__main__":
    for name, figure in figures():
        print(f"{name:45}{figure:>20}")
