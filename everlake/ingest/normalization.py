"""Normal form of records, and the rules that the envelope's types cannot express."""

from collections.abc import Iterable, Sequence
from itertools import chain
from operator import itemgetter

import msgspec
from msgspec import UNSET

from everlake.contract.envelope import (
    RECORD_TYPES,
    Record,
    are_canonical_times,
    canonical_event_at,
    canonical_type,
)

_OBJECT = ord("{")
_TYPES = frozenset(RECORD_TYPES)
_first_byte = itemgetter(0)

decode_record = msgspec.json.Decoder(Record).decode
decode_record_array = msgspec.json.Decoder(list[Record]).decode


class InvalidRecord(Exception):
    """A record breaks a rule of the envelope that its types cannot express."""


def normalize(record: Record) -> None:
    """Bring a record to its normal form, in place.

    Contract, Normalisation: ``_type`` as compared, ``_event_at`` cut to the second, one
    ``_project_ids`` list. ``data`` is unchanged.

    Raises:
        InvalidRecord: it breaks a rule; :mod:`everlake.ingest.diagnostics` says which.
    """
    record_type = canonical_type(record.type)
    event_at = canonical_event_at(record.event_at)
    if record_type is None or event_at is None or memoryview(record.data)[0] != _OBJECT:
        raise InvalidRecord
    if record.project_id is not UNSET:
        ids = [] if record.project_ids is UNSET else record.project_ids
        record.project_ids = list(dict.fromkeys([*ids, record.project_id]))
        record.project_id = UNSET
    elif record.project_ids is UNSET:
        raise InvalidRecord
    elif len(record.project_ids) > 1:
        record.project_ids = list(dict.fromkeys(record.project_ids))
    record.type = record_type
    record.event_at = event_at


def normalize_all(records: Sequence[Record]) -> None:
    """Bring records to their normal form, in place, as :func:`normalize` does.

    Most senders send the normal form. Whether all records have it is checked member by member,
    because a Python step for each record costs as much as decoding it.

    Raises:
        InvalidRecord: one of them breaks a rule.
    """
    if not _are_normalized(records):
        for record in records:
            normalize(record)


def _are_normalized(records: Sequence[Record]) -> bool:
    projects = [record.project_ids or () for record in records]
    data = map(memoryview, [record.data for record in records])
    return (
        _TYPES.issuperset([record.type for record in records])
        and {*map(len, projects)} == {1}
        and [record.project_id for record in records].count(UNSET) == len(records)
        and are_canonical_times([record.event_at for record in records])
        and {*map(_first_byte, data)} == {_OBJECT}
    )


def attachment_count(record: Record) -> int:
    """Return the number of a record's attachments."""
    return 0 if record.attachments is UNSET else len(record.attachments)


def are_projects_known(records: Iterable[Record], projects: frozenset[str]) -> bool:
    """Return whether every project of normalised records is one of ``projects``."""
    ids = [record.project_ids or () for record in records]
    return projects.issuperset(chain.from_iterable(ids))
