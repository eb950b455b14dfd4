"""Endpoints of the HTTP API: paths, permissions, parameters and responses.

The table serves the OpenAPI document, the Python client, and whoever else calls the API.
"""

from collections.abc import Mapping
from typing import Literal, TypeAlias
from urllib.parse import quote

import msgspec

from everlake.contract.attachments import AttachmentPage, BatchAttachment, Retried
from everlake.contract.batches import Batch, BatchPage, Receipt
from everlake.contract.errors import ErrorCode, status_of
from everlake.contract.health import Health
from everlake.contract.permissions import Permission
from everlake.contract.products import ProductPage, ProjectPage
from everlake.contract.queries import (
    ContentHeaders,
    EventsHeaders,
    IngestHeaders,
    IngestQuery,
    ListBatchAttachmentsQuery,
    ListBatchesQuery,
    ListProjectsQuery,
    ListRecordsQuery,
    PageQuery,
    SearchQuery,
)
from everlake.contract.records import RecordDetail, RecordPage
from everlake.contract.rejected_records import RejectedPage
from everlake.contract.search import SearchPage
from everlake.contract.uploads import Upload, UploadProgress, UploadRequest

Method: TypeAlias = Literal["GET", "POST", "PUT"]


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    Args:
        id: the ``operationId``.
        method: the HTTP method.
        path: the path, with parameters in braces: ``/api/v1/ingest/batches/{batchId}``.
        responses: the JSON body of each status; None for an empty or another body.
        permissions: permissions of which a key needs one; empty if no key is needed.
        query: the query parameters.
        headers: the request headers.
        body: the JSON request body; None for no body, for records and for the bytes of a file.
        errors: error codes besides those of every endpoint, of every key, of every query and of
            every path with a parameter.
    """

    id: str
    method: Method
    path: str
    responses: Mapping[int, type[msgspec.Struct] | None]
    permissions: tuple[Permission, ...] = ()
    query: type[msgspec.Struct] | None = None
    headers: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    errors: tuple[ErrorCode, ...] = ()

    def url(self, **ids: str) -> str:
        """Return the path with its parameters, such as ``batchId``, filled in and quoted."""
        return self.path.format_map({name: quote(value, safe="") for name, value in ids.items()})

    @property
    def error_codes(self) -> list[ErrorCode]:
        """Every error code of the endpoint, in the order of :class:`ErrorCode`."""
        codes = {*_ANY_ENDPOINT, *self.errors}
        if self.permissions:
            codes.update(_KEYED_ENDPOINT)
        if self.query is not None:
            codes.add(ErrorCode.INVALID_PARAMETER)
        if "{" in self.path:
            codes.add(ErrorCode.NOT_FOUND)
        return [code for code in ErrorCode if code in codes]


_ANY_ENDPOINT = (ErrorCode.METHOD_NOT_ALLOWED, ErrorCode.INTERNAL_ERROR, ErrorCode.UNAVAILABLE)
_KEYED_ENDPOINT = (ErrorCode.UNAUTHORIZED, ErrorCode.FORBIDDEN, ErrorCode.RATE_LIMITED)
_ANY_BODY = (
    ErrorCode.INVALID_JSON,
    ErrorCode.INVALID_BODY,
    ErrorCode.PAYLOAD_TOO_LARGE,
    ErrorCode.UNSUPPORTED_MEDIA_TYPE,
)
_EVERY_400 = tuple(code for code in ErrorCode if status_of(code) == 400)

INGEST = Endpoint(
    id="ingest",
    method="POST",
    path="/api/v1/ingest",
    permissions=("api:write",),
    query=IngestQuery,
    headers=IngestHeaders,
    responses={200: Receipt, 202: Receipt},
    errors=(*_EVERY_400, *_ANY_BODY),
)
LIST_BATCHES = Endpoint(
    id="listBatches",
    method="GET",
    path="/api/v1/ingest/batches",
    permissions=("api:read", "api:write"),
    query=ListBatchesQuery,
    responses={200: BatchPage},
)
GET_BATCH = Endpoint(
    id="getBatch",
    method="GET",
    path="/api/v1/ingest/batches/{batchId}",
    permissions=("api:read", "api:write"),
    responses={200: Batch},
)
LIST_BATCH_ERRORS = Endpoint(
    id="listBatchErrors",
    method="GET",
    path="/api/v1/ingest/batches/{batchId}/errors",
    permissions=("api:read", "api:write"),
    query=PageQuery,
    responses={200: RejectedPage},
)
WATCH_BATCH = Endpoint(
    id="watchBatch",
    method="GET",
    path="/api/v1/ingest/batches/{batchId}/events",
    permissions=("api:read", "api:write"),
    headers=EventsHeaders,
    responses={200: None, 204: None},
)
RETRY_BATCH = Endpoint(
    id="retryBatch",
    method="POST",
    path="/api/v1/ingest/batches/{batchId}/retry",
    permissions=("api:write",),
    responses={200: Batch},
    errors=(ErrorCode.ALL_RECORDS_REJECTED,),
)
LIST_BATCH_ATTACHMENTS = Endpoint(
    id="listBatchAttachments",
    method="GET",
    path="/api/v1/ingest/batches/{batchId}/attachments",
    permissions=("api:read", "api:write"),
    query=ListBatchAttachmentsQuery,
    responses={200: AttachmentPage},
)
RETRY_BATCH_ATTACHMENTS = Endpoint(
    id="retryBatchAttachments",
    method="POST",
    path="/api/v1/ingest/batches/{batchId}/attachments/retry",
    permissions=("api:write",),
    responses={200: Retried},
)
CREATE_UPLOAD = Endpoint(
    id="createUpload",
    method="POST",
    path="/api/v1/uploads",
    permissions=("api:write",),
    body=UploadRequest,
    responses={201: Upload},
    errors=_ANY_BODY,
)
GET_UPLOAD = Endpoint(
    id="getUpload",
    method="GET",
    path="/api/v1/uploads/{uploadId}",
    permissions=("api:write",),
    responses={200: Upload},
)
PUT_UPLOAD = Endpoint(
    id="putUpload",
    method="PUT",
    path="/api/v1/uploads/{uploadId}",
    permissions=("api:write",),
    responses={200: UploadProgress},
    errors=_ANY_BODY,
)
PUT_UPLOAD_PART = Endpoint(
    id="putUploadPart",
    method="PUT",
    path="/api/v1/uploads/{uploadId}/parts/{partNumber}",
    permissions=("api:write",),
    responses={200: UploadProgress},
    errors=_ANY_BODY,
)
GET_ATTACHMENT = Endpoint(
    id="getAttachment",
    method="GET",
    path="/api/v1/attachments/{attachmentId}",
    permissions=("api:read",),
    responses={200: BatchAttachment},
)
GET_ATTACHMENT_CONTENT = Endpoint(
    id="getAttachmentContent",
    method="GET",
    path="/api/v1/attachments/{attachmentId}/content",
    permissions=("api:read",),
    headers=ContentHeaders,
    responses={200: None, 206: None, 304: None},
    errors=(ErrorCode.RANGE_NOT_SATISFIABLE,),
)
LIST_RECORDS = Endpoint(
    id="listRecords",
    method="GET",
    path="/api/v1/records",
    permissions=("api:read",),
    query=ListRecordsQuery,
    responses={200: RecordPage},
)
GET_RECORD = Endpoint(
    id="getRecord",
    method="GET",
    path="/api/v1/records/{recordId}",
    permissions=("api:read",),
    responses={200: RecordDetail},
)
SEARCH = Endpoint(
    id="search",
    method="GET",
    path="/api/v1/search",
    permissions=("api:read",),
    query=SearchQuery,
    responses={200: SearchPage},
)
LIST_PRODUCTS = Endpoint(
    id="listProducts",
    method="GET",
    path="/api/v1/products",
    permissions=("api:read",),
    query=PageQuery,
    responses={200: ProductPage},
)
LIST_PROJECTS = Endpoint(
    id="listProjects",
    method="GET",
    path="/api/v1/projects",
    permissions=("api:read",),
    query=ListProjectsQuery,
    responses={200: ProjectPage},
)
GET_HEALTH = Endpoint(id="getHealth", method="GET", path="/healthz", responses={200: Health})
GET_READINESS = Endpoint(id="getReadiness", method="GET", path="/readyz", responses={200: Health})
GET_METRICS = Endpoint(id="getMetrics", method="GET", path="/metrics", responses={200: None})

ENDPOINTS = (
    INGEST,
    LIST_BATCHES,
    GET_BATCH,
    LIST_BATCH_ERRORS,
    WATCH_BATCH,
    RETRY_BATCH,
    CREATE_UPLOAD,
    GET_UPLOAD,
    PUT_UPLOAD,
    PUT_UPLOAD_PART,
    GET_ATTACHMENT,
    GET_ATTACHMENT_CONTENT,
    LIST_BATCH_ATTACHMENTS,
    RETRY_BATCH_ATTACHMENTS,
    LIST_RECORDS,
    GET_RECORD,
    SEARCH,
    LIST_PRODUCTS,
    LIST_PROJECTS,
    GET_HEALTH,
    GET_READINESS,
    GET_METRICS,
)
"""All endpoints, in the order of the reference."""
