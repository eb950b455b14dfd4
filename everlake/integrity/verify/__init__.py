"""Verify: checks that archive, catalog and tables of a workspace agree.

All three are loaded into a temporary database as narrow rows: for each record its id, its version
and hashes of its columns. Memory is bounded, however much there is.

Batches move on in the meantime. So the state of the batches is loaded before the tables: a batch
that had landed by then must be in the tables, and any other batch that the catalog has afterwards
may be. What looks wrong is checked again, in case it was about to change.
"""

from everlake.integrity.verify.service import verify
from everlake.integrity.verify.types import VerificationResult

__all__ = ["VerificationResult", "verify"]
