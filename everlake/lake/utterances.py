"""The utterances table: replacing what a record says, and finding it by full text."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from everlake.lake.filters import all_of, one_of, utterance_conditions
from everlake.model.records import (
    MAX_UTTERANCES,
    AttachmentUtterances,
    RecordUtterances,
    TextQuery,
    UtteranceFilters,
    UtteranceGroup,
    UtteranceMatch,
    UtteranceWriteResult,
)
from everlake.tables import arrow
from everlake.tables.snapshot import Row, Snapshot
from everlake.tables.table import TableWriter

MAX_HITS = 1_000
"""How deep pages of hits go."""

_RECORD_ROWS = f"(ordinal < {MAX_UTTERANCES})"
_FIRST_ROWS = f"(ordinal % {MAX_UTTERANCES} = 0)"
"""Every text that says anything has one such row: an attachment may have thousands of others."""

_EXTRA_CANDIDATES = 16
_MAX_CANDIDATES = 16_384

_COLUMNS = (
    "record_id",
    "version",
    "ordinal",
    "batch_id",
    "type",
    "source",
    "event_at",
    "product_id",
    "project_ids",
    "speaker",
    "role",
    "said_at",
    "text",
    "attachment_id",
    "attachment",
)


class UtteranceSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What to find, and which part of it."""

    query: TextQuery
    filters: UtteranceFilters
    limit: int
    offset: int


def replace_record_utterances(
    writer: TableWriter, records: Sequence[RecordUtterances], current: Mapping[str, int]
) -> UtteranceWriteResult:
    """Write what records whose version is the current one say themselves.

    What was said before in these records, save by attachments of this version, goes in commits
    of their own before that. Whoever dies in between has not reported the batch as analysed, so
    it is done again.
    """
    fresh = {one.record_id: one for one in records if current.get(one.record_id) == one.version}
    gone = _record_keys_to_delete(writer.snapshot, fresh) if fresh else []
    return _write(writer, records, list(fresh.values()), gone)


def replace_attachment_utterances(
    writer: TableWriter, texts: Sequence[AttachmentUtterances], current: Mapping[str, int]
) -> UtteranceWriteResult:
    """Write what attachments say of records whose version is the current one.

    What the same attachments said before goes in a commit of its own before that. Whoever dies
    between the two has not reported them as written, so it is done again.
    """
    fresh = {
        (one.record_id, one.attachment_id): one
        for one in texts
        if current.get(one.record_id) == one.version
    }
    gone = _attachment_keys_to_delete(writer.snapshot, fresh) if fresh else []
    return _write(writer, texts, list(fresh.values()), gone)


def _write(
    writer: TableWriter,
    given: Sequence[UtteranceGroup],
    fresh: Sequence[UtteranceGroup],
    deletions: Sequence[arrow.ArrowTable],
) -> UtteranceWriteResult:
    """Delete by the keys ``deletions``, and write what is ``fresh`` of what was ``given``."""
    table = arrow.utterances_table(fresh)
    for keys in deletions:
        writer.commit(writer.snapshot.prepare_delete(keys))
    if table.num_rows:
        writer.commit(writer.snapshot.prepare_append(table))
    versions = {one.record_id: one.version for one in fresh}
    return UtteranceWriteResult(
        records=len(fresh),
        utterances=table.num_rows,
        stale=sum(1 for one in given if versions.get(one.record_id) != one.version),
    )


def _record_keys_to_delete(
    now: Snapshot, fresh: Mapping[str, RecordUtterances]
) -> list[arrow.ArrowTable]:
    """Keys of the rows that these records' own words take the place of."""
    where = all_of([one_of("record_id", fresh), f"{_RECORD_ROWS} OR {_FIRST_ROWS}"])
    rows = [
        (row["record_id"], row["version"], row["ordinal"])
        for row in now.select(["record_id", "version", "ordinal"], where)
    ]
    kept = {
        (record_id, version)
        for record_id, version, ordinal in rows
        if ordinal >= MAX_UTTERANCES and version == fresh[record_id].version
    }
    if not kept:
        keys = {(record_id,) for record_id, _, _ in rows}
        return [arrow.keys_table(["record_id"], keys)] if keys else []
    # Without an index for such keys, but few analyses are done again after attachments were read.
    whole = {row[:2] for row in rows} - kept
    own = [row for row in rows if row[:2] in kept and row[2] < MAX_UTTERANCES]
    return [
        arrow.keys_table(names, keys)
        for names, keys in (
            (["record_id", "version"], whole),
            (["record_id", "version", "ordinal"], own),
        )
        if keys
    ]


def _attachment_keys_to_delete(
    now: Snapshot, fresh: Mapping[tuple[str, str], AttachmentUtterances]
) -> list[arrow.ArrowTable]:
    """Keys of the rows that these attachments have."""
    columns = ["record_id", "attachment_id"]
    ids = {record_id for record_id, _ in fresh}
    rows = now.select(
        columns, all_of([one_of("record_id", ids), f"NOT {_RECORD_ROWS}", _FIRST_ROWS])
    )
    keys = {(row["record_id"], row["attachment_id"]) for row in rows} & fresh.keys()
    return [arrow.keys_table(columns, keys)] if keys else []


def find_utterances(
    now: Snapshot,
    search: UtteranceSearch,
    current_versions: Callable[[Sequence[str]], Mapping[str, int]],
) -> tuple[list[UtteranceMatch], bool]:
    """Hits ``offset`` to ``offset`` + ``limit`` of one snapshot, and whether there are more.

    A record that has arrived again and is not analysed yet still has utterances of its earlier
    version here; ``current_versions`` tells, and they are passed over.
    """
    end = search.offset + search.limit
    if search.offset < 0 or search.limit < 1 or end > MAX_HITS:
        raise ValueError(f"A search can be paged to its first {MAX_HITS:,} hits.")
    where = all_of(utterance_conditions(search.filters))
    wanted = end + 1 + _EXTRA_CANDIDATES
    while True:
        rows = now.search(search.query, where, wanted)
        versions = current_versions(list({row["record_id"] for row in rows}))
        valid = [row for row in rows if versions.get(row["record_id"]) == row["version"]]
        if len(valid) > end or len(rows) < wanted or wanted >= _MAX_CANDIDATES:
            break
        wanted *= 4
    valid.sort(key=lambda row: (-row["_score"], -row["version"], row["ordinal"]))
    return _read_matches(now, valid[search.offset : end]), len(valid) > end


def _read_matches(now: Snapshot, rows: Sequence[Row]) -> list[UtteranceMatch]:
    full = now.take([row["_rowid"] for row in rows], _COLUMNS)
    return [
        UtteranceMatch(score=row["_score"], record_type=one.pop("type"), **one)
        for row, one in zip(rows, full, strict=True)
    ]
