"""System calls: the few that a reader may make, as a seccomp filter (seccomp(2)).

The list says what is allowed, and everything else fails with EPERM: whatever kernels add later is
refused before anyone has heard of it, and so are the other calling conventions of a processor (x32,
32 bits), whose numbers the list does not have. Refused calls fail and do not kill, since libraries
try many that they can do without. Where a call is harmless with some arguments only, the filter
compares the ones that are numbers; paths are behind pointers, and left to Landlock.

Known are x86-64 and 64-bit ARM on Linux. Elsewhere nothing is filtered.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable
from typing import NamedTuple

# <linux/seccomp.h>, <linux/filter.h>, <linux/audit.h>
_SECCOMP_SET_MODE_FILTER = 1
_FILTER_FLAG_TSYNC = 1
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of :data:`_CALLS`, and the kernel's name of the architecture."""

_CLONE_THREAD = 0x10000
_OPEN_TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_SET_NAME = 15
_FCNTL_COMMANDS = (0, 1, 2, 3, 4, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL and F_DUPFD_CLOEXEC."""
_IOCTL_REQUESTS = (0x5401, 0x541B, 0x5450, 0x5451)
"""TCGETS, by which Python sees that a file is no terminal; FIONREAD, FIONCLEX and FIOCLEX."""

_CALLS: dict[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "preadv": (295, 69),
    "close": (3, 57),
    "lseek": (8, 62),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "stat": (4, None),
    "lstat": (6, None),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "statfs": (137, 43),
    "fstatfs": (138, 44),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "pipe2": (293, 59),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "fadvise64": (221, 223),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "brk": (12, 214),
    "mincore": (27, 232),
    "futex": (202, 98),
    "futex_waitv": (449, 449),
    "get_robust_list": (274, 100),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "membarrier": (324, 283),
    "set_tid_address": (218, 96),
    "arch_prctl": (158, None),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "getcpu": (309, 168),
    "get_mempolicy": (239, 236),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "time": (201, None),
    "times": (100, 153),
    "getrandom": (318, 278),
    "setitimer": (38, 103),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getpgrp": (111, None),
    "getpgid": (121, 155),
    "getsid": (124, 156),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "getgroups": (115, 158),
    "getpriority": (140, 141),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "setrlimit": (160, 164),
    "sysinfo": (99, 179),
    "uname": (63, 160),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""Numbers of the calls that are allowed with any arguments, on x86-64 and on ARM."""

_CONDITIONAL_CALLS: dict[str, tuple[int | None, int | None]] = {
    "fcntl": (72, 25),
    "open": (2, None),
    "openat": (257, 56),
    "ioctl": (16, 29),
    "clone": (56, 220),
    "clone3": (435, 435),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "tgkill": (234, 131),
}
"""Those that are allowed with some arguments."""

_USER_CALLS: dict[str, tuple[int, int]] = {
    "setgroups": (116, 159),
    "setresgid": (119, 149),
    "setresuid": (117, 147),
    "capset": (126, 91),
}
"""Those by which root becomes another user, allowed until the last filter is in place."""

_SECCOMP = (317, 277)
"""Number of seccomp, which is allowed until the last filter is in place."""

_libc = ctypes.CDLL(None, use_errno=True)


class _Condition(NamedTuple):
    """Allows a call by one of its arguments.

    Attributes:
        argument: its index.
        values: of which it is one.
        required: bit that it has.
        forbidden: bits of which it has none.
    """

    argument: int
    values: tuple[int, ...] = ()
    required: int = 0
    forbidden: int = 0


def restrict_calls() -> bool:
    """Allow this process only what loading libraries and reading a file takes, threads included.

    Requires that no thread runs besides this one; those that it starts are bound as well.

    Returns:
        Whether the kernel has taken the filter.
    """
    return _install(_program(final=False), flags=0)


def forbid_threads() -> bool:
    """Take from all threads the calls that start threads or install filters.

    Returns:
        Whether the kernel has taken the filter.
    """
    return _install(_program(final=True), flags=_FILTER_FLAG_TSYNC)


def _program(*, final: bool) -> bytes | None:
    """Return the filter; None where the architecture is not known.

    Args:
        final: without those that start threads or install filters.
    """
    machine = _ARCHITECTURES.get(platform.machine())
    if machine is None:
        return None
    column, architecture = machine
    program = [
        _instruction(_LOAD, _ARCHITECTURE_OFFSET),
        _instruction(_EQUAL, architecture, on_true=1),
        _instruction(_RETURN, _FAIL | errno.EPERM),
        _instruction(_LOAD, _NUMBER_OFFSET),
    ]
    plain = [*_CALLS.values()]
    if not final:
        plain += [*_USER_CALLS.values(), _SECCOMP]
    for numbers in plain:
        program += _on_call(numbers[column], [_instruction(_RETURN, _ALLOW)])
    for name, condition in _conditions(final=final).items():
        program += _on_call(_CONDITIONAL_CALLS[name][column], list(_check(condition)))
    # Without an answer, the C library falls back on clone, whose flags a filter can see.
    missing = [_instruction(_RETURN, _FAIL | errno.ENOSYS)]
    program += _on_call(_CONDITIONAL_CALLS["clone3"][column], missing)
    program.append(_instruction(_RETURN, _FAIL | errno.EPERM))
    return b"".join(program)


def _conditions(*, final: bool) -> dict[str, _Condition]:
    conditions = {
        "open": _Condition(1, forbidden=_OPEN_TO_WRITE),
        "openat": _Condition(2, forbidden=_OPEN_TO_WRITE),
        "ioctl": _Condition(1, _IOCTL_REQUESTS),
        "fcntl": _Condition(1, _FCNTL_COMMANDS),
        "prctl": _Condition(0, (_PR_SET_NAME,)),
        "prlimit64": _Condition(0, (0,)),
        "tgkill": _Condition(0, (os.getpid(),)),
    }
    if not final:
        conditions["clone"] = _Condition(0, required=_CLONE_THREAD)
        conditions["prctl"] = _Condition(
            0, (_PR_SET_NAME, _PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS)
        )
    return conditions


def _check(condition: _Condition) -> Iterable[bytes]:
    """Return the instructions that end with the answer to a call with a condition."""
    # The arguments compared have 32 bits, which come first: both architectures are
    # little-endian.
    yield _instruction(_LOAD, _ARGUMENTS_OFFSET + 8 * condition.argument)
    for value in condition.values:
        yield _instruction(_EQUAL, value, on_false=1)
        yield _instruction(_RETURN, _ALLOW)
    if condition.required:
        yield _instruction(_ANY_BIT, condition.required, on_false=1)
        yield _instruction(_RETURN, _ALLOW)
    if condition.forbidden:
        yield _instruction(_ANY_BIT, condition.forbidden, on_true=1)
        yield _instruction(_RETURN, _ALLOW)
    yield _instruction(_RETURN, _FAIL | errno.EPERM)


def _on_call(number: int | None, then: list[bytes]) -> list[bytes]:
    """Return instructions that run ``then`` for one system call, and nothing for others."""
    return [] if number is None else [_instruction(_EQUAL, number, on_false=len(then)), *then]


def _instruction(code: int, value: int, *, on_true: int = 0, on_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, on_true, on_false, value)


def _install(program: bytes | None, flags: int) -> bool:
    if sys.platform != "linux" or program is None:
        return False
    number = _SECCOMP[_ARCHITECTURES[platform.machine()][0]]
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    return _libc.syscall(number, _SECCOMP_SET_MODE_FILTER, flags, header) == 0
