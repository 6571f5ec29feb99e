"""Configs and templates with anything wrong in them: settings or a template come of it, or a refusal by its line."""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random

from cqs_sheets import config
from cqs_sheets.destinations.excel.draw import build_workbook
from cqs_sheets.errors import DataRefused, UsageError
from cqs_sheets.template_files import built_in, load_template, problems_of, read_built_in

VALUES = [
    "0", "-1", "1e400", "9" * 40, "0x7fffffffffffffff", "nan", "-inf", "true", "1979-05-27T07:32:00Z",
    "07:32:00", '""', '" "', '"="', '"=1+1"', '"=SUM({rr1})"', '"={nothing}"', '"={^cum}"', '"{"', "[]", "{}",
    "[[]]", '["a", 1]', "{ a = { a = {} } }", '"\\u0000"', '"\\ud800"', '"../../etc/passwd"', '"/dev/zero"',
    '"file:///etc/passwd"', '"https://user:pass@example.com/"', '"Mars/Olympus"', '"../UTC"', '"20"',
    '"auto"', '"999999999999d"', '"-5m"', '"1h1h"', '"x' + "x" * 300 + '"', '"\\u202e"', '"A1"', '"R1C1"',
    '"Signals!A1"', '"History"', "'''", '"""', "[" * 500 + "]" * 500, "{a=" * 300 + "1" + "}" * 300,
]  # fmt: skip
LINES = [
    "[[tabs]]", "[[target]]", "[[feed]]", "[api]", "[api.x]", "[[api]]", "[tabs]", "a.b.c = 1",
    'include = ["signals"]', 'include = "_base"', 'include = ["mine"]',
    'columns = [{ id = "a", header = "A", input = true }]', "= 1", "\ufeff", "\u0000", "#" + "x" * 5_000,
    '"" = 1', "key_command = []", 'key_command = "sh -c true"', 'key_file = "/proc/self/environ"',
    'to = "signals.xlsx"', 'where = { direction = "LONG" }', "[target.where]",
]  # fmt: skip
_VALUE = re.compile(r"= *([^\n#]+)")


def damaged(random: Random, text: str) -> str:
    """One to four things wrong."""
    for _ in range(random.choice([1, 1, 2, 4])):
        text = _damaged_once(random, text)
    return text


def _damaged_once(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at = random.randrange(len(lines))
    match random.randrange(9):
        case 0 | 1 | 2:
            values = list(_VALUE.finditer(text))
            if not values:
                return text
            value = random.choice(values)
            return text[: value.start(1)] + random.choice(VALUES) + text[value.end(1) :]
        case 3:
            lines.insert(at, random.choice(LINES) + "\n")
        case 4:
            lines.insert(random.randrange(len(lines)), lines[at])
        case 5:
            del lines[at : at + random.choice([1, 1, 5])]
        case 6:
            word = random.choice(re.findall(r"\w+", text) or [""])
            return text.replace(
                word, random.choice(["x", "", "1", word[::-1], word.upper()]), random.choice([1, 99])
            )
        case 7:
            cut = random.randrange(len(text) + 1)
            return (
                text[:cut]
                + random.choice(["", '"', "'", "\n", "]", "}", "\\", "\x00", "=", text[:40]])
                + text[cut:]
            )
        case _:
            return text[: random.randrange(len(text) + 1)]
    return "".join(lines)


def check_config(random: Random) -> str:
    """Load one; AssertionError or any exception but a refusal is a finding. Says what came of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "any.toml")
        path.write_bytes(damaged(random, config.sample()).encode("utf-8", "replace"))
        try:
            environ = {"CQS_API_KEY": "k", "CQS_HOME": folder}
            settings = config.load(config=path, environ=environ, cwd=Path(folder))
        except UsageError as error:
            refused = error.message
        else:
            assert settings.feeds
            return "settings"
    assert "any.toml" in refused
    assert len(refused) < 20_000
    return "refused"


def check_template(random: Random) -> str:
    """Load a damaged built-in template; of some that pass, make a workbook."""
    text = damaged(random, read_built_in(random.choice(built_in()))).encode("utf-8", "replace")
    return check_template_text(text, draw=random.random() < 0.1)


def check_template_text(text: bytes, *, draw: bool = False) -> str:
    """The same with this very text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "mine.toml")
        path.write_bytes(text)
        try:
            problems = problems_of(path)
            template = load_template(str(path))
        except (DataRefused, UsageError) as error:
            refused = error.message
        else:
            assert problems == (), "a template with problems was loaded"
            if draw:
                with suppress(DataRefused):  # what Excel cannot hold
                    build_workbook(template)
            return "template"
    assert "mine.toml" in refused
    return "refused"
