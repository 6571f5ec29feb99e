"""The few calls of ptrace(2), on Linux for x86-64, that stop a process at its system calls and change them."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
from collections.abc import Sequence

AVAILABLE = sys.platform == "linux" and platform.machine() == "x86_64"

_TRACEME, _CONT, _GETREGS, _SETREGS, _SYSCALL, _SETOPTIONS = 0, 7, 12, 13, 24, 0x4200
_GOOD, _FORK, _VFORK, _CLONE, _EXEC, _SECCOMP, _EXITKILL = 1, 2, 4, 8, 16, 128, 1 << 20
_SECCOMP_EVENT = 7
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000
ALL_THREADS = 0x40000000
"""For os.waitpid."""


_REGISTERS = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
    "orig_rax", "rip", "cs", "eflags", "rsp", "ss", "fs_base", "gs_base", "ds", "es", "fs", "gs",
)  # fmt: skip


class Registers(ctypes.Structure):
    """user_regs_struct: `orig_rax` is the call's number, `rax` its result."""

    _fields_ = [(name, ctypes.c_ulonglong) for name in _REGISTERS]


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort), ("yes", ctypes.c_ubyte), ("no", ctypes.c_ubyte), ("value", ctypes.c_uint),
    ]  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.POINTER(_Instruction))]


if AVAILABLE:
    _libc = ctypes.CDLL(None, use_errno=True)
    _libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    _libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, process: int, data: object = None) -> None:
    if _libc.ptrace(request, process, None, data) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def be_traced(calls: Sequence[int]) -> None:
    """In the child: from now on the parent is told of these system calls, once it has called `adopt`."""
    _ptrace(_TRACEME, 0)
    os.kill(os.getpid(), signal.SIGSTOP)
    code = [_Instruction(_LOAD, 0, 0, 0)]
    code += [_Instruction(_JUMP_IF_EQUAL, len(calls) - at, 0, call) for at, call in enumerate(calls)]
    code += [_Instruction(_RETURN, 0, 0, _ALLOW), _Instruction(_RETURN, 0, 0, _TRACE)]
    program = _Program(len(code), (_Instruction * len(code))(*code))
    for option, value, extra in (
        (_NO_NEW_PRIVILEGES, 1, None),
        (_SET_SECCOMP, _FILTER, ctypes.byref(program)),
    ):
        if _libc.prctl(option, ctypes.c_ulong(value), extra, 0, 0):
            raise OSError(ctypes.get_errno(), "no filter for system calls")


def adopt(child: int) -> None:
    """Wait for a child that called `be_traced`; its threads and children are traced with it, and die with us."""
    os.waitpid(child, ALL_THREADS)
    options = _GOOD | _FORK | _VFORK | _CLONE | _EXEC | _SECCOMP | _EXITKILL
    _ptrace(_SETOPTIONS, child, options)


def go_on(task: int, *, to_the_calls_end: bool = False, deliver: int = 0) -> None:
    """Let a stopped thread run: to its next traced call, or just to the end of the call it is in."""
    _ptrace(_SYSCALL if to_the_calls_end else _CONT, task, deliver)


def registers(task: int) -> Registers:
    """Of a stopped thread."""
    found = Registers()
    _ptrace(_GETREGS, task, ctypes.byref(found))
    return found


def set_registers(task: int, changed: Registers) -> None:
    """Of a stopped thread."""
    _ptrace(_SETREGS, task, ctypes.byref(changed))


def begins_a_call(status: int) -> bool:
    """Whether this status of waitpid tells of a traced call that is about to begin."""
    return status >> 8 == signal.SIGTRAP | _SECCOMP_EVENT << 8


def ends_a_call(status: int) -> bool:
    """Whether this status of waitpid tells of the end of a call."""
    return os.WSTOPSIG(status) == signal.SIGTRAP | 0x80
