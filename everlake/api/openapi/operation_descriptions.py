"""Texts of operations, responses and parameters, for people.

Operation texts are templates: ``{limits...}`` stands for a limit in force.
"""

from collections.abc import Mapping
from typing import NamedTuple

TAGS: Mapping[str, str] = {
    "Ingest": "Submit records, and follow the batches that they become.",
    "Attachments": "Upload, follow and download the files that belong to records.",
    "Records": "Read records back from the lake.",
    "Search": "Find what was said.",
    "Products and projects": "List the products and projects that records belong to.",
    "Service": "For supervisors, load balancers and monitoring. No key is needed.",
}


class OperationText(NamedTuple):
    """Texts of one operation; ``responses`` has one for each status of its own."""

    tag: str
    summary: str
    description: str
    responses: Mapping[int, str]


_RESEND_NOTE = (
    "Sending the same bytes again is harmless. Other bytes for a part that is already stored are "
    "a 400, and the stored ones stay."
)
_PUT_RESPONSES = {200: "Progress of the upload. What is counted as received is durable."}

OPERATIONS: Mapping[str, OperationText] = {
    "ingest": OperationText(
        "Ingest",
        "Submit records",
        "Accepts 1 to {limits.records_per_batch:,} records in at most {limits.body_bytes:,} bytes, "
        "counted after decompression: `Content-Encoding` may be `gzip` or `zstd`. All records of "
        "a request have the same `_type` and the same `_product_id`, and at most "
        "{limits.attachments_per_batch:,} attachments together.\n\n"
        "An error of the request as a whole is a 400, and nothing is stored. Otherwise each "
        "record is validated by itself: valid records are accepted, the others are rejected and "
        "kept with all of their errors. The response is a 400 only if no record is accepted.",
        {
            200: "Result of a dry run (`dry_run=true`). Nothing was stored.",
            202: "At least one record was accepted. The batch survives a loss of power.",
        },
    ),
    "listBatches": OperationText(
        "Ingest",
        "List batches",
        "Newest first. Batches that arrive while pages are read make no page repeat or skip one.",
        {200: "A page of batches."},
    ),
    "getBatch": OperationText(
        "Ingest", "Get a batch", "Status and counts of a batch.", {200: "The batch."}
    ),
    "listBatchErrors": OperationText(
        "Ingest",
        "List rejected records",
        "The batch's rejected records by index, each with its payload as submitted and all of its "
        "errors. A page ends early when it exceeds a megabyte. A record with very many errors is "
        "split into parts, of which only the last has the payload; the parts may be on several "
        "pages.",
        {200: "A page of rejected records."},
    ),
    "watchBatch": OperationText(
        "Ingest",
        "Watch a batch",
        "Server-sent events (WHATWG HTML, 9.2): the batch as it is, then after each change of its "
        "status or counts, until it is `FAILED`, or `COMPLETE` with all of its attachments "
        "complete or failed. The event is named `batch`, and its data is a `Batch`. With "
        "`Last-Event-ID` only later events are sent. A comment is sent every 15 seconds. The "
        "stream ends with the batch, when its key is revoked, and when the server stops: "
        "reconnect with the last id then.",
        {
            200: "The batch's changes as they happen. The schema is that of one event.",
            204: "The batch has ended, and there is no event after `Last-Event-ID`.",
        },
    ),
    "retryBatch": OperationText(
        "Ingest",
        "Retry a batch",
        "Resumes a `FAILED` batch where it stopped, once the cause of the failure is removed. Any "
        "other batch is left unchanged, so that the request can be repeated. A batch whose "
        "records were all rejected cannot be retried: that is a 400.",
        {200: "The batch as it is now."},
    ),
    "createUpload": OperationText(
        "Attachments",
        "Announce a file",
        "Announces a file of at most {limits.attachment_bytes:,} bytes. It is then sent as a "
        "`whole`, or, if it is larger than one part, in `parts`, in any order and several at a "
        "time. The response has the method, URL and headers of these requests. A URL that begins "
        "with `/` belongs to this API and needs the key. Any other URL is signed and leads to the "
        "storage: it must not get the key. Once the upload is complete and until it expires, a "
        "record can name it by `upload_intent_id`.",
        {201: "The requests that send the file, and when the upload expires."},
    ),
    "getUpload": OperationText(
        "Attachments",
        "Get an upload",
        "Progress of an upload, and while it is `PENDING` the requests that send what is missing. "
        "Read it after an interrupted upload, and after the last request to the storage.",
        {200: "The upload."},
    ),
    "putUpload": OperationText(
        "Attachments",
        "Send a file",
        "Stores the whole file. If the connection breaks off, the parts that arrived are kept: "
        f"send the missing parts, or the whole file again. {_RESEND_NOTE}",
        _PUT_RESPONSES,
    ),
    "putUploadPart": OperationText(
        "Attachments",
        "Send a part of a file",
        f"Stores one part of a file, of exactly its size. {_RESEND_NOTE}",
        _PUT_RESPONSES,
    ),
    "getAttachment": OperationText(
        "Attachments",
        "Get an attachment",
        "Status and facts of one attachment.",
        {200: "The attachment."},
    ),
    "getAttachmentContent": OperationText(
        "Attachments",
        "Download an attachment",
        "The content of an attachment that is `COMPLETE`, byte for byte; any other is a 404. The "
        "content type is detected from the bytes; it is `application/octet-stream` for types that "
        "a browser might run, such as HTML or SVG. The content is always sent as a download. "
        "`ETag` is its SHA-256, and content never changes. One range of bytes can be requested; "
        "several are answered with the whole content. `HEAD` returns the headers alone. A "
        "response that breaks off is shorter than its `Content-Length`: continue with `Range`.",
        {
            200: "The whole content.",
            206: "The requested range.",
            304: "`If-None-Match` has the `ETag` of the content, which is not sent again.",
        },
    ),
    "listBatchAttachments": OperationText(
        "Attachments",
        "List a batch's attachments",
        "The attachments of the batch's accepted records, in the order of the records, each with "
        "its status. The list is complete once the batch is `LANDED`.",
        {200: "A page of attachments."},
    ),
    "retryBatchAttachments": OperationText(
        "Attachments",
        "Retry a batch's attachments",
        "Downloads the batch's `FAILED` attachments again, and extracts text again from files "
        "whose text is `FAILED`. Others are left unchanged, so that the request can be repeated.",
        {200: "How many were queued again."},
    ),
    "listRecords": OperationText(
        "Records",
        "List records",
        "The latest version of each record in the lake, newest arrival first. The records of a "
        "batch are there once it is `LANDED`. All given filters must match.",
        {200: "A page of records."},
    ),
    "getRecord": OperationText(
        "Records",
        "Get a record",
        "The latest version of a record, and every batch that wrote it.",
        {200: "The record."},
    ),
    "search": OperationText(
        "Search",
        "Search what was said",
        "The utterances that match best, best first, of batches that are `COMPLETE`. All given "
        "filters must match.",
        {200: "A page of results."},
    ),
    "listProducts": OperationText(
        "Products and projects",
        "List products",
        "The products of the workspace, oldest first.",
        {200: "A page of products."},
    ),
    "listProjects": OperationText(
        "Products and projects",
        "List projects",
        "The projects of the workspace, or of one product, oldest first.",
        {200: "A page of projects."},
    ),
    "getHealth": OperationText(
        "Service",
        "Check that the process runs",
        "Whether the process answers requests.",
        {200: "The process answers."},
    ),
    "getReadiness": OperationText(
        "Service",
        "Check that the service is ready",
        "Whether the database and the storage take writes, and the disk has room for records; "
        "503 if not.",
        {200: "Database and storage take writes."},
    ),
    "getMetrics": OperationText(
        "Service",
        "Get metrics",
        "Metrics of this machine's processes and of the queue, in the text format of Prometheus, "
        "version 0.0.4. They name no workspace and no key.",
        {200: "The metrics."},
    ),
}
"""Texts by ``operationId``."""

PARAMETERS: Mapping[str, str] = {
    "batchId": "Id of the batch.",
    "recordId": "Id of the record: 32 hexadecimal digits in lower case.",
    "attachmentId": "Id of the attachment.",
    "uploadId": "`upload_intent_id` of the upload.",
    "partNumber": "Number of the part, from 1.",
    "limit": "Number of items on a page at most.",
    "cursor": (
        "`nextCursor` of the page before. It is opaque and belongs to the same filters; any other "
        "text is a 400."
    ),
    "format": "A hint at what the records were made from.",
    "dry_run": (
        "`true`: validate everything, store nothing, and return 200 with the counts and errors."
    ),
    "idempotencyKey": (
        "A name for this request within the workspace. The same key with the same bytes gets the "
        "first 202 again, and nothing is processed; the same key with other bytes is an error. "
        "Only a 202 is remembered, for at least 24 hours. A dry run ignores the key."
    ),
    "lastEventId": (
        "`id` of the last event that was received. One that this server did not make is ignored."
    ),
    "range": "Bytes to send, such as `bytes=0-1048575` (RFC 9110, 14.2).",
    "ifRange": "`ETag` that `Range` belongs to; with any other the whole content is sent.",
    "ifNoneMatch": "`ETag` of the content that is already there; the same content is a 304.",
    "status": "Only batches with this status.",
    "attachmentStatus": "Only attachments with this status.",
    "batch": "Only records whose latest version is from the batch with this id.",
    "type": "Only this `_type`.",
    "source": "Only what was sent with keys of this source.",
    "project": "Only what belongs to the project with this id.",
    "product": "Only what belongs to the product with this id.",
    "nature": "Only this `_nature`; a record without one is `evidence`.",
    "tag": "Only records with this tag in `_tags`.",
    "participant": (
        "Only records with a participant of this `id`, or of this `email` in any case of letters."
    ),
    "thread": "Only records with this `_thread_id`.",
    "since": "Only events at or after this time (UTC).",
    "until": "Only events before this time (UTC).",
    "q": "Words, and phrases in double quotes, to search for.",
}
"""Texts by the name of the component parameter."""

REQUEST_BODIES: Mapping[str, str] = {
    "ingest": (
        "As `application/json`: one record, an array of records, or an object with the array in "
        "`records` and nothing else. As `application/x-ndjson`: one record per line; blank lines "
        "are ignored, and the last line break is optional. UTF-8 in both cases."
    ),
    "putUpload": "The file.",
    "putUploadPart": "The part.",
}
"""Texts by ``operationId``."""
