"""Filters of records and utterances as conditions in Lance's SQL dialect.

Texts are escaped by :mod:`everlake.tables.conditions`; times enter as integers.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

from everlake.model.records import RecordFilters
from everlake.model.utterances import UtteranceFilters
from everlake.tables.conditions import equals, literal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def record_conditions(filters: RecordFilters) -> list[str]:
    """Return conditions that together select the records.

    Raises:
        ValueError: a value is not valid Unicode, or a time has no time zone.
    """
    named = {
        "batch_id": filters.batch,
        "type": filters.type,
        "source": filters.source,
        "product_id": filters.product,
        "nature": filters.nature,
        "thread_id": filters.thread,
    }
    listed = {
        "project_ids": filters.project,
        "tags": filters.tag,
        "participant_keys": _participant_key(filters.participant),
    }
    return [*_equalities(named, listed), *_time_range(filters.since, filters.until)]


def utterance_conditions(filters: UtteranceFilters) -> list[str]:
    """Return conditions that together select the utterances.

    Raises:
        ValueError: as :func:`record_conditions`.
    """
    named = {"type": filters.type, "source": filters.source, "product_id": filters.product}
    listed = {"project_ids": filters.project}
    return [*_equalities(named, listed), *_time_range(filters.since, filters.until)]


def participant_keys(ids: Iterable[str], emails: Iterable[str]) -> list[str]:
    """Return the keys that participants are found by: ids as they are, emails in lower case."""
    return list(dict.fromkeys([*ids, *map(str.lower, emails)]))


def _participant_key(value: str | None) -> list[str] | None:
    if value is None:
        return None
    return [value, value.lower()] if "@" in value else [value]


def _equalities(
    scalars: Mapping[str, str | None], lists: Mapping[str, str | list[str] | None]
) -> list[str]:
    parts = [equals(column, value) for column, value in scalars.items() if value is not None]
    for column, value in lists.items():
        if value is None:
            continue
        values = [value] if isinstance(value, str) else value
        parts.append(" OR ".join(f"array_has({column}, {literal(one)})" for one in values))
    return parts


def _time_range(since: datetime | None, until: datetime | None) -> list[str]:
    parts: list[str] = []
    if since is not None:
        parts.append(f"event_at >= to_timestamp_micros({_epoch_micros(since)})")
    if until is not None:
        parts.append(f"event_at < to_timestamp_micros({_epoch_micros(until)})")
    return parts


def _epoch_micros(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("A time to filter by must have a time zone.")
    return (moment - _EPOCH) // timedelta(microseconds=1)
