"""The two steps of a batch: into the lake's tables, then analysed."""

from collections.abc import Iterator, Sequence
from itertools import chain

from everlake.batching import group_by_size
from everlake.catalog.batches import BatchRow
from everlake.catalog.database import Catalog
from everlake.contract.batches import BatchStatus
from everlake.lake import Lake
from everlake.lake.record_merge import MERGE_BYTES, MergeInput, merge_inputs
from everlake.lake.record_rows import arrived_record
from everlake.lake.utterance_rows import record_utterances
from everlake.landing.attachments import register_attachments
from everlake.landing.batch_objects import read_accepted_many
from everlake.logs import logger
from everlake.storage import ObjectStore
from everlake.worker.prefetch import prefetch
from everlake.worker.stage_runner import Stage

_MAX_CLAIMED_BATCHES = 1_000
_MAX_LANDED_RECORDS = 100_000
_MAX_LANDED_BYTES = 128 * 1024 * 1024
"""Of one claim to land, which is in memory a portion at a time."""

_MAX_ANALYSED_RECORDS = 10_000
_MAX_ANALYSED_BYTES = 64 * 1024 * 1024
"""Of one claim to analyse, which is in memory as a whole."""

_log = logger()


def landing_stage(catalog: Catalog, store: ObjectStore, lake: Lake) -> Stage:
    """``LANDING`` to ``LANDED``: many batches in one merge of the workspace's records.

    Their attachments are listed then, for others to fetch.
    """

    def read(some: Sequence[BatchRow]) -> Iterator[MergeInput]:
        return merge_inputs(
            [
                arrived_record(one, batch)
                for batch, records in read_accepted_many(store, some)
                for one in records
            ]
        )

    def work(group: Sequence[BatchRow]) -> None:
        # The engine merges one portion on its own threads while Python makes the next.
        portions = group_by_size(group, lambda batch: batch.landing_bytes, max_size=MERGE_BYTES)
        inputs = prefetch(chain.from_iterable(map(read, portions)))
        merged = lake.records.merge_prepared(group[0].workspace_id, inputs)
        register_attachments(catalog, store, group)
        _log.info(
            "landed",
            workspace=group[0].workspace_id,
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
        process=work,
        max_batches=_MAX_CLAIMED_BATCHES,
        max_records=_MAX_LANDED_RECORDS,
        max_bytes=_MAX_LANDED_BYTES,
    )


def analysis_stage(store: ObjectStore, lake: Lake) -> Stage:
    """``LANDED`` to ``COMPLETE``: what was said in the records, made searchable."""

    def work(group: Sequence[BatchRow]) -> None:
        found = [
            record_utterances(one, batch)
            for batch, records in read_accepted_many(store, group)
            for one in records
        ]
        written = lake.utterances.write(group[0].workspace_id, found)
        _log.info(
            "analysed",
            workspace=group[0].workspace_id,
            batches=len(group),
            records=written.records,
            utterances=written.utterances,
            stale=written.stale,
        )

    return Stage(
        name="analyse",
        input_status=BatchStatus.LANDED,
        claimed_status=BatchStatus.PROCESSING,
        output_status=BatchStatus.COMPLETE,
        yields_to=BatchStatus.LANDING,
        process=work,
        max_batches=_MAX_CLAIMED_BATCHES,
        max_records=_MAX_ANALYSED_RECORDS,
        max_bytes=_MAX_ANALYSED_BYTES,
    )
