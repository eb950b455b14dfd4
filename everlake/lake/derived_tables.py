"""The registry's entries: every derived table of a workspace."""

from everlake.lake.arrivals import ARRIVALS
from everlake.lake.records import RECORDS
from everlake.lake.utterances import UTTERANCES
from everlake.tables.registry import Registry

DERIVED_TABLES = Registry([RECORDS, ARRIVALS, UTTERANCES])
"""In the order in which a merge locks them."""
