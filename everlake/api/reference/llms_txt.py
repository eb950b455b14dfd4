"""``/llms.txt``: what a language model needs to know to use this server (llmstxt.org)."""

import json
from typing import Any

from everlake.api.openapi import examples
from everlake.api.openapi.error_descriptions import ERROR_DESCRIPTIONS, RECORD_ERROR_DESCRIPTIONS
from everlake.contract.envelope import DEFAULT_NATURE, RECORD_TYPES
from everlake.contract.errors import status_of
from everlake.contract.limits import MAX_ERRORS_SHOWN, Limits

_TEMPLATE = """\
# Everlake

> A self-hosted ingestion API and data lake for customer conversations: send records (emails, \
calls, chats, meeting notes, documents) as JSON over HTTP, read them back and search them.

Base URL: {base_url}

- Authenticate every request below /api/ with the header `x-api-key: em_sk_...` (or \
`Authorization: Bearer em_sk_...`). A key belongs to one workspace and sees nothing else. \
Submitting needs the permission `api:write`, following batches `api:read` or `api:write`, all \
other reading `api:read`.
- Ids to use as `_product_id` and in `_project_ids`: GET /api/v1/products, GET /api/v1/projects.
- Limits: {records:,} records and {body:,} bytes (after decompression) a request, {attachments:,} \
attachments a record, {rate:g} requests a second a key in bursts of {burst}. On a 429 or 503 wait \
for `Retry-After` seconds.
- Member names are exact, unknown members are errors, and `null` is not a way to leave one out.

## Submit records

Put your own product and project ids into this:

```sh
curl -sS {base_url}/api/v1/ingest \\
  -H "x-api-key: $EVERLAKE_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{record}'
```

Answer: 202 `{receipt}`. The batch survives the loss of power from here on.

- The body is one record, an array of them, or `{{"records": [...]}}`; or one record a line as \
`application/x-ndjson`. `Content-Encoding: gzip` and `zstd` are accepted.
- All records of a request share one `_type` and one `_product_id`.
- Records are judged one by one: a 202 can hold `rejectedCount` > 0, with up to {shown} `errors` \
of `{{"index", "code", "message"}}`. If none is accepted: 400 `ALL_RECORDS_REJECTED`.
- `?dry_run=true` judges and stores nothing: 200, the same counts, no `batchId`.
- The same `Idempotency-Key` with the same bytes gets the first 202 again; use one to retry safely.

| member | required | rule |
| --- | --- | --- |
| `_type` | yes | {types} |
| `_schema_version` | yes | `"1.0.0"` |
| `_event_at` | yes | UTC, `YYYY-MM-DDTHH:MM:SSZ`, optionally 1 to 3 fraction digits before the Z |
| `_vendor_ids` | yes | object, at least one entry, values are strings |
| `_product_id` | yes | string ≤ 128, a product of the workspace |
| `_project_ids` | yes, or `_project_id` | array of ≥ 1 strings ≤ 128, projects of the product |
| `data` | yes | object with whatever the vendor has; kept byte for byte |
| `_nature` | no | `evidence`, `guidance` or `context`; without it `{nature}` |
| `_thread_id` | no | string ≤ 512 |
| `_participants` | no | ≤ 5,000 of `{{id, role, name?, email?, type?}}`; role `internal`, \
`external` or `unknown` |
| `_attachments` | no | ≤ {attachments:,} of `{{type, filename?, size?, mime_type?, sha1?, md5?, \
vendor_url?, upload_intent_id?}}`; type `audio`, `video`, `file`, `image`, `text` or `unknown` |
| `_tags` | no | ≤ 200 strings ≤ 64 |
| `_pii` | no | `{{contains_email?, contains_phone?, sensitive_score?, detected_entities?, \
redaction_status?}}` |

Records with the same `_type`, `_vendor_ids` and `_event_at` (to the second) are the same record: \
the one that arrived last replaces the earlier one.

## Follow a batch

GET /api/v1/ingest/batches/BATCH_ID, or GET /api/v1/ingest/batches?status=&type=&source= for a \
list. `status` goes `LANDING` (durable), `LANDED` (its records can be read), `PROCESSING`, \
`COMPLETE` (it can be searched), or `FAILED` (given up, nothing lost).

- GET /api/v1/ingest/batches/BATCH_ID/events: server-sent events named `batch`, each with the \
batch as it is then, until `FAILED`, or `COMPLETE` with its attachments. Come again with \
`Last-Event-ID`; a 204 means that there is no more.
- GET /api/v1/ingest/batches/BATCH_ID/errors: the refused records, `{{"errors": [{{"index", \
"errors": [{{"code", "message"}}], "payload"}}], "nextCursor"}}`. `payload` is the text as it was \
sent; a record without it goes on as the first of the next page.
- POST /api/v1/ingest/batches/BATCH_ID/retry (`api:write`): sends a `FAILED` batch on; any other \
is left as it is.
- GET /api/v1/ingest/batches/BATCH_ID/attachments?status=: `{{"attachments": [{{attachmentId, \
recordId, index, status, size?, sha256?, error?: {{code, message}}, text?, ...}}], \
"nextCursor"}}`. Attachments are fetched after the batch has landed and do not hold it back. POST \
/api/v1/ingest/batches/BATCH_ID/attachments/retry (`api:write`) tries the failed ones again.

## Files

A record's attachment names a file by `vendor_url`, or by the `upload_intent_id` of one that was \
uploaded before:

- POST /api/v1/uploads (`api:write`) with `{{"size", "filename"?, "mime_type"?, "sha256"?}}`: 201 \
`{{"upload_intent_id", "expiresAt", "whole": {{"method", "url", "headers"}}, "parts"?: \
[{{"number", "size", "method", "url", "headers"}}], ...}}`. Send the file's bytes with the request \
in `whole`, or part by part. A `url` that begins with `/` is one of this API and takes the key; \
never send the key to another.
- GET /api/v1/uploads/UPLOAD_ID: `status` is `COMPLETE` when a record may name it; else `parts` \
are those that are missing.
- GET /api/v1/attachments/ATTACHMENT_ID and .../content (`api:read`): one attachment, and its \
content with `Range` and `ETag`.

## Read and search

- GET /api/v1/records?batch=&type=&source=&project=&product=&nature=&tag=&participant=&thread=\
&since=&until= (`since` inclusive, `until` exclusive, both event times in UTC): \
`{{"records": [...], "nextCursor"}}`, newest arrival first. Leave out filters you do not need.
- GET /api/v1/records/RECORD_ID: the record, and `batchIds`, every batch that wrote it.
- GET /api/v1/search?q=WORDS&type=&source=&project=&product=&since=&until=: `{{"results": \
[{{recordId, score, speaker?, text, passage, highlights, attachment?: {{attachmentId, filename}}, \
...}}], "nextCursor"}}`, best first. `attachment` is there where the text is from one.
- Every list takes `limit` (1 to 100, default 20) and `cursor` (the `nextCursor` of the page \
before; null means there is no more).

## Errors

Every answer that is not a 2xx: `{{"error": CODE, "message": TEXT}}`, with `retryAfter` (seconds) \
on a 429 and `details` where there is more to say. `X-Request-Id` is on every answer.

{errors}

Codes in a record's `errors`:

{record_errors}

## Docs

- [OpenAPI 3.1]({base_url}/openapi.json): the exact description of every endpoint
- [API reference]({base_url}/docs): every operation with a curl command, for people
"""


def render_llms_txt(limits: Limits, *, base_url: str) -> str:
    """The page as Markdown.

    Args:
        limits: the limits in force.
        base_url: where clients reach this server, such as ``http://127.0.0.1:8400``.
    """
    return _TEMPLATE.format(
        base_url=base_url.rstrip("/"),
        records=limits.records_per_batch,
        body=limits.body_bytes,
        attachments=limits.attachments_per_record,
        rate=limits.requests_per_second,
        burst=limits.burst,
        record=_format_record(examples.MINIMAL_RECORD),
        receipt=json.dumps(examples.RECEIPT | {"acceptedCount": 1}),
        shown=MAX_ERRORS_SHOWN,
        types=", ".join(f"`{name}`" for name in RECORD_TYPES),
        nature=DEFAULT_NATURE,
        errors="\n".join(
            f"- {status_of(code)} `{code}`: {meaning}"
            for code, meaning in ERROR_DESCRIPTIONS.items()
        ),
        record_errors="\n".join(
            f"- `{code}`: {meaning}" for code, meaning in RECORD_ERROR_DESCRIPTIONS.items()
        ),
    )


def _format_record(record: dict[str, Any]) -> str:
    members = (f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in record.items())
    return "{\n" + ",\n".join(members) + "\n}"
