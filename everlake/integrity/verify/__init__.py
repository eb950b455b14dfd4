"""Do archive, catalog and tables agree?

Everything is brought into a scratch database as narrow rows: of each record its id, version and
a hash of its whole row. Memory is bounded, whatever there is.

Batches move on meanwhile, so what is expected is taken down before the tables are read: a batch
that had landed by then must be in the tables, and any other that the catalog knows afterwards
may be. What looks wrong is looked at again, in case it was on its way.
"""

from everlake.integrity.verify.service import VerificationResult, verify

__all__ = ["VerificationResult", "verify"]
