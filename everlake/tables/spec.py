"""Specification of a derived table: name, columns, key, sources and indexes."""

import re
from enum import StrEnum
from typing import Literal, TypeAlias

import msgspec

from everlake.tables.columns import Schema

IndexKind: TypeAlias = Literal["BTREE", "INVERTED"]

LAKE_FOLDER = "lake"
"""Folder of the storage below which all tables are."""

_WORKSPACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)


class Source(StrEnum):
    """Source of a table's rows, which also determines from when on they must exist."""

    ARCHIVE = "archive"
    """The records of the landing archive: once their batch has landed."""

    ANALYSIS = "analysis"
    """The analysis of these records: once their batch is complete."""

    ATTACHMENT_TEXT = "attachment_text"
    """The text extracted from attachments: at some time after their batch has landed."""


class WriteMode(StrEnum):
    """How new rows relate to the rows that are there."""

    LATEST = "latest"
    """One row per key; a row of a higher version replaces it."""

    APPEND = "append"
    """One row for every arrival of a record. Writing a batch again may repeat its rows."""

    REPLACE = "replace"
    """Any number of rows for the current version of a record, written together in place of those
    of earlier versions. Their ``ordinal`` counts from 0."""


class TableSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A derived table.

    The first columns are :data:`~everlake.tables.columns.IDENTITY_COLUMNS`.

    Attributes:
        name: also the name of its folder, of its SQL table and of its export.
        schema: its columns. New ones come last and allow nulls: existing tables get them at their
            next write.
        key: the columns that identify a row.
        mode: how rows are written.
        derived_from: what rows are derived from.
        scalar_indexes: columns with a B-tree index.
        full_text_indexes: columns with an inverted index.
        size_column: the column that holds the size of a row in bytes, where rows may be large.
        analysis_version: version of the code that makes the rows, exactly where they are derived
            from an analysis. A table holds rows of one version: see
            :mod:`everlake.tables.analysis_versions`.
        unverified_columns: columns made by the analysis, which are not compared with the archive.
        since_first_release: whether every workspace with such batches has the table. One that a
            later release adds exists only after the next batch, or a rebuild.
        ordinal_range: how many ordinals a record's own rows may have, from 0 on. Those of its
            attachment at position ``p`` begin at ``(p + 1) * ordinal_range``. None for tables
            without rows of attachments.
    """

    name: str
    schema: Schema
    key: tuple[str, ...]
    mode: WriteMode
    derived_from: tuple[Source, ...]
    scalar_indexes: tuple[str, ...] = ()
    full_text_indexes: tuple[str, ...] = ()
    size_column: str | None = None
    analysis_version: int | None = None
    unverified_columns: frozenset[str] = frozenset()
    since_first_release: bool = False
    ordinal_range: int | None = None

    def __post_init__(self) -> None:
        is_analysis = Source.ANALYSIS in self.derived_from
        if is_analysis != (self.analysis_version is not None):
            raise ValueError(
                f"The table {self.name} needs an analysis_version exactly if it is derived from "
                "an analysis."
            )

    @property
    def indexes(self) -> dict[str, IndexKind]:
        """The kind of index of each indexed column."""
        indexes: dict[str, IndexKind] = {}
        for column in self.scalar_indexes:
            indexes[column] = "BTREE"
        for column in self.full_text_indexes:
            indexes[column] = "INVERTED"
        return indexes


def workspace_folder(workspace_id: str) -> str:
    """Return the name of the folder of a workspace's tables.

    Raises:
        ValueError: the id cannot be part of a path.
    """
    if not _WORKSPACE.fullmatch(workspace_id):
        raise ValueError("A workspace id is 1 to 128 letters, digits, '-' and '_'.")
    return f"workspace={workspace_id}"
