"""Sandbox: the rights that a process gives up before it reads an untrusted file.

Limits on memory, processor time and processes hold everywhere; the network, the file system and
most system calls are taken away where the kernel can (namespaces, Landlock, seccomp).
"""

import ctypes
import math
import os
import resource
import signal
import struct
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

from everlake.attachments.extraction import system_calls

# <linux/prctl.h>, <linux/sched.h>, <linux/landlock.h>; system call numbers of Landlock are the
# same on all architectures.
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAPBSET_DROP = 24
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522
_CAPABILITIES = 64
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULESET_VERSION = 1
_PATH_BENEATH = 1
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
_FILE_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS = 16
_NET_RIGHTS = 0b11
_SCOPES = 0b11

_MAX_OPEN_FILES = 64
_NICE = 10
_ADDRESS_SPACE_FACTOR = 4
"""Address space for each byte of data: libraries are mapped, and allocators reserve much."""

_SYSTEM_PATHS = (
    "/usr",
    "/lib",
    "/lib64",
    "/sys/devices/system/cpu",
    "/proc/cpuinfo",
    "/proc/meminfo",
)

_libc = ctypes.CDLL(None, use_errno=True)


def restrict_launcher() -> None:
    """Give up priority, core dumps, new privileges and the network, for good."""
    with suppress(OSError):
        os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform != "linux":
        return
    _python_paths()
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _libc.unshare(_CLONE_NEWNET) != 0:
        _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def confine(
    parent: int, seconds: float, memory_bytes: int, *, readable: Iterable[Path] = ()
) -> None:
    """Confine this process, which has one file open to read and one pipe to write to.

    Before it reads the file, :func:`forbid_new_processes` has to be called as well.

    Args:
        parent: id of the process with which this one dies.
        seconds: processor time.
        memory_bytes: greatest size of its data.
        readable: files and directories that it may open besides Python's own.
    """
    _set_limit(resource.RLIMIT_CPU, math.ceil(seconds) + 1)
    _set_limit(resource.RLIMIT_FSIZE, 0)
    _set_limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
    _set_limit(resource.RLIMIT_DATA, memory_bytes)
    _set_limit(resource.RLIMIT_AS, memory_bytes * _ADDRESS_SPACE_FACTOR)
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        _restrict_files(readable)
        _drop_capabilities()
        system_calls.restrict_calls()
    if os.getppid() != parent:
        os._exit(1)


def forbid_new_processes() -> None:
    """Keep this process from starting processes and threads.

    Its threads go on. They are confined like the process if they were started after
    :func:`confine`: Landlock applies to a thread and those that it starts.
    """
    _set_limit(resource.RLIMIT_NPROC, 0)
    system_calls.forbid_threads()  # the limit does not hold for root


def _set_limit(resource_id: int, limit: int) -> None:
    _, hard = resource.getrlimit(resource_id)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource_id, (limit, limit))


def _drop_capabilities() -> None:
    """Give up the capabilities of this process and of the threads that it starts, for good."""
    for one in range(_CAPABILITIES):
        _libc.prctl(_PR_CAPBSET_DROP, one, 0, 0, 0)
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    _libc.capset(header, bytes(24))


def _restrict_files(readable: Iterable[Path]) -> None:
    """Allow this process to open Python's own files and ``readable`` only, and to write none.

    Uses Landlock (landlock(7)), which also keeps it from signalling other processes; a kernel
    without Landlock changes nothing.
    """
    version: int = _libc.syscall(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    if version < 1:
        return
    rights = (1 << _FILE_RIGHTS_BY_ABI.get(version, _FILE_RIGHTS)) - 1
    fields = [rights]
    if version >= 4:
        fields.append(_NET_RIGHTS)
    if version >= 6:
        fields.append(_SCOPES)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    ruleset: int = _libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return
    for path in (*_python_paths(), *map(str, readable)):
        _allow_path(ruleset, path)
    _libc.syscall(_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


@cache
def _python_paths() -> frozenset[str]:
    """Return where Python and its libraries are, and what numerical libraries read."""
    everlake = Path(__file__).parents[2]
    installed = sysconfig.get_paths()
    paths = {*_SYSTEM_PATHS, str(everlake), installed["stdlib"], installed["platstdlib"]}
    paths.update(one for one in sys.path if one.endswith(("site-packages", "dist-packages")))
    paths.update({f"{prefix}/lib" for prefix in (sys.prefix, sys.base_prefix)})
    return frozenset(paths)


def _allow_path(ruleset: int, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rights = _READ_FILE | _EXECUTE | (_READ_DIR if Path(path).is_dir() else 0)
    rule = struct.pack("=Qi", rights, descriptor)
    _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    os.close(descriptor)
