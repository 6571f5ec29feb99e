"""Make docs/pictures/house.svg: the rooms of the package and who looks into which, read off the imports.

Run: python docs/make_house.py. An arrow that others already imply is left out: what reaches a room by way of
another may import it directly, too. `tests/docs/test_house.py` holds the picture against the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path
from statistics import fmean

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "cqs_sheets"
PICTURE = ROOT / "docs" / "pictures" / "house.svg"
SPLIT = ("core", "destinations")  # folders whose modules and folders are rooms
WORDS = {
    "cqs_sheets": "what programs may use",
    "alerts": "sending a message",
    "api": "the signals API over HTTP",
    "cli": "the commands",
    "config": "cqs-sheets.toml, environment",
    "core/alerts": "what is told, and when",
    "core/cells": "the values of cells",
    "core/formulas": "what formulas show",
    "core/grid": "runs and areas of cells",
    "core/changes": "a plan as text",
    "core/news": "what a poll says happened",
    "core/render": "reports and prices as text",
    "core/text": "words for people, made harmless",
    "core/report": "what a run did",
    "core/secret": "a value that never shows",
    "core/outcomes": "what became of a signal",
    "core/plan": "what to change in a target",
    "core/signals": "what the API says",
    "core/templates": "what a target looks like",
    "core/toml": "TOML checked, by line",
    "destinations": "the interface of a target",
    "destinations/excel": "workbooks, edited in place",
    "destinations/google": "Google Sheets",
    "doctor": "checks, and what mends",
    "deadline": "requests that end in time",
    "errors": "what is told to people",
    "export": "csv, jsonl, xlsx, parquet",
    "files": "a file written safely",
    "fleet": "many tenants, many workers",
    "github": "the workflow it writes",
    "installed": "how it was installed",
    "journal": "all that was seen (SQLite)",
    "market": "candles",
    "preview": "a template filled with examples",
    "programs": "Client, stream",
    "run": "the steps of a sync, in order",
    "sandbox": "an API with a market",
    "service": "systemd, launchd, tasks",
    "template_files": "templates found and read",
    "unexpected": "a disk away, or a bug",
    "patterns": "regular expressions",
    "values": "frozen dataclasses",
}
COLOURS = {
    "core": "#dbeafe",
    "destinations": "#dcfce7",
    "cli": "#f3e8ff",
    "run": "#ffedd5",
    "doctor": "#ffedd5",
}
BOX, TALL, GAP, STEP, LANE = 186, 44, 18, 92, 14  # pixels; a lane is what an arrow takes that passes a row

_SET = 'fill="#334155" text-anchor="middle"'

Graph = Mapping[str, frozenset[str]]
Node = str | tuple[str, str, int]
"""A room, or where the arrow between two rooms passes a row."""


def room(module: str) -> str:
    """The room of a dotted module name: `core/plan` of cqs_sheets.core.plan.rows."""
    _, *parts = module.split(".")
    return "/".join(parts[: 2 if parts[:1] and parts[0] in SPLIT else 1]) or "cqs_sheets"


@cache
def imports() -> Graph:
    """Room -> the rooms that its modules import."""
    files = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in PACKAGE.rglob("*.py")}
    known = {name.removesuffix(".__init__") for name in files.values()}
    found: dict[str, set[str]] = {}
    for path, name in files.items():
        if name in ("cqs_sheets.__main__", "cqs_sheets.core.__init__"):
            continue  # no rooms
        here = found.setdefault(room(name.removesuffix(".__init__")), set())
        tree = ast.parse(path.read_text(encoding="utf-8"))
        here |= {room(each) for each in _imported(tree, known) if each in known}
    for name, others in found.items():
        others -= {name, "cqs_sheets"}  # of the front door only the version is used inside
    return {name: frozenset(others) for name, others in sorted(found.items())}


def _imported(tree: ast.Module, known: set[str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield from (
                    each for each in [module if module in known else str(node.module)] if each in known
                )


def reached(graph: Graph, name: str) -> set[str]:
    """All rooms that one reaches."""
    return {name} | {far for each in graph[name] for far in reached(graph, each)}


def reduced(graph: Graph) -> Graph:
    """Without the arrows that others imply."""
    return {
        name: frozenset(each for each in own if not any(each in reached(graph, by) for by in own - {each}))
        for name, own in graph.items()
    }


def height(graph: Graph, name: str) -> int:
    """How many rooms stand below one another under a room."""
    return max((height(graph, each) + 1 for each in graph[name]), default=0)


def rows(graph: Graph) -> tuple[list[list[Node]], list[list[Node]]]:
    """Rooms and passing arrows row by row from the ground, neighbours near each other; and each arrow's nodes."""
    at = {name: height(graph, name) for name in graph}
    laid: list[list[Node]] = [
        [name for name in graph if at[name] == row] for row in range(max(at.values()) + 1)
    ]
    arrows: list[list[Node]] = []
    for name, own in graph.items():
        for below in sorted(own):
            passing: list[Node] = [(name, below, row) for row in range(at[name] - 1, at[below], -1)]
            for node, row in zip(passing, range(at[name] - 1, at[below], -1), strict=True):
                laid[row].append(node)
            arrows.append([name, *passing, below])
    near: dict[Node, list[Node]] = {}
    for arrow in arrows:
        for one, other in pairwise(arrow):
            near.setdefault(one, []).append(other)
            near.setdefault(other, []).append(one)
    for _ in range(24):
        x = places(laid)
        for nodes in laid:
            nodes.sort(key=lambda node: fmean(x[each] for each in near.get(node, [node])))
    return laid, arrows


def places(laid: list[list[Node]]) -> dict[Node, float]:
    """The middle of each node, every row centred on 0."""
    found: dict[Node, float] = {}
    for row in laid:
        left = -sum(_wide(node) + GAP for node in row) / 2
        for node in row:
            found[node] = left + (_wide(node) + GAP) / 2
            left += _wide(node) + GAP
    return found


def _wide(node: Node) -> int:
    return BOX if isinstance(node, str) else LANE


def picture() -> str:
    """The SVG's text."""
    graph = reduced(imports())
    laid, arrows = rows(graph)
    x = places(laid)
    half = max(abs(middle) + _wide(node) / 2 for node, middle in x.items()) + GAP
    top = {node: (len(laid) - 1 - at) * STEP + GAP for at, row in enumerate(laid) for node in row}
    wide, tall = 2 * half, len(laid) * STEP - (STEP - TALL) + 2 * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {tall}" font-family="sans-serif">',
        "<title>The rooms of cqs_sheets: each imports those it points to, and what these reach</title>",
        f'<rect width="{wide:.0f}" height="{tall}" fill="#ffffff"/>',
        '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">',
        '<path d="M0 0L8 4L0 8z" fill="#64748b"/></marker>',
    ]
    for arrow in arrows:
        path = ""
        for one, other in pairwise(arrow):
            left, right, upper, lower = x[one] + half, x[other] + half, top[one] + TALL, top[other]
            bend = (upper + lower) / 2
            begin = f"{'L' if path else 'M'}{left:.0f} {upper}"
            path += f"{begin}C{left:.0f} {bend:.0f} {right:.0f} {bend:.0f} {right:.0f} {lower}"
        stroke = 'fill="none" stroke="#64748b" stroke-opacity=".6" marker-end="url(#tip)"'
        parts.append(f'<path d="{path}" {stroke}/>')
    for name in graph:
        middle, upper, colour = x[name] + half, top[name], COLOURS.get(name.split("/")[0], "#f1f5f9")
        place = f'x="{middle - BOX / 2:.0f}" y="{upper}" width="{BOX}" height="{TALL}" rx="6"'
        parts += [
            f'<rect {place} fill="{colour}" stroke="#334155"/>',
            f'<text x="{middle:.0f}" y="{upper + 18}" {_SET} font-size="14" font-weight="bold">{name}</text>',
            f'<text x="{middle:.0f}" y="{upper + 35}" {_SET} font-size="12">{WORDS.get(name, "")}</text>',
        ]
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8", newline="\n")
