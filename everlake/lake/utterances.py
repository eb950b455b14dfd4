"""Utterances table: what is said in the current version of each record."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from everlake.lake import utterance_search
from everlake.lake.records import RecordRepository
from everlake.lake.utterance_rows import UTTERANCES_TABLE, record_utterances, utterances_to_arrow
from everlake.model.utterances import (
    MAX_UTTERANCES,
    AttachmentUtterances,
    RecordUtterances,
    TextQuery,
    UtteranceFilters,
    UtteranceGroup,
    UtteranceMatch,
    UtteranceWriteResult,
    text_size,
)
from everlake.tables.conditions import all_of, one_of
from everlake.tables.engine import TableEngine
from everlake.tables.registry import DerivedTable
from everlake.tables.snapshot import Snapshot
from everlake.tables.table import TableWriter

_RECORD_ROWS = f"(ordinal < {MAX_UTTERANCES})"
_FIRST_ROWS = f"(ordinal % {MAX_UTTERANCES} = 0)"
"""Selects the first row of each record and of each attachment that has utterances."""

Group = TypeVar("Group", bound=UtteranceGroup)


class _Keys(msgspec.Struct, frozen=True):
    """Keys of rows: the values of ``columns``."""

    columns: Sequence[str]
    values: Collection[tuple[Any, ...]]


class UtteranceRepository:
    """Writes and searches utterances.

    Methods take the workspace first; one without tables has no utterances. They raise
    LakeUnavailable (try again later) or LakeDamaged (the message says what to do).

    Args:
        engine: the tables.
        records: tells which version of a record is current.
    """

    def __init__(self, engine: TableEngine, records: RecordRepository) -> None:
        self._engine = engine
        self._records = records

    def write(self, workspace_id: str, groups: Sequence[RecordUtterances]) -> UtteranceWriteResult:
        """Replace the utterances of these records.

        Those of attachments of the same version stay; everything of earlier versions goes. The
        records must have been merged before. A group whose version is not current is left out. May
        be called again; what it wrote is durable when it returns.

        Raises:
            ValueError: a record has more than ``MAX_UTTERANCES``.
        """
        return self._write(workspace_id, groups, _replace_record_utterances)

    def write_attachments(
        self, workspace_id: str, groups: Sequence[AttachmentUtterances]
    ) -> UtteranceWriteResult:
        """Replace the utterances of these attachments, and of no others.

        They may be written before or after those of their records. All groups are held in memory
        at once. Otherwise as :meth:`write`.
        """
        return self._write(workspace_id, groups, _replace_attachment_utterances)

    def find(
        self,
        workspace_id: str,
        query: TextQuery,
        filters: UtteranceFilters = UtteranceFilters(),  # noqa: B008  (frozen)
        *,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[UtteranceMatch], bool]:
        """Return matching utterances of current versions, best first, and whether more follow.

        Raises:
            ValueError: a text is not valid Unicode, a time has no time zone, or
                ``offset`` + ``limit`` exceeds :data:`everlake.lake.utterance_search.MAX_HITS`.
        """
        search = utterance_search.UtteranceSearch(
            query=query, filters=filters, limit=limit, offset=offset
        )
        none: tuple[list[UtteranceMatch], bool] = ([], False)
        return self._engine.table(workspace_id, UTTERANCES_TABLE).read(
            lambda now: utterance_search.find_utterances(
                now, search, lambda ids: self._records.current_versions(workspace_id, ids)
            ),
            none,
        )

    def _write(
        self,
        workspace_id: str,
        groups: Sequence[Group],
        replace: Callable[[TableWriter, Sequence[Group], Mapping[str, int]], UtteranceWriteResult],
    ) -> UtteranceWriteResult:
        if not groups:
            return UtteranceWriteResult(records=0, utterances=0, stale=0)
        # Current versions are read inside the lock, so that the highest one is written last.
        with self._engine.table(workspace_id, UTTERANCES_TABLE).writing() as writer:
            writer.check_analysis_version()  # also where nothing is said, and so nothing written
            ids = list({one.record_id for one in groups})
            return replace(writer, groups, self._records.current_versions(workspace_id, ids))


def _replace_record_utterances(
    writer: TableWriter, groups: Sequence[RecordUtterances], current: Mapping[str, int]
) -> UtteranceWriteResult:
    fresh = {one.record_id: one for one in groups if current.get(one.record_id) == one.version}
    replaced = _record_keys(writer.snapshot, fresh) if fresh else []
    return _write_fresh(writer, groups, list(fresh.values()), replaced)


def _replace_attachment_utterances(
    writer: TableWriter, groups: Sequence[AttachmentUtterances], current: Mapping[str, int]
) -> UtteranceWriteResult:
    fresh = {
        (one.record_id, one.attachment_id): one
        for one in groups
        if current.get(one.record_id) == one.version
    }
    replaced = _attachment_keys(writer.snapshot, fresh) if fresh else []
    return _write_fresh(writer, groups, list(fresh.values()), replaced)


def _write_fresh(
    writer: TableWriter,
    given: Sequence[UtteranceGroup],
    fresh: Sequence[UtteranceGroup],
    replaced: Sequence[_Keys],
) -> UtteranceWriteResult:
    """Delete the ``replaced`` rows, then add those of ``fresh``, in commits of their own.

    A process that dies in between has not reported its work as done, so it is done again.
    """
    rows = utterances_to_arrow(fresh)
    for keys in replaced:
        writer.delete(keys.columns, keys.values)
    if rows.num_rows:
        writer.append(rows)
    versions = {one.record_id: one.version for one in fresh}
    return UtteranceWriteResult(
        records=len(fresh),
        utterances=rows.num_rows,
        stale=sum(1 for one in given if versions.get(one.record_id) != one.version),
    )


def _record_keys(now: Snapshot, fresh: Mapping[str, RecordUtterances]) -> list[_Keys]:
    """Return keys of the rows that the utterances of these records replace."""
    where = all_of([one_of("record_id", fresh), f"{_RECORD_ROWS} OR {_FIRST_ROWS}"])
    rows = [
        (row["record_id"], row["version"], row["ordinal"])
        for row in now.select(["record_id", "version", "ordinal"], where)
    ]
    with_attachments = {
        (record_id, version)
        for record_id, version, ordinal in rows
        if ordinal >= MAX_UTTERANCES and version == fresh[record_id].version
    }
    if not with_attachments:
        keys = [_Keys(["record_id"], {(record_id,) for record_id, _, _ in rows})]
    else:
        # Without an index for such keys, but records are seldom analysed after their attachments.
        earlier = {row[:2] for row in rows} - with_attachments
        own = [row for row in rows if row[:2] in with_attachments and row[2] < MAX_UTTERANCES]
        keys = [
            _Keys(["record_id", "version"], earlier),
            _Keys(["record_id", "version", "ordinal"], own),
        ]
    return [one for one in keys if one.values]


def _attachment_keys(
    now: Snapshot, fresh: Mapping[tuple[str, str], AttachmentUtterances]
) -> list[_Keys]:
    """Return keys of the rows that the utterances of these attachments replace."""
    columns = ["record_id", "attachment_id"]
    ids = {record_id for record_id, _ in fresh}
    rows = now.select(
        columns, all_of([one_of("record_id", ids), f"NOT {_RECORD_ROWS}", _FIRST_ROWS])
    )
    keys = {(row["record_id"], row["attachment_id"]) for row in rows} & fresh.keys()
    return [_Keys(columns, keys)] if keys else []


def _write_groups(
    engine: TableEngine, workspace_id: str, groups: Sequence[RecordUtterances]
) -> UtteranceWriteResult:
    return UtteranceRepository(engine, RecordRepository(engine)).write(workspace_id, groups)


UTTERANCES = DerivedTable[RecordUtterances](
    spec=UTTERANCES_TABLE,
    derive=record_utterances,
    to_arrow=utterances_to_arrow,
    size_of=text_size,
    write=_write_groups,
)
