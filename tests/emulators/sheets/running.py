"""A running emulator, as tests hold it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from .a1 import column_name
from .cells import Cell, Scalar
from .desk import Desk, Hook
from .evaluate import Evaluator, evaluate_trivial
from .faults import Fault
from .model import Sheet, Spreadsheet, Switches
from .occasions import Exchange, Occasion, When, any_request
from .quota import Quota
from .store import Store, blank_sheet, filled_grid, utc_now
from .tokens import Tokens
from .users import User
from .wire import Server

Rows = Sequence[Sequence[Scalar | None]]


@dataclass(frozen=True, slots=True)
class TabState:
    """One tab as it stands: what was entered (a formula as text), and whole cells by their A1 name."""

    title: str
    entered: list[list[Scalar | None]]
    cells: dict[str, Cell]

    @property
    def formats(self) -> dict[str, dict[str, object]]:
        """userEnteredFormat of every formatted cell."""
        return {name: cell.format for name, cell in self.cells.items() if cell.format}


class RunningSheets:
    """Answers at `url` until closed; as a context manager it also fails if it ever answered nonsense."""

    def __init__(self, desk: Desk, port: int = 0) -> None:
        self.desk = desk
        self._server = Server(("127.0.0.1", port), desk)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
        if kind is None and self.desk.bugs:
            raise AssertionError("The emulator's answers are not Google's: " + "; ".join(self.desk.bugs))

    def close(self) -> None:
        self.desk.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def token_url(self) -> str:
        """Where service-account and refresh-token flows get their tokens."""
        return f"{self.url}/token"

    # What is there ------------------------------------------------------------------------------------

    def create(
        self,
        title: str = "Book",
        tabs: Mapping[str, Rows] | None = None,
        *,
        spreadsheet_id: str = "",
        locale: str = "en_US",
        time_zone: str = "Etc/GMT",
        access: str = "writer",
        size: tuple[int, int] = (1000, 26),
    ) -> str:
        """A spreadsheet with these tabs (plain values; text that begins with = is a formula). Returns its id."""
        store = self.desk.store
        with store.lock:
            book = store.new_book(title, spreadsheet_id)
            book.properties = {**book.properties, "locale": locale, "timeZone": time_zone}
            book.access = access
            for name, rows in (tabs or {"Sheet1": []}).items():
                sheet = blank_sheet(name, book.new_id() if book.sheets else 0)
                sheet.grid = filled_grid([list(row) for row in rows], *size)
                book.sheets.append(sheet)
            return book.id

    def share(self, spreadsheet_id: str, access: str) -> None:
        """`access`: writer, reader or none (403)."""
        self.book(spreadsheet_id).access = access

    @contextmanager
    def edit(self, spreadsheet_id: str) -> Iterator[User]:
        """A person's edit; requests meanwhile wait, and see all of it or, if the block raises, none."""
        with self.desk.store.changing(spreadsheet_id, as_user=True) as draft:
            yield User(draft)

    def book(self, spreadsheet_id: str) -> Spreadsheet:
        """The state itself; to look at."""
        return self.desk.store.books[spreadsheet_id]

    def tab(self, spreadsheet_id: str, title: str) -> TabState:
        """Raises KeyError."""
        found = self.book(spreadsheet_id).tab(title)
        if found is None:
            raise KeyError(title)
        return _state(found)

    def titles(self, spreadsheet_id: str) -> list[str]:
        return [sheet.title for sheet in self.book(spreadsheet_id).sheets]

    # What goes wrong, and when --------------------------------------------------------------------------

    def inject(self, fault: Fault, when: When = any_request, *, nth: int = 1, times: int = 1) -> None:
        """The nth request from now that fits `when` meets the fault, and `times` in a row (0: for ever)."""
        self.desk.faults.append((Occasion(when, nth, times), fault))

    def before_request(self, hook: Hook, when: When = any_request, *, nth: int = 1, times: int = 1) -> None:
        """Call `hook` just before such a request is looked at: an edit there falls between read and write."""
        self.desk.before.append((Occasion(when, nth, times), hook))

    def after_commit(self, hook: Hook, when: When = any_request, *, nth: int = 1, times: int = 1) -> None:
        """Call `hook` when such a write has taken effect and before its answer leaves."""
        self.desk.after.append((Occasion(when, nth, times), hook))

    def calm(self) -> None:
        """No more faults and hooks."""
        self.desk.faults.clear()
        self.desk.before.clear()
        self.desk.after.clear()

    def expire_tokens(self, *tokens: str) -> None:
        """These, or else all used so far, are answered by 401 from now on."""
        used = {exchange.token for exchange in self.exchanges if exchange.token}
        self.desk.tokens.revoked |= set(tokens) or used

    # What was asked -------------------------------------------------------------------------------------

    @property
    def exchanges(self) -> list[Exchange]:
        """Every request to the API so far, in order of arrival; the token endpoint apart."""
        return self.desk.exchanges

    @property
    def reads(self) -> int:
        return sum(exchange.is_read for exchange in self.exchanges)

    @property
    def writes(self) -> int:
        return sum(not exchange.is_read for exchange in self.exchanges)

    @property
    def bytes_in(self) -> int:
        return sum(exchange.bytes_in for exchange in self.exchanges)

    @property
    def bytes_out(self) -> int:
        return sum(exchange.bytes_out for exchange in self.exchanges)

    def forget(self) -> None:
        """Count from zero again."""
        self.desk.exchanges.clear()


def _state(sheet: Sheet) -> TabState:
    cells = {f"{column_name(column)}{row + 1}": cell for row, column, cell in sheet.grid.occupied()}
    entered: list[list[Scalar | None]] = [[] for _ in sheet.grid.rows]
    for row, column, cell in sheet.grid.occupied():
        entered[row] += [None] * (column - len(entered[row]))
        entered[row].append(cell.formula if cell.formula is not None else cell.value)
    return TabState(sheet.title, entered, cells)


def start(
    *,
    port: int = 0,
    switches: Switches | None = None,
    evaluator: Evaluator = evaluate_trivial,
    quota_clock: Callable[[], float] | None = None,
    accepted_tokens: set[str] | None = None,
) -> RunningSheets:
    """Start on a free port of the loopback.

    `quota_clock` (seconds) turns the limits per minute on; `accepted_tokens` refuses all other tokens but
    those that `/token` hands out.
    """
    store = Store(switches, evaluator, utc_now)
    quota = Quota(quota_clock) if quota_clock else None
    return RunningSheets(Desk(store, Tokens(accepted_tokens), quota), port)
