"""The fast verdict on one record: accept and normalise it, or leave it to be explained."""

import msgspec
from msgspec import UNSET

from everlake.contract.envelope import Record, canonical_event_at, canonical_type

_OBJECT = ord("{")

decode_record = msgspec.json.Decoder(Record).decode
decode_record_array = msgspec.json.Decoder(list[Record]).decode


class RecordRefused(Exception):
    """The record breaks a rule of the envelope that its types alone cannot hold."""


def normalise(record: Record) -> None:
    """Check what the types leave open and bring the record to its normal form, in place.

    Contract, Normalisation: ``_type`` as compared, ``_event_at`` cut to the whole second, one
    ``_project_ids`` list. ``data`` is not touched.

    Raises:
        RecordRefused: it breaks a rule; :mod:`everlake.ingest.explain` says which.
    """
    record_type = canonical_type(record.type)
    event_at = canonical_event_at(record.event_at)
    if record_type is None or event_at is None or memoryview(record.data)[0] != _OBJECT:
        raise RecordRefused
    if record.project_id is not UNSET:
        ids = [] if record.project_ids is UNSET else record.project_ids
        record.project_ids = list(dict.fromkeys([*ids, record.project_id]))
        record.project_id = UNSET
    elif record.project_ids is UNSET:
        raise RecordRefused
    elif len(record.project_ids) > 1:
        record.project_ids = list(dict.fromkeys(record.project_ids))
    record.type = record_type
    record.event_at = event_at


def attachments_of(record: Record) -> int:
    """How many attachments the record carries."""
    return 0 if record.attachments is UNSET else len(record.attachments)


def projects_known(record: Record, projects: frozenset[str]) -> bool:
    """Whether every project of a normalised record is among ``projects``."""
    return record.project_ids is not UNSET and projects.issuperset(record.project_ids)
