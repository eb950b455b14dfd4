"""What a process needs that reads and analyses records by the ten thousand."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager

_RECURSION = 20_000
"""The API reads what nests as deep as its own stack allows; the worker must read it too."""
_GC_YOUNG = 50_000


@contextmanager
def prepared() -> Generator[None]:
    """Set this process up for it, for the length of a block, once everything is imported."""
    sys.setrecursionlimit(_RECURSION)
    # What was made up to here stays for good, and records cannot form cycles: the collector
    # would walk tens of thousands of them again and again.
    gc.collect()
    gc.freeze()
    young = gc.get_threshold()
    gc.set_threshold(_GC_YOUNG)
    try:
        yield
    finally:
        gc.set_threshold(*young)
        gc.unfreeze()
