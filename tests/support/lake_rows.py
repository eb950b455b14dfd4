"""Rows of the lake's tables."""

import hashlib
from typing import Any

import msgspec

from everlake.contract.batches import BatchStatus
from everlake.contract.envelope import Participant
from everlake.contract.record_identity import record_version
from everlake.model.batches import BatchRow
from everlake.model.records import ArrivedRecord
from everlake.model.utterances import AttachmentUtterances, RecordUtterances, Utterance


def record_id(name: object) -> str:
    """Return a record id, the same for the same name."""
    return hashlib.blake2b(str(name).encode(), digest_size=16).hexdigest()


def batch_row(sequence: int) -> BatchRow:
    """The workspace's batch ``sequence``, complete, as far as its records' rows name it."""
    return BatchRow(
        id=f"batch-{sequence}",
        workspace_id="w",
        status=BatchStatus.COMPLETE,
        created_at=1_700_000_000_000 + sequence,
        key_id="key",
        source="api",
        accepted=1,
        rejected=0,
        total_errors=0,
        sequence=sequence,
        attachment_complete=0,
        attachment_failed=0,
        lease_owner=None,
        due_at=0,
        attempts=0,
        landed_at=0,
        completed_at=0,
    )


def arrived_record(name: object, sequence: int, line: int = 0, **changes: Any) -> ArrivedRecord:
    """Return the record called ``name``, as line ``line`` of the batch ``sequence``."""
    row = ArrivedRecord(
        record_id=record_id(name),
        version=record_version(sequence, line),
        batch_id=f"batch-{sequence}",
        source="api",
        ingested_at=1_700_000_000_000 + sequence,
        record_type="email",
        event_at="2024-05-01T10:00:00Z",
        product_id="prod_1",
        project_ids=["proj_1"],
        nature="evidence",
        thread_id=None,
        participants=[Participant(id="u1", role="internal")],
        tags=[],
        vendor_ids={"message_id": str(name)},
        envelope=b'{"_type":"email"}',
        data=f'{{"name":"{name}","sequence":{sequence}}}'.encode(),
    )
    return msgspec.structs.replace(row, **changes)


def analysed_record(row: ArrivedRecord, *texts: str | Utterance) -> RecordUtterances:
    """Return utterances of ``row``."""
    return RecordUtterances(
        record_id=row.record_id,
        version=row.version,
        batch_id=row.batch_id,
        source=row.source,
        record_type=row.record_type,
        event_at=row.event_at,
        product_id=row.product_id,
        project_ids=row.project_ids,
        utterances=[Utterance(text) if isinstance(text, str) else text for text in texts],
    )


def attachment_utterances(
    row: ArrivedRecord, *texts: str | Utterance, position: int = 0, name: str = "offer.pdf"
) -> AttachmentUtterances:
    """Return utterances of the attachment at ``position`` of ``row``, called ``att_<position>``."""
    words = msgspec.structs.asdict(analysed_record(row, *texts))
    return AttachmentUtterances(
        **words, attachment_id=f"att_{position}", name=name, position=position
    )
