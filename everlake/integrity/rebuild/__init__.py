"""Rebuild: makes a workspace's tables again from the landing archive and the catalog.

The new tables are filled beside those that serve, and replace them once they are complete:

1. Read which records every landed batch brought, and find the superseded versions.
2. Write each current record, and what is derived from it, once and in large appends.
3. Build the indexes.
4. Catch up with what landed in the meantime.
5. With all writers locked out, catch up with the rest, and swap.
"""

from everlake.integrity.rebuild.resume import rebuild_each
from everlake.integrity.rebuild.service import rebuild
from everlake.integrity.rebuild.types import RebuildResult

__all__ = ["RebuildResult", "rebuild", "rebuild_each"]
