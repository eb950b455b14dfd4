"""The table of bounds in SECURITY.md has the settings' defaults and the program's constants."""

import re
from pathlib import Path

import pytest

from everlake.api import (
    connections,
    opening,
    request_body,
    request_slots,
    server,
    subscriptions,
    unread_body,
)
from everlake.attachments.extraction import progress
from everlake.catalog import quotas
from everlake.contract import limits
from everlake.identity import api_key_authentication
from everlake.lake import paging
from everlake.settings.defaults import LAKE_TIMEOUT_SECONDS, STORAGE_TIMEOUT_SECONDS
from everlake.settings.definitions import DEFINITIONS
from everlake.storage import disk_reserve
from everlake.worker.attachments import fair_queue
from tests.support.documentation import read_page

_ROW = re.compile(r"^\|([^|]+)\|([^|]+)\|([^|]*)\|[^|]+\|$", re.MULTILINE)
_NUMBER = re.compile(r"\d[\d,]*")


def rows() -> dict[str, tuple[list[float], list[str]]]:
    """The numbers and the settings of each resource."""
    found = _ROW.findall(read_page(Path("SECURITY.md")))[2:]
    return {
        resource.strip(): (
            [float(one.replace(",", "")) for one in _NUMBER.findall(bound)],
            re.findall(r"`EVERLAKE_(\w+)`", settings),
        )
        for resource, bound, settings in found
    }


ROWS = rows()
CONSTANTS: dict[str, list[float]] = {
    "open requests of a workspace": [request_slots.MAX_OPEN_REQUESTS],
    "event streams": [subscriptions.MAX_STREAMS_PER_PRINCIPAL, subscriptions.MAX_STREAMS],
    "connections": [connections.MAX_CONNECTIONS, connections.CROWDED],
    "head of a request": [server.MAX_HEAD_BYTES, server.HEADER_TIMEOUT_MS / 1_000],
    "time of a body": [request_body.LEAST_SPEED, request_body.GRACE_SECONDS],
    "body that is sent after the answer": [unread_body.LEAST_BYTES, unread_body.SECONDS],
    "memory for bodies": [opening.MEMORY_SHARE * 100],
    "memory for large responses (records, rejected records)": [
        opening.RESPONSE_MEMORY,
        opening.MEMORY_SHARE * 100,
    ],
    "reading of a response": [request_body.LEAST_SPEED, request_body.GRACE_SECONDS],
    "errors of a record": [limits.MAX_ERRORS_PER_RECORD],
    "threads for validation, searches and pages of records": [
        opening.COMPUTING_THREADS,
        opening.COMPUTING_SHARE,
        LAKE_TIMEOUT_SECONDS,
    ],
    "threads that wait for the database or the storage": [
        server.WAITING_THREADS,
        server.WAITING_SHARE,
        api_key_authentication.LOOKUP_THREADS,
        STORAGE_TIMEOUT_SECONDS,
    ],
    "free space of a disk, over all processes": [disk_reserve.LARGEST_SHARE * 100],
    "bytes of records and stored attachments of a workspace, over all processes": [
        quotas.CACHE_SECONDS
    ],
    "records of a workspace a day, over all processes": [quotas.CACHE_SECONDS],
    "download of an attachment": [fair_queue.WORKSPACE_SHARE * 100],
    "text of an attachment": [progress.IDLE_SECONDS, progress.IDLE_SECONDS_PER_MEGABYTE],
    "page of a list": [limits.MAX_PAGE_SIZE, paging.MAX_PAGE_BYTES],
}


@pytest.mark.parametrize("resource", ROWS)
def test_a_bound_is_what_the_program_has(resource: str) -> None:
    numbers, settings = ROWS[resource]
    assert numbers
    for name in settings:
        assert float(DEFINITIONS[name.lower()].default) in numbers
    for constant in CONSTANTS.get(resource, []):
        assert constant in numbers


def test_every_constant_has_its_row() -> None:
    assert set(CONSTANTS) <= set(ROWS)
