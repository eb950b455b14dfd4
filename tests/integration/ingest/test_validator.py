"""Validation of requests against the catalog: cached projects, and time limits."""

import asyncio
import json
import time
from typing import Any

import pytest

from everlake.catalog import projects
from everlake.contract.errors import ErrorCode, WireError
from everlake.contract.limits import Limits
from everlake.contract.media_types import MediaType
from everlake.ingest.project_cache import ProjectCache
from everlake.ingest.upload_checker import UploadChecker
from everlake.ingest.validation import ValidationResult
from everlake.ingest.validator import RequestValidator
from tests.support.worker_fixture import PRODUCT, WorkerFixture, record


def new_validator(home: WorkerFixture, timeout: float = 15.0) -> RequestValidator:
    return RequestValidator(
        ProjectCache(home.catalog, timeout),
        UploadChecker(home.catalog, home.store, timeout),
        Limits(),
    )


def validate(
    home: WorkerFixture, validator: RequestValidator, *records: dict[str, Any]
) -> ValidationResult:
    body = json.dumps(records).encode()
    return asyncio.run(validator.validate(home.workspace_id, body, MediaType.JSON))


def test_a_project_that_was_added_after_the_product_was_cached_is_found(
    home: WorkerFixture,
) -> None:
    validator = new_validator(home)
    later = {**record("later"), "_project_ids": ["later"]}
    assert validate(home, validator, record("first")).accepted == 1
    assert validate(home, validator, later).rejected == 1

    with home.catalog.transaction() as tx:
        projects.create(tx, home.workspace_id, PRODUCT, project_id="later")

    invalid = {**record("invalid"), "data": []}
    assert validate(home, validator, later, invalid).accepted == 1
    assert validate(home, validator, later).accepted == 1


@pytest.mark.parametrize(
    "changes",
    [{}, {"data": []}, {"_attachments": [{"type": "file", "upload_intent_id": "upl_x"}]}],
    ids=["a valid record", "an invalid record", "an upload"],
)
def test_a_catalog_that_hangs_makes_the_request_unavailable(
    home: WorkerFixture, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    snapshot = home.catalog.snapshot

    def hang() -> Any:
        time.sleep(0.5)
        return snapshot()

    monkeypatch.setattr(home.catalog, "snapshot", hang)

    with pytest.raises(WireError) as caught:
        validate(home, new_validator(home, timeout=0.05), {**record("x"), **changes})

    assert caught.value.code is ErrorCode.UNAVAILABLE
