"""Texts of schemas and their members, for people."""

from collections.abc import Mapping

SCHEMA_DESCRIPTIONS: Mapping[str, str] = {
    "Record": (
        "One record: an envelope of members that start with an underscore, and the sender's own "
        "object in `data`. A member that is not named here is an error; anything "
        "specific to the vendor goes inside `data`. Leave a member out rather than send `null`. "
        "Lengths count Unicode characters."
    ),
    "Participant": "Someone who took part: a customer, a colleague, a bot.",
    "Attachment": "A file that the record points to.",
    "Pii": "What the sender knows about personal data in the record.",
    "DetectedEntity": "One piece of personal data that the sender found.",
    "RecordArray": "Records that share one `_type` and one `_product_id`.",
    "RecordsWrapper": "An object around the array of records; it has no other member.",
    "Receipt": "The accepted batch, which is durable.",
    "DryRunReceipt": "Result of a dry run. Nothing was stored.",
    "Batch": "Status and counts of a batch.",
    "BatchEvent": "One server-sent event: the batch after a change.",
    "BatchPage": "One page of batches, newest first.",
    "BatchStatus": (
        "- `LANDING`: durable, and being written into the lake.\n"
        "- `LANDED`: archived and indexed; its records can be queried.\n"
        "- `PROCESSING`: being analysed.\n"
        "- `COMPLETE`: analysed; it can be searched.\n"
        "- `FAILED`: stopped for the reason in `errors`; nothing is lost, and it can be "
        "retried.\n\n"
        "The status only moves forward, except when a `FAILED` batch is retried."
    ),
    "DownloadStatus": "Status of a batch's attachments. The batch does not wait for them.",
    "BatchAttachment": "One attachment of a batch, and the status of its content and text.",
    "AttachmentPage": "One page of attachments, in the order of the batch's records.",
    "AttachmentStatus": (
        "- `PENDING`: waiting for its first or its next attempt.\n"
        "- `IN_PROGRESS`: being downloaded.\n"
        "- `COMPLETE`: stored, and checked against what the record states.\n"
        "- `FAILED`: stopped for the reason in `error`; it can be retried."
    ),
    "TextStatus": (
        "- `PENDING`: to be extracted from the file, or to be written into the lake.\n"
        "- `COMPLETE`: can be searched.\n"
        "- `FAILED`: no text could be extracted, for the reason in `error`; the file is kept."
    ),
    "TextProgress": "Status of the text of a file.",
    "AttachmentFault": "Why the last attempt failed.",
    "Retried": "What was queued again.",
    "UploadRequest": "Announcement of a file.",
    "Upload": "An upload, and while it is `PENDING` the requests that send what is missing.",
    "UploadProgress": "Progress of an upload.",
    "UploadTarget": "The request that sends the whole file as its body.",
    "UploadPart": "The request that sends one part as its body.",
    "UploadStatus": (
        "- `PENDING`: some of it is missing.\n"
        "- `COMPLETE`: a record may name it.\n"
        "- `EXPIRED`: no record named it in time."
    ),
    "RecordError": "One error of one record. All errors of a record are reported.",
    "RecordFault": "One error of a rejected record.",
    "RejectedRecord": (
        "One rejected record, or one part of a record with very many errors: all parts have the "
        "same `index`, and the last one has the payload."
    ),
    "RejectedPage": "One page of rejected records, by index.",
    "ErrorBody": "The body of every response other than a 2xx.",
    "AllRecordsRejected": "No record was accepted. The batch is kept as `FAILED`.",
    "RejectedBatch": "The batch that keeps the rejected records, and their errors.",
    "StoredRecord": (
        "A stored record: its normalised envelope, `data` byte for byte as it was sent, and its "
        "origin. `_type` is in lower case, `_event_at` is cut to the second, and "
        "the project ids are one list."
    ),
    "RecordDetail": "A stored record, and every batch that wrote it.",
    "RecordPage": "One page of records.",
    "SearchResult": "One utterance that matches, and the record that it is from.",
    "SearchAttachment": "The attachment whose text a search result is from.",
    "SearchPage": "One page of search results, best first.",
    "Product": "A product of the workspace; every record is about one.",
    "ProductPage": "One page of products.",
    "Project": "A project of a product; every record belongs to at least one.",
    "ProjectPage": "One page of projects.",
    "Health": "Response of a healthy service.",
}
"""Texts by schema. Those of enumerations of error codes are made of their codes."""

MEMBER_DESCRIPTIONS: Mapping[str, str] = {
    # The envelope.
    "_type": (
        "What kind of record it is. Values are compared after trimming white space and "
        "lower-casing, so ` Email` is taken as `email`."
    ),
    "StoredRecord._type": "What kind of record it is.",
    "RecordDetail._type": "What kind of record it is.",
    "_schema_version": "The version of the envelope.",
    "_event_at": (
        "When it happened, in UTC: `YYYY-MM-DDTHH:MM:SSZ`, optionally with 1 to 3 fraction digits "
        "before the `Z`. The date must exist. It is truncated to the second."
    ),
    "StoredRecord._event_at": "When it happened, in UTC, to the second.",
    "RecordDetail._event_at": "When it happened, in UTC, to the second.",
    "_vendor_ids": (
        "The record's ids at its vendor, at least one. Together with `_type` and `_event_at` "
        "they identify the record: one that arrives later with the same three replaces it."
    ),
    "_product_id": "A product of the key's workspace.",
    "_project_ids": (
        "Projects of the product. This or `_project_id` is required; if both are given, they form "
        "one list without duplicates."
    ),
    "StoredRecord._project_ids": "Projects of the product, without duplicates.",
    "RecordDetail._project_ids": "Projects of the product, without duplicates.",
    "_project_id": "One project of the product: the same as `_project_ids` with one entry.",
    "_nature": (
        "What the record is good for: `evidence` of what customers say, `guidance` on how to "
        "read it, or `context`."
    ),
    "_thread_id": "Id that the records of one conversation share.",
    "_participants": "Who took part.",
    "_attachments": "Files that belong to the record.",
    "_tags": "Labels of the sender's own.",
    "_pii": "What the sender knows about personal data in the record.",
    "data": "The vendor's own object. Kept byte for byte as sent.",
    # Participants, attachments, personal data.
    "Participant.id": "The sender's id of this person or bot.",
    "Participant.role": "`internal`: of the product's own people; `external`: a customer.",
    "Participant.name": "Display name.",
    "Participant.email": "Email address.",
    "Participant.type": "What kind of participant it is.",
    "Attachment.type": "What kind of file it is.",
    "Attachment.filename": "The file's name.",
    "Attachment.size": "The file's size in bytes.",
    "Attachment.mime_type": "The file's media type.",
    "Attachment.sha1": "The file's SHA-1 in hexadecimal digits.",
    "Attachment.md5": "The file's MD5 in hexadecimal digits.",
    "Attachment.vendor_url": "Where to download the file: an absolute http or https URL.",
    "Attachment.upload_intent_id": "The id of an upload that holds the file.",
    "contains_email": "Whether there is an email address in the record.",
    "contains_phone": "Whether there is a telephone number in the record.",
    "sensitive_score": "How sensitive the record is, from 0 (not at all) to 1.",
    "detected_entities": "Pieces of personal data that were found.",
    "redaction_status": "Whether personal data was taken out or encrypted before sending.",
    "DetectedEntity.type": "What kind of personal data it is, such as `email`.",
    "DetectedEntity.value": "The piece itself.",
    "DetectedEntity.confidence": "How sure the finding is, from 0 to 1.",
    # Batches and receipts.
    "batchId": "The batch's id.",
    "StoredRecord.batchId": "The batch that wrote this version.",
    "RecordDetail.batchId": "The batch that wrote this version.",
    "SearchResult.batchId": "The batch that wrote this version of the record.",
    "status": "Status of the batch.",
    "createdAt": "When it was made, in Unix milliseconds.",
    "acceptedCount": "Number of accepted records.",
    "rejectedCount": "Number of rejected records; each is kept with all of its errors.",
    "totalErrorCount": "Number of errors of all rejected records.",
    "errors": "The first 20 errors, by index; absent if there are none.",
    "RejectedBatch.errors": "The first 20 errors, by index.",
    "Batch.errors": (
        "The first 20 errors of rejected records, by index; absent if there are none."
    ),
    "RejectedPage.errors": "The rejected records of this page.",
    "RejectedRecord.errors": "All errors of the record, or those of this part.",
    "payload": "The record's text as it was sent.",
    "payloadBase64": "The record's bytes, in place of `payload`, if they are not UTF-8.",
    "source": "The source of the key that sent it, a slug such as `slack`.",
    "Batch.type": "The `_type` that its records share.",
    "attachmentDownloadTotal": "Number of attachments; absent if there are none.",
    "attachmentDownloadComplete": "Number of attachments that were downloaded.",
    "attachmentDownloadFailed": "Number of attachments that could not be downloaded.",
    "attachmentDownloadStatus": "Status of the attachments.",
    "batches": "The batches of this page.",
    "nextCursor": "`cursor` of the next page; null on the last page.",
    # Attachments.
    "attachments": "The attachments of this page.",
    "attachmentId": "The attachment's id.",
    # Uploads.
    "UploadRequest.filename": "The file's name.",
    "UploadRequest.size": "The file's size in bytes.",
    "UploadRequest.mime_type": "The file's media type.",
    "UploadRequest.sha256": (
        "The file's SHA-256 in hexadecimal digits. An attachment with other content fails."
    ),
    "Upload.upload_intent_id": "The id by which a record names the upload.",
    "UploadProgress.upload_intent_id": "The id by which a record names the upload.",
    "Upload.status": "Status of the upload.",
    "UploadProgress.status": "Status of the upload.",
    "Upload.size": "The file's size in bytes.",
    "UploadProgress.size": "The file's size in bytes.",
    "UploadPart.size": "The part's size in bytes.",
    "expiresAt": (
        "When the upload expires, in Unix milliseconds: until then it can be sent and named by a "
        "record. An upload that a record names does not expire."
    ),
    "partSize": "The size of a part in bytes; the last one may be smaller.",
    "receivedBytes": "Number of bytes of the file that are stored, in whole parts.",
    "whole": "The request that sends the whole file; only while the upload is `PENDING`.",
    "parts": (
        "The requests that send the missing parts; only while the upload is `PENDING`, and if the "
        "file is larger than one part."
    ),
    "number": "Number of the part, from 1.",
    "method": "Always `PUT`.",
    "url": (
        "Where to send it. A URL that begins with `/` belongs to this API and needs the key. Any "
        "other is signed and leads to the storage: do not send the key there."
    ),
    "headers": "Headers that the request must have.",
    "BatchAttachment.batchId": "The batch of the record.",
    "BatchAttachment.recordId": "The record that it belongs to.",
    "BatchAttachment.index": "Position in the record's `_attachments`, from 0.",
    "BatchAttachment.type": "Its `type` in the record.",
    "BatchAttachment.status": "Status of the content.",
    "BatchAttachment.error": "Why the last attempt failed; absent if none has.",
    "BatchAttachment.text": "Status of the text; absent if the file has none.",
    "attempts": "Attempts to get its content, with the one under way, since a retry if any.",
    "filename": "The file's name in the record.",
    "statedSize": "The file's size in the record, in bytes.",
    "statedMimeType": "The file's media type in the record.",
    "upload_intent_id": "The id of the upload that it comes from.",
    "size": "The content's size in bytes.",
    "mimeType": "The content's media type, detected from its bytes.",
    "sha256": "The content's SHA-256 in hexadecimal digits.",
    "completedAt": "When its content was stored, in Unix milliseconds.",
    "nextAttemptAt": "Time of the next attempt, in Unix milliseconds.",
    "TextProgress.status": "Status of the text.",
    "TextProgress.error": "Why no text could be extracted.",
    "AttachmentFault.code": "What went wrong, for programs.",
    "AttachmentFault.message": "What went wrong and what to do, for people.",
    "retried": "Number of failed attachments that are downloaded again.",
    "textsRetried": "Number of files whose text is extracted again.",
    # Errors.
    "index": "Position of the record in the request, from 0.",
    "code": "What kind of error it is.",
    "RecordError.message": "The member and the rule that it breaks.",
    "RecordFault.message": "The member and the rule that it breaks.",
    "error": "What went wrong, for programs.",
    "message": "What went wrong and what to do, for people.",
    "retryAfter": "On a 429: seconds to wait.",
    "details": "Further facts about the error, if there are any.",
    # Responses of extensions.
    "recordId": "The record's id, the same for all of its versions: 32 hexadecimal digits.",
    "version": "Grows with arrival: of two versions of a record, the higher arrived later.",
    "ingestedAt": "When its batch was accepted, in Unix milliseconds.",
    "batchIds": "Every batch that wrote the record, oldest first.",
    "records": "The records of this page.",
    "RecordsWrapper.records": "The records to submit.",
    "results": "The results of this page.",
    "SearchResult.type": "The record's `_type`.",
    "eventAt": "The record's `_event_at`.",
    "score": "How well it matches: higher is better. Only comparable within one search.",
    "speaker": "Who said it, if known.",
    "role": "The speaker's role (`internal`, `external` or `unknown`), if known.",
    "saidAt": "When it was said, if known.",
    "ordinal": (
        "Number of the utterance within the record: the record's own from 0, those of its first "
        "attachment from 20,000, of its second from 40,000, and so on."
    ),
    "text": "The whole utterance.",
    "passage": "The part of the utterance that matches best, for display.",
    "highlights": (
        "Positions of the matching words in `passage`: pairs of start and end (exclusive), in "
        "Unicode characters from 0."
    ),
    "SearchResult.attachment": (
        "The attachment whose text it is from; absent for the record's own text."
    ),
    "SearchAttachment.attachmentId": "The attachment's id.",
    "SearchAttachment.filename": "The attachment's filename, or its id if it has none.",
    "products": "The products of this page.",
    "projects": "The projects of this page.",
    "id": "The id by which records name it.",
    "BatchEvent.id": "What to send as `Last-Event-ID` to get what comes after this event.",
    "BatchEvent.event": "Always `batch`.",
    "BatchEvent.data": "The `Batch` as JSON, on one line.",
    "name": "Its name, for people.",
    "productId": "The product that the project belongs to.",
    "Health.status": "Always `ok`.",
}
"""Descriptions by ``Schema.member``, or by ``member`` where it means the same everywhere."""
