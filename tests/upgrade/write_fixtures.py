"""Writes what this version leaves behind, for later versions to upgrade: `python -m tests.upgrade.write_fixtures`.

It is run once for each release, at the commit of that release, and the folder `written_by_…` is kept for good.
What the version of that time wrote wrongly is kept too: people have such workbooks.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import openpyxl
from openpyxl.workbook import Workbook

from cqs_sheets import __version__
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.emulators.google_sheets import RunningSheets, start
from tests.upgrade.news import FIRST, NEWS_1, NEWS_2, SECOND
from tests.upgrade.runs import News, pack, sync

TEMPLATES = ("raw", "signals", "futures", "scalping", "journal", "dashboard")
GOOGLE = ("signals", "journal", "by_gid")
ACTION = "somebody/cqs-sheets@0123456789abcdef0123456789abcdef01234567"
GERMAN = {"ID": "Nr", "Time": "Zeit", "Pair": "Paar", "Side": "Seite"}
HEAD = """timezone = "UTC"

[api]
interval = 20

[[feed]]
name = "all"
leverage = true

[[feed]]
name = "swing"
type = ["SHORT TERM"]
"""
Edit = Callable[[Path], None]


def target(to: str, template: str, *feeds: str) -> str:
    named = ", ".join(f'"{feed}"' for feed in feeds or ("all",))
    return f'\n[[target]]\nto = "{to}"\ntemplate = "{template}"\nfeeds = [{named}]\n'


def hand_made(path: Path, title: str, *rows: Sequence[object]) -> None:
    """A workbook with a sheet that does not matter and one of somebody's own rows."""
    book = Workbook()
    book.create_sheet("Plans", 0)["A1"] = "my plans"
    del book["Sheet"]
    sheet = book.create_sheet(title)
    for row in rows:
        sheet.append(row)
    book.save(path)


def rename(path: Path, old: str, new: str, headers: Mapping[str, str]) -> None:
    """A memo; tab and headers renamed as a spreadsheet program does it: what refers to them follows."""
    book = openpyxl.load_workbook(path)
    sheet = book[old]
    sheet.title = new
    for cell in sheet[2]:
        if cell.value == "Memo":
            sheet.cell(3, cell.column).value = "mine"
        cell.value = headers.get(str(cell.value), cell.value)
    for column in (column for table in sheet.tables.values() for column in table.tableColumns):
        column.name = headers.get(column.name, column.name)
    for each in book.defined_names.values():
        each.attr_text = re.sub(rf"^'?{old}'?!", f"'{new}'!", each.attr_text)
    book.save(path)


def drop_names(path: Path) -> None:
    """What some programs do to hidden names when they save."""
    book = openpyxl.load_workbook(path)
    book.defined_names.clear()
    book.save(path)


def two_syncs(
    folder: Path, *, news: tuple[News, News] = (NEWS_1, NEWS_2), between: Edit | None = None,
    sheets: RunningSheets | None = None,
) -> None:  # fmt: skip
    for at, said in zip((FIRST, SECOND), news, strict=True):
        report = sync(folder, said, at, sheets=sheets)
        assert report["exit_code"] == 0, report["errors"]
        if between and at is FIRST:
            between(folder)


def write_templates(folder: Path) -> None:
    """One workbook of each template, in one config."""
    config = HEAD + "".join(target(f"{name}.xlsx", name) for name in TEMPLATES)
    (folder / "cqs-sheets.toml").write_text(config, encoding="utf-8")
    two_syncs(folder)


def write_adopted(folder: Path) -> None:
    """Workbooks made by hand that were rightly bound: by title, by headers alone; and a tab renamed since."""
    config = HEAD + target("by_title.xlsx", "signals") + target("by_headers.xlsx", "signals", "swing")
    config += target("renamed.xlsx", "signals")
    (folder / "cqs-sheets.toml").write_text(config, encoding="utf-8")
    headers = ["Notes", "ID", "Time", "Pair", "Side", "Status", "Stop", "TP1", "My size"]
    mine = [
        ["mine", 901, None, "XRP/USDT", "LONG", "open", 1.5, 2, "=G2*10"],
        ["", 902, None, "ADA/USDT", "SHORT"],
    ]
    hand_made(folder / "by_title.xlsx", "Signals", headers, *mine)
    hand_made(folder / "by_headers.xlsx", "Trades", ["What I trade"], [], headers, *mine)
    two_syncs(folder, between=lambda at: rename(at / "renamed.xlsx", "Signals", "Meine Signale", GERMAN))


def write_wrongly_bound(folder: Path) -> None:
    """Both tabs on one sheet, by its few headers or as scalps came after the tab was renamed; a sheet without marks."""
    config = HEAD + target("two_on_one.xlsx", "signals") + target("renamed_first.xlsx", "signals")
    config += target("marks_dropped.xlsx", "signals", "swing")
    (folder / "cqs-sheets.toml").write_text(config, encoding="utf-8")
    hand_made(folder / "two_on_one.xlsx", "My trades", ["ID", "Pair", "Side", "Stop", "TP1", "Notes"])
    hand_made(
        folder / "marks_dropped.xlsx", "Trades", ["ID", "Time", "Pair", "Side", "Status", "Stop", "TP1"]
    )
    without = {"main": NEWS_1["main"]}
    two_syncs(
        folder,
        news=(without, NEWS_2),
        between=lambda at: rename(at / "renamed_first.xlsx", "Signals", "Mine", {}),
    )
    drop_names(folder / "marks_dropped.xlsx")


def write_google(folder: Path) -> None:
    """Spreadsheets of two templates, and a table made by hand that the address pointed at."""
    with start() as sheets:
        signals, journal, by_gid = (f"{name}-written-by-an-earlier-version" for name in GOOGLE)
        sheets.create(spreadsheet_id=signals)
        sheets.create(spreadsheet_id=journal)
        table: Sequence[Sequence[str | int]] = [
            ["Notes", "ID", "Coin", "Direction", "Status", "stop_loss"],
            ["mine", 901],
        ]
        sheets.create(tabs={"Sheet1": [], "My trades": table}, spreadsheet_id=by_gid)
        gid = sheets.book(by_gid).sheets[1].id
        address = f"https://docs.google.com/spreadsheets/d/{by_gid}/edit#gid={gid}"
        config = HEAD + target(signals, "signals") + target(journal, "journal") + target(address, "raw")
        (folder / "cqs-sheets.toml").write_text(config, encoding="utf-8")

        def use_them(_: Path) -> None:
            with sheets.edit(signals) as hand:
                hand.delete_rows("Signals", 6)  # of 5004
                hand.rename_tab("Signals", "Meine Signale")
                hand.insert_columns("Meine Signale", "A")
                hand.type("Meine Signale!A3", ["mine"])
            with sheets.edit(journal) as hand:
                hand.type("Journal!A3", [5001])  # a signal that was traded: its plan fills itself in

        two_syncs(folder, between=use_them, sheets=sheets)
        pack(folder, WRITTEN / "google", sheets)


def write_init(folder: Path) -> None:
    """The config and the workflow that init writes."""
    (folder / ".git").mkdir()
    options = ("--to", "signals.xlsx", "--exchange", "binance_futures", "--timezone", "Europe/Berlin")
    done = run_inside(Shell(folder), "init", "--yes", "--no-sync", "--github", "--action", ACTION, *options)
    assert done.returncode == 0, done.stderr
    (WRITTEN / "init").mkdir(parents=True, exist_ok=True)
    for path in (folder / "cqs-sheets.toml", folder / ".github" / "workflows" / "cqs-sheets.yml"):
        (WRITTEN / "init" / path.name).write_bytes(path.read_bytes())


WRITTEN = Path(__file__).parent / f"written_by_{__version__.replace('.', '_')}"

if __name__ == "__main__":
    if WRITTEN.exists():
        sys.exit(f"{WRITTEN} is there already, and is kept as that version wrote it.")
    for write in (write_templates, write_adopted, write_wrongly_bound, write_google, write_init):
        name = write.__name__.removeprefix("write_")
        with tempfile.TemporaryDirectory() as temporary:
            write(Path(temporary))
            if name not in ("google", "init"):
                pack(Path(temporary), WRITTEN / name)
        sys.stdout.write(f"{name}\n")
