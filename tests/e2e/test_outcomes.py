"""What became of signals, in the user's own workbook: after its rows are written, not more often than asked."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pyarrow import parquet

from cqs_sheets.api.client import utc_now
from cqs_sheets.core.outcomes.rules import Rules
from cqs_sheets.core.outcomes.statistics import track_record
from cqs_sheets.github.summary import record_text
from cqs_sheets.journal import JOURNAL_FILE, Journal
from cqs_sheets.market.exchanges import Exchanges
from cqs_sheets.run.outcomes import known_outcomes
from tests.cli.command import Shell
from tests.cli.inside import run_inside
from tests.emulators.google_sheets import start

pytest.importorskip("ccxt")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A folder of its own; a sandbox then has a past of a few days."""
    monkeypatch.setattr("cqs_sheets.run.journals._DAYS", 3)
    return Shell(tmp_path)


def sync(shell: Shell, *options: str) -> Any:
    done = run_inside(shell, "sync", "--sandbox", "--template", "paper", "--json", *options)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout) if done.returncode == 0 else None


def outcomes(shell: Shell) -> Counter[str]:
    """How often each word stands in the column Outcome."""
    sheet = openpyxl.load_workbook(shell.folder / "signals.xlsx")["Signals"]
    rows = sheet.iter_rows(values_only=True)
    header = next(row for row in rows if "Outcome" in row)
    column = header.index("Outcome")
    return Counter(str(row[column]) for row in rows if row[0] is not None)


def test_the_first_sync_of_a_sandbox_shows_what_became_of_signals(shell: Shell) -> None:
    report = sync(shell)
    found = outcomes(shell)
    assert report["targets"][0]["added"] == found.total()
    assert not found["None"]  # one that is too new for a candle is told, and counted, too
    assert sum(found[word] for word in ("won", "partial", "stopped", "missed", "open", "expired")) > 10
    with Journal.open_readonly(shell.home / "sandbox" / JOURNAL_FILE, clock=utc_now) as journal:
        judged = journal.last_judged(Rules())
        known = known_outcomes(journal, Rules())
    assert judged is not None
    assert +Counter(one.outcome for one in known if one.outcome) == {
        word: count for word, count in found.items() if word not in ("None", "not judged")
    }
    assert f"Track record: {found.total()} signals, " in record_text(track_record(known)[0])
    sync(shell)
    with Journal.open_readonly(shell.home / "sandbox" / JOURNAL_FILE, clock=utc_now) as journal:
        assert journal.last_judged(Rules()) == judged  # not before prices_every is over
    told = json.loads(run_inside(shell, "outcomes", "--sandbox", "--format", "json").stdout)
    words = Counter(one["outcome"] for one in told["signals"])
    assert words["stopped"] == found["stopped"]
    [stopped, *_] = [
        one["id"] for one in told["signals"] if one["outcome"] == "stopped" and "1" in one["r_worst"]
    ]
    exported = run_inside(shell, "journal", "export", "--sandbox", "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert Counter(row["outcome"] for row in rows)["stopped"] == found["stopped"]
    assert min(float(row["r_net"]) for row in rows if row["r_net"]) < 0
    run_inside(shell, "journal", "export", "--sandbox", "--format", "parquet", "-o", "all.parquet")
    held = parquet.read_table(shell.folder / "all.parquet").to_pylist()
    assert Counter(row["outcome"] for row in held)["stopped"] == found["stopped"]
    assert {row["r_net"] for row in held} == {Decimal(row["r_net"]) if row["r_net"] else None for row in rows}
    assert {row["exit_at"].tzinfo for row in held if row["exit_at"]}
    page = run_inside(shell, "journal", "show", "--sandbox", stopped).stdout
    lines = page[page.index("On paper: stopped") :].splitlines()
    assert [line for line in lines if "entered  at" in line]
    assert [line for line in lines if "stop, 100% of it closed" in line]
    assert [line for line in lines if line.startswith("  ") and " stop " in line and "┄" in line]


def test_a_run_that_dies_while_it_judges_has_written_its_signals_and_the_next_goes_on(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ask = [0], Exchanges._ask

    def dying(self: Exchanges, *words: Any) -> Any:
        asked[0] += 1
        if asked[0] == 12:
            raise RuntimeError("killed")
        return ask(self, *words)

    monkeypatch.setattr(Exchanges, "_ask", dying)
    assert sync(shell) is None
    written = outcomes(shell).total()
    assert written > 0
    sync(shell)
    assert "None" not in {word for word, count in outcomes(shell).items() if count > written // 2}
    with Journal.open_readonly(shell.home / "sandbox" / JOURNAL_FILE, clock=utc_now) as journal:
        assert journal.verify() == []
        assert sum(kept.state is not None for kept in journal.outcomes(Rules()).values()) > 10


def test_a_dashboard_shows_it_from_when_it_is_switched_on(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cqs_sheets.run.journals._DAYS", 1)
    config = '[[target]]\nto = "signals.xlsx"\ntemplate = "dashboard"\n'
    for switched_on in (False, True):
        (shell.folder / "cqs-sheets.toml").write_text(config + "[outcomes]\n" * switched_on, encoding="utf-8")
        assert run_inside(shell, "sync", "--sandbox").returncode == 0
        book = openpyxl.load_workbook(shell.folder / "signals.xlsx", data_only=True)
        assert ("Track record" in book.sheetnames) == switched_on
        header = next(row for row in book["Signals"].iter_rows(values_only=True) if "ID" in row)
        assert ("Outcome" in header) == switched_on
    told = {cell.value for row in book["Track record"].iter_rows() for cell in row}
    assert "ENTERED AND OVER" in told
    assert sum(outcomes(shell).values()) > 0
    assert {"stopped", "won", "open", "partial"} & set(outcomes(shell))


def test_so_does_one_at_google(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqs_sheets.run.journals._DAYS", 1)
    with start() as sheets:
        at = Shell(shell.folder, {"CQS_SHEETS_URL": sheets.url})
        book = sheets.create()
        config = f'[[target]]\nto = "{book}"\ntemplate = "dashboard"\n'
        for switched_on in (False, True):
            (shell.folder / "cqs-sheets.toml").write_text(
                config + "[outcomes]\n" * switched_on, encoding="utf-8"
            )
            report = json.loads(run_inside(at, "sync", "--sandbox", "--json").stdout)
            assert report["exit_code"] == 0
            assert [told for told in report["warnings"] if "empty" in told or "beside" in told] == []
        rows = sheets.tab(book, "Signals").entered
        column = next(row.index("Outcome") for row in rows if "Outcome" in row)
        assert {"stopped", "won", "open", "partial"} & {str(row[column]) for row in rows if len(row) > column}
        page = sheets.tab(book, "Track record").entered
        assert "ENTERED AND OVER" in {str(cell) for row in page for cell in row}
