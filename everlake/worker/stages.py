"""Stages of a batch: landing into the lake's tables, and analysis."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from everlake.batching import group_by_size
from everlake.catalog.database import Catalog
from everlake.contract.batches import BatchStatus
from everlake.lake import Lake
from everlake.lake.record_merge import MERGE_BYTES, MERGED_TABLES, MergeInput, merge_inputs
from everlake.lake.record_rows import arrived_record
from everlake.landing.attachments import register_attachments
from everlake.landing.batch_objects import read_accepted_many
from everlake.logs import logger
from everlake.model.batches import BatchRow
from everlake.storage import ObjectStore
from everlake.tables.registry import DerivedTable
from everlake.worker.prefetch import prefetch
from everlake.worker.types import Stage

_MAX_CLAIMED_BATCHES = 1_000
_MAX_LANDED_RECORDS = 100_000
_MAX_LANDED_BYTES = 128 * 1024 * 1024
"""Bounds of one claim for landing, of which one portion at a time is in memory."""

_MAX_ANALYSED_RECORDS = 10_000
_MAX_ANALYSED_BYTES = 64 * 1024 * 1024
"""Bounds of one claim for analysis, which is in memory as a whole."""

_log = logger()


def landing_stage(catalog: Catalog, store: ObjectStore, lake: Lake) -> Stage:
    """Return the stage from ``LANDING`` to ``LANDED``.

    It merges the records of many batches at once, fills the other tables that are derived from
    the archive alone, and registers attachments for download.
    """
    others = [table for table in lake.registry.landed if table.name not in MERGED_TABLES]

    def read(portion: Sequence[BatchRow]) -> Iterator[MergeInput]:
        return merge_inputs(
            [
                arrived_record(record, batch)
                for batch, records in read_accepted_many(store, portion)
                for record in records
            ]
        )

    def land(group: Sequence[BatchRow]) -> None:
        workspace_id = group[0].workspace_id
        portions = [*group_by_size(group, lambda batch: batch.landing_bytes, max_size=MERGE_BYTES)]
        # The engine merges one portion in its own threads while Python makes the next.
        inputs = prefetch(chain.from_iterable(map(read, portions)))
        merged = lake.records.merge_prepared(workspace_id, inputs)
        for portion in portions if others else ():
            _write_derived(store, lake, others, portion)
        register_attachments(catalog, store, group)
        _log.info(
            "landed",
            workspace=workspace_id,
            batches=len(group),
            records=merged.received,
            new=merged.inserted,
            replaced=merged.replaced,
        )

    return Stage(
        name="land",
        input_status=BatchStatus.LANDING,
        claimed_status=None,
        output_status=BatchStatus.LANDED,
        process=land,
        max_batches=_MAX_CLAIMED_BATCHES,
        max_records=_MAX_LANDED_RECORDS,
        max_bytes=_MAX_LANDED_BYTES,
    )


def analysis_stage(store: ObjectStore, lake: Lake) -> Stage:
    """Return the stage from ``LANDED`` to ``COMPLETE``: it fills the tables of the analysis."""
    tables = lake.registry.analysed

    def analyse(group: Sequence[BatchRow]) -> None:
        _write_derived(store, lake, tables, group)
        _log.info(
            "analysed",
            workspace=group[0].workspace_id,
            batches=len(group),
            records=sum(batch.accepted for batch in group),
        )

    return Stage(
        name="analyse",
        input_status=BatchStatus.LANDED,
        claimed_status=BatchStatus.PROCESSING,
        output_status=BatchStatus.COMPLETE,
        yields_to=BatchStatus.LANDING,
        process=analyse,
        max_batches=_MAX_CLAIMED_BATCHES,
        max_records=_MAX_ANALYSED_RECORDS,
        max_bytes=_MAX_ANALYSED_BYTES,
    )


def _write_derived(
    store: ObjectStore,
    lake: Lake,
    tables: Sequence[DerivedTable[Any]],
    group: Sequence[BatchRow],
) -> None:
    """Write what the records of these batches contribute to each of the tables."""
    contributions: list[list[Any]] = [[] for _ in tables]
    for batch, records in read_accepted_many(store, group):
        for table, rows in zip(tables, contributions, strict=True):
            rows += [table.derive(record, batch) for record in records]
    for table, rows in zip(tables, contributions, strict=True):
        table.write(lake.engine, group[0].workspace_id, rows)
