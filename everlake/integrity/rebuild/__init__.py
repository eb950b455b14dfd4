"""Making a workspace's tables again, from the landing archive and the catalog.

The new tables are filled beside those that serve, and put in their place when they are whole:

1. List which records every landed batch brought, and find the versions that count no more.
2. Write the records that count, and what they say, in large pieces, each of them once.
3. Make the indices.
4. Catch up with what has landed meanwhile.
5. With everybody kept from writing, catch up with the last of it, and swap.
"""

from everlake.integrity.rebuild.context import RebuildResult, StepProgressCallback
from everlake.integrity.rebuild.resume import rebuild_each
from everlake.integrity.rebuild.service import rebuild

__all__ = ["RebuildResult", "StepProgressCallback", "rebuild", "rebuild_each"]
