from typing import Any

import msgspec
import pytest

from everlake.contract.batches import BatchStatus
from everlake.contract.errors import RecordError, RecordErrorCode
from everlake.model.batches import BatchRow


def view(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": "b",
        "workspace_id": "w",
        "status": BatchStatus.LANDING,
        "created_at": 1_700_000_000_000,
        "key_id": "k",
        "source": "api",
        "type": "email",
        "product_id": "p",
        "accepted": 2,
        "rejected": 1,
        "total_errors": 3,
        "landing_path": "landing/secret/path",
        "landing_bytes": 5,
        "failure": "internal reason",
        "sequence": 1,
        "attachment_complete": 0,
        "attachment_failed": 0,
        "lease_owner": "worker",
        "due_at": 1,
        "attempts": 0,
        "landed_at": None,
        "completed_at": None,
    }
    return msgspec.to_builtins(BatchRow(**{**values, **changes}).view())


def test_a_batch_has_the_members_of_the_wire_and_no_others() -> None:
    assert view() == {
        "batchId": "b",
        "status": "LANDING",
        "createdAt": 1_700_000_000_000,
        "acceptedCount": 2,
        "rejectedCount": 1,
        "totalErrorCount": 3,
        "source": "api",
        "type": "email",
    }


def test_errors_are_there_when_there_are_any_and_the_type_when_it_is_known() -> None:
    error = RecordError(index=1, code=RecordErrorCode.INVALID_JSON, message="m")
    told = view(errors=(error,), type=None)
    assert told["errors"] == [{"index": 1, "code": "INVALID_JSON", "message": "m"}]
    assert "type" not in told


@pytest.mark.parametrize(
    ("complete", "failed", "status"),
    [
        (0, 0, "PENDING"),
        (1, 0, "IN_PROGRESS"),
        (0, 1, "IN_PROGRESS"),
        (1, 1, "IN_PROGRESS"),
        (3, 0, "COMPLETE"),
        (2, 1, "PARTIAL_FAILURE"),
        (0, 3, "FAILED"),
    ],
)
def test_attachments_have_a_progress_of_their_own(complete: int, failed: int, status: str) -> None:
    told = view(attachment_total=3, attachment_complete=complete, attachment_failed=failed)
    assert told["attachmentDownloadTotal"] == 3
    assert told["attachmentDownloadComplete"] == complete
    assert told["attachmentDownloadFailed"] == failed
    assert told["attachmentDownloadStatus"] == status
