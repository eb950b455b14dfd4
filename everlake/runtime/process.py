"""Process-wide settings of a worker: memory, priority and open files."""

import os
import resource

from everlake import memory

_MALLOC_ARENAS = 2
"""Heaps of the allocator: freed memory stays in its heap, and the table engine has many threads."""
_OPEN_FILE_LIMIT = 8_192
"""Limit of open files: each attachment that is being fetched takes a file and a connection."""
_NICENESS = 5
"""Nice value of a worker: clients wait for the API, and nobody waits for a merge (nice(2))."""


def configure_worker_process() -> None:
    """Set the allocator, the priority and the limit of open files of this process."""
    memory.retain_freed_memory(_MALLOC_ARENAS)
    os.nice(_NICENESS)
    _raise_open_file_limit()


def _raise_open_file_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILE_LIMIT if hard == resource.RLIM_INFINITY else min(_OPEN_FILE_LIMIT, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
