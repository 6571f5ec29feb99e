"""A process that runs the command line again and again in forks of itself, and meddles with their system calls.

It reads orders from its standard input and answers on its standard output, a JSON object a line; see
`Order` and `Outcome`. The product is imported once, so that a run costs what it does and no more. Being the
parent of what it traces, it must have no threads.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any, Literal, NoReturn

from tests.faults import ptrace
from tests.faults.calls import KINDS, NAMES, Point, point_at, shortened

Deed = Literal["run", "watch", "kill before", "kill after", "fail", "shorten"]

_PRODUCT = (
    "cqs_sheets.cli.commands.sync", "cqs_sheets.cli.terminal.output", "cqs_sheets.sandbox",
    "cqs_sheets.destinations.excel.draw.book", "cqs_sheets.destinations.google",
    "cqs_sheets.destinations.google.wire.auth",
    "cqs_sheets.run.deliver",
    "cqs_sheets.destinations.excel.destination",
    "cqs_sheets.core.changes",
    "cqs_sheets.core.templates.reading",
    "cqs_sheets.core.outcomes.keeping",
    "cqs_sheets.run.outcomes",
    "cqs_sheets.cli.terminal.news",
    "cqs_sheets.github.summary",
    "cqs_sheets.core.formulas.evaluate",
    "cqs_sheets.destinations.excel.edit.results",
    "cqs_sheets.run.alerts",
    "ctypes",
    "html",
    "jsonschema.validators",
    "platformdirs",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Run `arguments` in `folder`, its output into `output`.out and `output`.err; do `deed` at point number `at`.

    Points count from 0; of `calls` alone, if there are any, for each one that is traced takes its time. To
    "run" is not to trace at all. `error` names the errno of a "fail", `lasting` goes on failing all later points
    of files, its output and locks apart. `fresh` starts a new interpreter instead of forking.
    """

    arguments: list[str]
    folder: str
    environ: dict[str, str]
    output: str
    deed: Deed = "watch"
    at: int = -1
    calls: list[str] = field(default_factory=list)
    error: str = ""
    lasting: bool = False
    fresh: bool = False


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The exit code (-9: killed) and the points met, in order. `struck`: whether the deed was done."""

    exit_code: int = 0
    points: list[Point] = field(default_factory=list)
    struck: bool = False


class _Meddler:
    """Traces one run to its end."""

    def __init__(self, child: int, order: Order) -> None:
        self._child = child
        self._order = order
        self._after: dict[int, Callable[[], None]] = {}
        self.outcome = Outcome()

    def run(self) -> Outcome:
        ptrace.go_on(self._child)
        while True:
            task, status = os.waitpid(-1, ptrace.ALL_THREADS)
            if os.WIFSTOPPED(status):
                self._stopped(task, status)
            elif task == self._child:
                self.outcome.exit_code = os.waitstatus_to_exitcode(status)
                return self.outcome

    def _stopped(self, task: int, status: int) -> None:
        try:
            if ptrace.begins_a_call(status):
                self._call_begins(task)
            elif ptrace.ends_a_call(status):
                self._after.pop(task, _nothing)()
                ptrace.go_on(task)
            else:
                signal_number = os.WSTOPSIG(status)
                ours = signal_number in (signal.SIGTRAP, signal.SIGSTOP)  # new threads begin with a stop
                ptrace.go_on(task, deliver=0 if ours else signal_number)
        except ProcessLookupError:
            pass  # killed meanwhile; waitpid tells

    def _call_begins(self, task: int) -> None:
        at = ptrace.registers(task)
        point = point_at(task, at)
        if point is None:
            ptrace.go_on(task)
            return
        number = len(self.outcome.points)
        self.outcome.points.append(point)
        if self._struck(number, point):
            self.outcome.struck = True
            self._strike(task, at)
        else:
            ptrace.go_on(task)

    def _struck(self, number: int, point: Point) -> bool:
        order = self._order
        # SQLite takes a lock that fails for one that is held, and waits ten seconds: not for each of thousands
        elsewhere = point.kind in ("connect", "send", "receive", "lock") or point.path.startswith(
            order.output
        )
        return number == order.at or (order.lasting and number > order.at >= 0 and not elsewhere)

    def _strike(self, task: int, at: ptrace.Registers) -> None:
        match self._order.deed:
            case "kill before":
                at.orig_rax = _NO_CALL
                ptrace.set_registers(task, at)
                os.kill(self._child, signal.SIGKILL)
            case "kill after":
                self._after[task] = lambda: os.kill(self._child, signal.SIGKILL)
                ptrace.go_on(task, to_the_calls_end=True)
            case "fail":
                at.orig_rax = _NO_CALL
                at.rax = -getattr(errno, self._order.error) & _NO_CALL
                ptrace.set_registers(task, at)
                ptrace.go_on(task)
            case "shorten":
                self.outcome.struck = shortened(at)
                ptrace.set_registers(task, at)
                ptrace.go_on(task)
            case "watch" | "run":
                ptrace.go_on(task)


_NO_CALL = (1 << 64) - 1


def _nothing() -> None:
    """No deed is due at the end of this call."""


def _run(order: Order) -> Outcome:
    child = os.fork()
    if child == 0:
        _be(order)
    if order.deed == "run":
        return Outcome(exit_code=os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    ptrace.adopt(child)
    return _Meddler(child, order).run()


def _be(order: Order) -> NoReturn:
    """In the fork: become the command."""
    code = 99
    try:
        os.chdir(order.folder)
        os.environ.clear()
        os.environ.update(order.environ)
        streams = (os.devnull, f"{order.output}.out", f"{order.output}.err")
        for descriptor, path in enumerate(streams):
            flags = os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(path, flags, 0o600), descriptor)
        if order.deed != "run":
            wanted = [number for number, name in NAMES.items() if name in order.calls]
            ptrace.be_traced(wanted or list(KINDS))
        if order.fresh:
            os.execve(sys.executable, [sys.executable, "-m", "cqs_sheets", *order.arguments], os.environ)  # noqa: S606
        sys.argv = ["cqs-sheets", *order.arguments]
        import_module("cqs_sheets.cli").main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 1
    finally:
        os._exit(code)


def _warm_up() -> None:
    """Compile every expression here, for each fork would do it again."""
    for name, module in list(sys.modules.items()):
        for value in list(vars(module).values()) if name.startswith("cqs_sheets") else ():
            if type(value).__name__ == "regex":
                for method in ("search", "match", "fullmatch", "findall", "finditer", "sub"):
                    getattr(value, method)


def serve() -> None:
    """Carry out orders until there are no more."""
    for module in _PRODUCT:
        import_module(module)
    _warm_up()
    gc.freeze()  # a collection in a fork would copy all of it
    for line in sys.stdin:
        outcome = _run(Order(**json.loads(line)))
        answer: dict[str, Any] = asdict(outcome)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
