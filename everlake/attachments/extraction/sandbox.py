"""Sandbox: the rights that a process gives up before it reads an untrusted file.

Limits on memory, processor time and processes hold everywhere; the network, the file system and
most system calls are taken away where the kernel can (namespaces, Landlock, seccomp).
"""

import ctypes
import math
import os
import resource
import signal
import stat
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
_PR_SET_KEEPCAPS = 8
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAPBSET_DROP = 24
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION = 0x20080522
_CAPABILITIES = 64
_CAP_DAC_READ_SEARCH, _CAP_SETGID, _CAP_SETUID = 1 << 2, 1 << 6, 1 << 7
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
    _is_python_private()
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # In a user namespace of its own, root could not become another user.
    if _libc.unshare(_CLONE_NEWNET) != 0 and os.geteuid() != 0:
        _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def confine(
    parent: int,
    seconds: float,
    memory_bytes: int,
    *,
    readable: Iterable[Path] = (),
    keeps_user: bool = True,
) -> None:
    """Confine this process, which has one file open to read and one pipe to write to.

    Before it reads the file, :func:`forbid_new_processes` has to be called as well.

    Args:
        parent: id of the process with which this one dies.
        seconds: processor time.
        memory_bytes: greatest size of its data.
        readable: files and directories that it may open besides Python's own.
        keeps_user: whether :func:`become_user` is not called; root then keeps no capability.
    """
    _set_limit(resource.RLIMIT_CPU, math.ceil(seconds) + 1)
    _set_limit(resource.RLIMIT_FSIZE, 0)
    _set_limit(resource.RLIMIT_NOFILE, _MAX_OPEN_FILES)
    _set_limit(resource.RLIMIT_DATA, memory_bytes)
    _set_limit(resource.RLIMIT_AS, memory_bytes * _ADDRESS_SPACE_FACTOR)
    if sys.platform == "linux":
        _hide_and_die_with_parent()
        _restrict_files(readable)
        _drop_capabilities(keeps_user=keeps_user)
        system_calls.restrict_calls()
    if os.getppid() != parent:
        os._exit(1)


def become_user(user_id: int) -> None:
    """Change to an unprivileged user and group, if this process is root.

    Loading a model may take root's files, so this comes after it. Where the libraries of Python are
    below a directory that is root's alone, reading such files stays allowed, as far as Landlock
    allows it.

    Args:
        user_id: of the user and of the group; 0: nothing is changed.

    Raises:
        OSError: this process may not change its user, or the user is none of its user namespace.
    """
    if sys.platform != "linux" or os.geteuid() != 0 or user_id == 0:
        return
    parent = os.getppid()
    kept = _CAP_DAC_READ_SEARCH if _is_python_private() else 0
    _libc.prctl(_PR_SET_KEEPCAPS, 1 if kept else 0, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user_id, user_id, user_id)
    os.setresuid(user_id, user_id, user_id)
    _set_first_capabilities(kept, 0)
    _hide_and_die_with_parent()  # both are reset with the user
    if os.getppid() != parent:
        os._exit(1)


def forbid_new_processes() -> None:
    """Keep this process from starting processes and threads, and from changing its user.

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


def _hide_and_die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _drop_capabilities(*, keeps_user: bool) -> None:
    """Give up the capabilities of this process and of the threads that it starts, for good.

    Root that will become another user keeps those that :func:`become_user` takes.
    """
    for one in range(_CAPABILITIES):
        _libc.prctl(_PR_CAPBSET_DROP, one, 0, 0, 0)
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    if os.geteuid() == 0 and not keeps_user:
        change_user = _CAP_SETGID | _CAP_SETUID
        _set_first_capabilities(change_user | _CAP_DAC_READ_SEARCH, change_user, 0)
    else:
        _set_first_capabilities(0)


def _set_first_capabilities(*sets: int) -> None:
    """Set the capabilities of this thread to the first of ``sets`` that it has had as a whole."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    for held in sets:
        if _libc.capset(header, struct.pack("=6I", held, held, 0, 0, 0, 0)) == 0:
            return


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


@cache
def _is_python_private() -> bool:
    """Return whether some of Python's own files are below a directory that others cannot enter."""
    directories = {
        directory
        for path in map(Path, _python_paths())
        if path.is_dir()
        for directory in (path, *path.parents)
    }
    return not all(one.stat().st_mode & stat.S_IXOTH for one in directories)


def _allow_path(ruleset: int, path: str) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    rights = _READ_FILE | _EXECUTE | (_READ_DIR if Path(path).is_dir() else 0)
    rule = struct.pack("=Qi", rights, descriptor)
    _libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    os.close(descriptor)
