"""Analysis version of a table: which version of the analysis made its rows.

Rows that are derived from an analysis name the version of the code that made them, in their column
``analysis_version`` (null is version 1, from before the column existed). Readers must never see
rows of two versions side by side, so a table holds rows of one version only:

- The version is fixed when the table is created, and is part of its schema's metadata. A table
  without it has version 1.
- A writer refuses, before it changes anything, to write rows to a table of another version
  (:meth:`everlake.tables.table.TableWriter.append` and the like). Reading costs nothing more.

What happens when the version of the code goes up: workers with the new code leave the old tables
alone, so batches that arrive wait for their analysis. ``everlake lake rebuild`` makes a new set of
tables at the new version from the archive, and swaps it in as a whole: in one step all readers go
from rows of the old version to rows of the new one. Then the waiting batches are analysed. Workers
that still run the old code are refused from then on, so a rolling upgrade mixes nothing either.
"""

from collections.abc import Mapping

from everlake.tables.columns import Schema
from everlake.tables.errors import LakeUnavailable
from everlake.tables.spec import TableSpec

_METADATA_KEY = b"everlake.analysis_version"
FIRST_VERSION = 1
"""Version of tables that were created before versions were recorded."""


def creation_schema(spec: TableSpec) -> Schema:
    """Return the schema to create a table with: its columns, and its analysis version."""
    if spec.analysis_version is None:
        return spec.schema
    return spec.schema.with_metadata({_METADATA_KEY: str(spec.analysis_version).encode()})


def version_of(schema: Schema) -> int:
    """Return the analysis version of the table with this schema, as it is stored."""
    metadata: Mapping[bytes, bytes] = schema.metadata or {}
    return int(metadata.get(_METADATA_KEY, FIRST_VERSION))


def check_writable(spec: TableSpec, stored: int, uri: str) -> None:
    """Return when rows that this program makes may be written to a table.

    Args:
        spec: the table's specification in this program.
        stored: the table's analysis version.
        uri: the table's path or URL, for the message.

    Raises:
        LakeUnavailable: the table holds rows of another analysis version.
    """
    if spec.analysis_version in {None, stored}:
        return
    advice = (
        "Rebuild the tables of the workspace: everlake lake rebuild"
        if stored < (spec.analysis_version or 0)
        else "Upgrade this program"
    )
    raise LakeUnavailable(
        f"The lake table {uri} holds rows of analysis version {stored}, and this program makes "
        f"version {spec.analysis_version}. {advice}; the work is tried again."
    )
