"""Python client of the ingestion API. It imports :mod:`everlake.contract` alone."""

from everlake.client.client import Client
from everlake.client.errors import (
    ApiError,
    InputFileError,
    SendingStopped,
    StorageRefused,
    Unreachable,
    UploadError,
)
from everlake.client.input_files import ByteCounter, InputFile, InputFiles, find_input_files
from everlake.client.parallel_sender import ParallelSender
from everlake.client.record_reader import read_records
from everlake.client.request_batches import MAX_RECORD_BYTES, RequestBatch, batch_records
from everlake.client.retry import RetryDelay
from everlake.client.throttle import Throttle
from everlake.client.types import (
    InputRecord,
    RecordLocation,
    RejectedInput,
    SendResult,
    UnreadableInput,
)

__all__ = [
    "MAX_RECORD_BYTES",
    "ApiError",
    "ByteCounter",
    "Client",
    "InputFile",
    "InputFileError",
    "InputFiles",
    "InputRecord",
    "ParallelSender",
    "RecordLocation",
    "RejectedInput",
    "RequestBatch",
    "RetryDelay",
    "SendResult",
    "SendingStopped",
    "StorageRefused",
    "Throttle",
    "Unreachable",
    "UnreadableInput",
    "UploadError",
    "batch_records",
    "find_input_files",
    "read_records",
]
