"""Garbage collector and recursion settings for processes that read records in bulk."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager

_RECURSION_LIMIT = 20_000
"""Records nest as deep as the API's stack allows, and have to be read again here."""


@contextmanager
def tuned_for_batches() -> Generator[None]:
    """Within the block, read deeply nested records, and run without the garbage collector.

    Records form no reference cycles, and the collector takes about as long to walk them as it
    takes to build them. Long-running processes call :func:`everlake.memory.collect_and_trim` now
    and then. To be entered once everything is imported.
    """
    sys.setrecursionlimit(_RECURSION_LIMIT)
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()
