"""What became of signals, by each set of rules they were judged by."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from cqs_sheets.core.alerts import Kind
from cqs_sheets.core.cells import CellValue
from cqs_sheets.core.render import plain_price
from cqs_sheets.core.report import utc_text
from cqs_sheets.core.signals.signal import Record
from cqs_sheets.journal import model, outbox, records
from cqs_sheets.journal.database import Database, Row

if TYPE_CHECKING:
    from cqs_sheets.core.outcomes.keeping import Kept
    from cqs_sheets.core.outcomes.rules import Rules

_UNDONE = f"""SELECT {model.RECORD} FROM signals s
    JOIN revisions r ON r.arrival = s.arrival AND r.revision = s.revision
    WHERE NOT EXISTS (SELECT 1 FROM outcomes o WHERE o.rules = ? AND o.arrival = s.arrival AND o.done = 1)
    ORDER BY s.arrival"""  # noqa: S608 - constants

_KEPT = """SELECT arrival, clock, done, state, shown FROM outcomes
    WHERE rules = :rules
    AND (:arrivals IS NULL OR arrival IN (SELECT CAST(value AS BIGINT) FROM json_each(:arrivals)))"""

_KEEP = """INSERT INTO outcomes (arrival, rules, clock, until, done, state, shown) VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (rules, arrival) DO UPDATE SET clock = excluded.clock, until = excluded.until,
    done = excluded.done, state = excluded.state, shown = excluded.shown"""

_HITS = {
    "target1_at": Kind.TARGET, "target2_at": Kind.TARGET, "target3_at": Kind.TARGET, "stop_at": Kind.STOP,
}  # fmt: skip
_OVERLAP = timedelta(hours=1)
_COLUMNS = "arrival, clock, done, state, shown"


class Outcomes:
    """What became of signals: the part of a Journal that judging keeps its results in."""

    _database: Database

    def last_judged(self, rules: Rules) -> datetime | None:
        """When signals were last judged by these rules."""
        rows = self._database.execute("SELECT judged_at FROM rule_sets WHERE hash = ?", (_hash(rules),))
        return model.maybe_time(rows[0][0]) if rows else None

    def undone(self, rules: Rules) -> Iterator[Record]:
        """The signals of which candles or time may still change what became of them, by arrival."""
        return map(model.record_from, self._database.iterate(_UNDONE, (self._rules(rules),)))

    def outcomes(self, rules: Rules, arrivals: Collection[int] | None = None) -> dict[int, Kept]:
        """What is kept of signals by these rules, by arrival: of those, or of all."""
        return {row[0]: _kept_from(row) for row in self._outcome_rows(_COLUMNS, rules, arrivals)}

    def shown_outcomes(
        self, rules: Rules, arrivals: Collection[int] | None = None
    ) -> dict[int, Mapping[str, CellValue]]:
        """What sheets show of signals by these rules, by arrival: of those, or of all."""
        rows = self._outcome_rows("arrival, shown", rules, arrivals)
        return {arrival: _shown(arrival, text) for arrival, text in rows}

    def keep_outcomes(
        self,
        rules: Rules,
        found: Mapping[int, Kept],
        *,
        at: datetime,
        targets: Collection[int] = (),
        whole: bool = True,
    ) -> int:
        """Keep what was found of signals (arrivals); how many of them now show something else.

        Those are offered to `targets` (ids) again, and alerts tell of targets and stops that were hit since the
        last sitting: what the first one finds is past. `whole`: with these all signals were judged at `at`.
        """
        with self._database.transaction():
            last = self.last_judged(rules)
            self._database.change(
                "INSERT INTO rule_sets (hash, content) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (_hash(rules), _text(rules)),
            )
            number = self._rules(rules)
            if whole:
                judged = (model.to_stamp(at), number)
                self._database.change("UPDATE rule_sets SET judged_at = ? WHERE id = ?", judged)
            before = self.shown_outcomes(rules, found)
            self._database.change_many(
                _KEEP, (_row(number, arrival, kept) for arrival, kept in found.items())
            )
            changed = [arrival for arrival, kept in found.items() if kept.shown != before.get(arrival)]
            offer(self._database, changed, targets)
            for arrival in changed if last else ():
                _tell_hits(self._database, at, last, arrival, found[arrival].shown, before.get(arrival, {}))
        return len(changed)

    def _rules(self, rules: Rules) -> int:
        """The row of a set of rules; 0 for one that nothing was judged by."""
        rows = self._database.execute("SELECT id FROM rule_sets WHERE hash = ?", (_hash(rules),))
        return int(rows[0][0]) if rows else 0

    def _outcome_rows(self, columns: str, rules: Rules, arrivals: Collection[int] | None) -> Iterator[Row]:
        listed = None if arrivals is None else json.dumps(list(arrivals))
        sql = _KEPT.replace(_COLUMNS, columns)
        return self._database.iterate(sql, {"rules": self._rules(rules), "arrivals": listed})


def _tell_hits(
    database: Database,
    at: datetime,
    last: datetime | None,
    arrival: int,
    shown: Mapping[str, CellValue],
    before: Mapping[str, CellValue],
) -> None:
    """What a signal reached; an hour before the `last` sitting and earlier it is old, as of one that was imported."""
    for name, kind in _HITS.items():
        hit = shown.get(name)
        if name in before or not isinstance(hit, datetime) or last is None or hit < last - _OVERLAP:
            continue
        detail = {"at": utc_text(hit)}
        if kind is Kind.TARGET:
            detail["level"] = name[len("target")]
        else:
            result = shown.get("r_net")
            detail |= {"r": f"{result:+.2f}"} if isinstance(result, Decimal) else {}
            price = shown.get("exit_price")
            detail |= {"price": plain_price(price)} if isinstance(price, Decimal) else {}
        outbox.tell(database, at, kind, arrival=arrival, detail=detail)


def offer(database: Database, arrivals: Collection[int], targets: Collection[int]) -> None:
    """Let these targets look once more at signals they were given: revision 0 is none that ever was."""
    given = [(target, arrival) for target in targets for arrival in arrivals]
    database.change_many("UPDATE delivered SET revision = 0 WHERE target = ? AND arrival = ?", given)
    for arrival in arrivals if targets else ():
        records.offer_again(database, arrival)


def take_outcomes(
    database: Database, other: Database, theirs: records.Known, ours: records.Known | None, arrival: int
) -> None:
    """Take over what another journal knows of a signal's outcomes, where it knows more.

    First sight says from when on a signal counts: what was judged by a later one no longer holds.
    """
    if ours is not None and ours.record.first_seen < theirs.record.first_seen:
        return
    if ours is not None and ours.record.first_seen > theirs.record.first_seen:
        database.change("DELETE FROM outcomes WHERE arrival = ?", (arrival,))
    rows = other.execute(
        "SELECT r.hash, r.content, o.clock, o.until, o.done, o.state, o.shown"
        " FROM outcomes o JOIN rule_sets r ON r.id = o.rules WHERE o.arrival = ?",
        (theirs.record.arrival,),
    )
    for name, content, *rest in rows:
        database.change(
            "INSERT INTO rule_sets (hash, content) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, content)
        )
        [[rules]] = database.execute("SELECT id FROM rule_sets WHERE hash = ?", (name,))
        database.change(
            f"{_KEEP} WHERE coalesce(excluded.until, 0) > coalesce(outcomes.until, 0)",
            (arrival, rules, *rest),
        )


def _hash(rules: Rules) -> str:
    from cqs_sheets.core.outcomes import keeping  # noqa: PLC0415 - for judging only

    return keeping.rules_hash(rules)


def _text(rules: Rules) -> str:
    from cqs_sheets.core.outcomes import keeping  # noqa: PLC0415 - for judging only

    return keeping.rules_text(rules)


def _row(rules: int, arrival: int, kept: Kept) -> Row:
    from cqs_sheets.core.outcomes import keeping  # noqa: PLC0415 - for judging only

    state = kept.state
    return (
        arrival, rules, kept.clock, state.until if state else None, kept.done,
        keeping.state_text(state) if state else None, keeping.shown_text(kept.shown),
    )  # fmt: skip


def _kept_from(row: Row) -> Kept:
    from cqs_sheets.core.outcomes import keeping  # noqa: PLC0415 - for judging only

    arrival, clock, done, state, text = row
    try:
        known = None if state is None else keeping.state_from(state)
    except (ValueError, KeyError, TypeError) as error:
        raise model.damaged(f"the outcome of signal {arrival}") from error
    return keeping.Kept(clock=clock, state=known, shown=_shown(arrival, text), done=bool(done))


def _shown(arrival: int, text: str) -> Mapping[str, CellValue]:
    from cqs_sheets.core.outcomes import keeping  # noqa: PLC0415 - for judging only

    try:
        return keeping.shown_from(text)
    except (ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise model.damaged(f"the outcome of signal {arrival}") from error
