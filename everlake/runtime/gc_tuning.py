"""What a process needs that reads and analyses records by the ten thousand."""

import gc
import sys
from collections.abc import Generator
from contextlib import contextmanager

_RECURSION_LIMIT = 20_000
"""The API reads what nests as deep as its own stack allows; the worker must read it too."""


@contextmanager
def tuned_for_batches() -> Generator[None]:
    """Set this process up for it, for the length of a block, once everything is imported.

    The collector is off, since records form no cycles and walking them takes about as long as
    making them. Whoever goes on for long calls :func:`everlake.memory.collect_and_trim` now and then.
    """
    sys.setrecursionlimit(_RECURSION_LIMIT)
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()
