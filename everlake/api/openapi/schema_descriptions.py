"""What schemas and their members mean, for people."""

from collections.abc import Mapping

SCHEMA_DESCRIPTIONS: Mapping[str, str] = {
    "Record": (
        "One record: an envelope of members that start with an underscore, and the sender's own "
        "object in `data`. A member that is not named here is an error; whatever is the "
        "vendor's own goes inside `data`. Leave a member out rather than send `null`. Lengths "
        "count Unicode characters."
    ),
    "Participant": "Someone who took part: a customer, a colleague, a bot.",
    "Attachment": "A file that the record points to.",
    "Pii": "What the sender knows of personal data in the record.",
    "DetectedEntity": "One piece of personal data that the sender found.",
    "RecordArray": "Records that share one `_type` and one `_product_id`.",
    "RecordsWrapper": "An object around the array of records; it has no other member.",
    "Receipt": "The batch that was taken in, durable from here on.",
    "DryRunReceipt": "What a submission would bring; nothing was stored.",
    "Batch": "One batch's status and counts.",
    "BatchEvent": "One server-sent event: the batch once it had changed.",
    "BatchPage": "One page of batches, newest first.",
    "BatchStatus": (
        "- `LANDING`: durable, and being written into the lake.\n"
        "- `LANDED`: archived and indexed; its records can be queried.\n"
        "- `PROCESSING`: being analysed.\n"
        "- `COMPLETE`: analysed; it can be searched.\n"
        "- `FAILED`: given up, for the reason in `errors`; nothing is lost, and it can be "
        "retried.\n\n"
        "A batch only moves forward, save for a retry of `FAILED`."
    ),
    "DownloadStatus": "How far the attachments of a batch are; they do not hold the batch back.",
    "BatchAttachment": "One attachment of a batch: whether its content is here, and why not.",
    "AttachmentPage": "One page of attachments, in the order of the batch's records.",
    "AttachmentStatus": (
        "- `PENDING`: waits for its turn, or for its next try.\n"
        "- `IN_PROGRESS`: being fetched.\n"
        "- `COMPLETE`: stored, and checked against what the record states.\n"
        "- `FAILED`: given up, for the reason in `error`; it can be retried."
    ),
    "TextStatus": (
        "- `PENDING`: to be read from the file, or to be written into the lake.\n"
        "- `COMPLETE`: found by search.\n"
        "- `FAILED`: the file gives no text, for the reason in `error`; the file itself is kept."
    ),
    "TextProgress": "How far the text of the file is.",
    "AttachmentFault": "Why the last try failed.",
    "Retried": "What is tried again.",
    "UploadRequest": "A file that is announced.",
    "Upload": "An upload, and while it is `PENDING` the requests that take what is missing.",
    "UploadProgress": "How much of an upload has come.",
    "UploadTarget": "A request that takes content, which is its body.",
    "UploadPart": "A request that takes one part, which is its body.",
    "UploadStatus": (
        "- `PENDING`: not all of it has come.\n"
        "- `COMPLETE`: a record may name it.\n"
        "- `EXPIRED`: its time was over before a record named it."
    ),
    "RecordError": "One error of one record. All errors of a record are found, not only the first.",
    "RecordFault": "One error of the record that it stands in.",
    "RefusedRecord": (
        "One refused record, or a part of one that has very many errors: all parts have the same "
        "`index`, and the last one has the payload."
    ),
    "RefusedPage": "One page of refused records, by index.",
    "ErrorBody": "The body of every answer that is not a 2xx.",
    "AllRecordsRejected": "Not one record was accepted; the batch is kept as `FAILED`.",
    "RejectedBatch": "The batch that keeps the refused records, and why they were refused.",
    "StoredRecord": (
        "A record as it is kept: its normalised envelope, `data` byte for byte as it was sent, "
        "and where it came from. `_type` is in lower case, `_event_at` is cut to the second, and "
        "the project ids are one list."
    ),
    "RecordDetail": "A record as it is kept, with every batch that wrote it.",
    "RecordPage": "One page of records.",
    "SearchResult": "One utterance that matches, and the record that it is from.",
    "SearchAttachment": "The attachment whose text a search result is from.",
    "SearchPage": "One page of search results, best first.",
    "Product": "A product of the workspace; every record is about one.",
    "ProductPage": "One page of products.",
    "Project": "A project of a product; every record belongs to at least one.",
    "ProjectPage": "One page of projects.",
    "Health": "All is well.",
}
"""Descriptions by schema; a schema not named here keeps the one it was made with."""

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
        "When it happened, in UTC: `YYYY-MM-DDTHH:MM:SSZ`, with 1 to 3 fraction digits before "
        "the `Z` if you like, and a date that exists. Kept to the whole second (cut, not "
        "rounded)."
    ),
    "StoredRecord._event_at": "When it happened, in UTC, to the second.",
    "RecordDetail._event_at": "When it happened, in UTC, to the second.",
    "_vendor_ids": (
        "The record's ids at its vendor, at least one. Together with `_type` and `_event_at` "
        "they say which record it is: one that arrives later with the same three replaces it."
    ),
    "_product_id": "A product of the key's workspace.",
    "_project_ids": (
        "Projects of the product. This or `_project_id` has to be there; where both are, they "
        "form one list without repeats."
    ),
    "StoredRecord._project_ids": "Projects of the product, without repeats.",
    "RecordDetail._project_ids": "Projects of the product, without repeats.",
    "_project_id": "One project of the product: another way to say `_project_ids` with one entry.",
    "_nature": (
        "What the record is good for: `evidence` of what customers say, `guidance` on how to "
        "read it, or `context`."
    ),
    "_thread_id": "What ties the records of one conversation together.",
    "_participants": "Who took part.",
    "_attachments": "Files that belong to the record.",
    "_tags": "Labels of the sender's own.",
    "_pii": "What the sender knows of personal data in the record.",
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
    "Attachment.vendor_url": "Where to fetch the file: an absolute http or https URL.",
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
    "status": "Where the batch is.",
    "createdAt": "When it was made, in Unix milliseconds.",
    "acceptedCount": "How many records were accepted.",
    "rejectedCount": "How many records were refused; each is kept with all of its errors.",
    "totalErrorCount": "How many errors there are over all refused records.",
    "errors": "The first 20 errors, by index; left out when there are none.",
    "RejectedBatch.errors": "The first 20 errors, by index.",
    "Batch.errors": (
        "The first 20 errors of refused records, by index; left out when there are none."
    ),
    "RefusedPage.errors": "The refused records of this page.",
    "RefusedRecord.errors": "All of its errors, or those of this part.",
    "payload": "The record's text as it was sent.",
    "payloadBase64": "In place of `payload` where the text is not UTF-8: its bytes.",
    "source": "The source of the key that sent it, a slug such as `slack`.",
    "Batch.type": "The `_type` that its records share.",
    "attachmentDownloadTotal": "How many attachments there are; only there when there are any.",
    "attachmentDownloadComplete": "How many attachments have been fetched.",
    "attachmentDownloadFailed": "How many attachments could not be fetched.",
    "attachmentDownloadStatus": "How far the attachments are.",
    "batches": "The batches of this page.",
    "nextCursor": "Give it as `cursor` for the next page; null when there is no more.",
    # Attachments.
    "attachments": "The attachments of this page.",
    "attachmentId": "The attachment's id.",
    # Uploads.
    "UploadRequest.filename": "The file's name.",
    "UploadRequest.size": "The file's size in bytes.",
    "UploadRequest.mime_type": "The file's media type.",
    "UploadRequest.sha256": (
        "The file's SHA-256 in hexadecimal digits; where it is not what came, the attachment fails."
    ),
    "Upload.upload_intent_id": "What a record names it by.",
    "UploadProgress.upload_intent_id": "What a record names it by.",
    "Upload.status": "Where the upload is.",
    "UploadProgress.status": "Where the upload is.",
    "Upload.size": "The file's size in bytes.",
    "UploadProgress.size": "The file's size in bytes.",
    "UploadPart.size": "The part's size in bytes.",
    "expiresAt": (
        "Until when it may be sent and a record may name it, in Unix milliseconds. One that a "
        "record names does not expire."
    ),
    "partSize": "The size of a part in bytes; the last one may be smaller.",
    "receivedBytes": "How many bytes of the file have come, in whole parts.",
    "whole": "The request that takes the whole file; only while the upload is `PENDING`.",
    "parts": (
        "The requests that take what is missing, part by part; only while the upload is "
        "`PENDING`, and where the file is larger than one part."
    ),
    "number": "Which part it is, from 1.",
    "method": "Always `PUT`.",
    "url": (
        "Where to send it. One that begins with `/` is one of this API and takes the key. Any "
        "other is signed and leads to the storage: do not send the key there."
    ),
    "headers": "Headers that the request must have.",
    "BatchAttachment.batchId": "The batch that it came in with.",
    "BatchAttachment.recordId": "The record that it belongs to.",
    "BatchAttachment.index": "Its place in the record's `_attachments`, from 0.",
    "BatchAttachment.type": "Its `type` in the record.",
    "BatchAttachment.status": "Where its content is.",
    "BatchAttachment.error": "Why the last try failed; left out where none has.",
    "BatchAttachment.text": "How far its text is; left out where a file has none.",
    "attempts": "How many tries have failed since it was first tried, or retried.",
    "filename": "The file's name in the record.",
    "statedSize": "The file's size in the record, in bytes.",
    "statedMimeType": "The file's media type in the record.",
    "upload_intent_id": "The id of the upload that it comes from.",
    "size": "The content's size in bytes.",
    "mimeType": "The content's media type, as its bytes tell.",
    "sha256": "The content's SHA-256 in hexadecimal digits.",
    "completedAt": "When its content was stored, in Unix milliseconds.",
    "nextAttemptAt": "When it is tried again, in Unix milliseconds.",
    "TextProgress.status": "Where the text is.",
    "TextProgress.error": "Why the file gave no text.",
    "AttachmentFault.code": "What went wrong, for programs.",
    "AttachmentFault.message": "What went wrong and what to do, for people.",
    "retried": "How many failed attachments are fetched again.",
    "textsRetried": "How many files that gave no text are read again.",
    # Errors.
    "index": "The record's place in the submission, from 0.",
    "code": "What kind of error it is.",
    "RecordError.message": "The place and the rule.",
    "RecordFault.message": "The place and the rule.",
    "error": "What went wrong, for programs.",
    "message": "What went wrong and what to do, for people.",
    "retryAfter": "On a 429: how many seconds to wait.",
    "details": "More to say, where there is more.",
    # Our own answers.
    "recordId": "The record's id, the same for all of its versions: 32 hexadecimal digits.",
    "version": "Grows with arrival: of two versions of a record, the higher arrived later.",
    "ingestedAt": "When its batch was taken in, in Unix milliseconds.",
    "batchIds": "Every batch that wrote the record, oldest first.",
    "records": "The records of this page.",
    "RecordsWrapper.records": "The records to submit.",
    "results": "The results of this page.",
    "SearchResult.type": "The record's `_type`.",
    "eventAt": "The record's `_event_at`.",
    "score": "How well it matches: higher is better. Only comparable within one search.",
    "speaker": "Who said it, where known.",
    "role": "The speaker's role (`internal`, `external` or `unknown`), where known.",
    "saidAt": "When it was said, where known.",
    "ordinal": (
        "Which utterance of the record it is: its own from 0, those of its first attachment from "
        "20,000, of its second from 40,000, and so on."
    ),
    "text": "The whole utterance.",
    "passage": "The part of the utterance that matches best, for display.",
    "highlights": (
        "Where the searched words stand in `passage`: pairs of a start and an end (not included), "
        "in Unicode characters from 0."
    ),
    "SearchResult.attachment": (
        "The attachment whose text it is from; left out where the record itself says it."
    ),
    "SearchAttachment.attachmentId": "The attachment's id.",
    "SearchAttachment.filename": "The attachment's filename, or its id where it has none.",
    "products": "The products of this page.",
    "projects": "The projects of this page.",
    "id": "The id that records name it by.",
    "BatchEvent.id": "What to send as `Last-Event-ID` to get what comes after this event.",
    "BatchEvent.event": "Always `batch`.",
    "BatchEvent.data": "The `Batch` as JSON, on one line.",
    "name": "Its name, for people.",
    "productId": "The product that the project is of.",
    "Health.status": "Always `ok`.",
}
"""Descriptions by ``Schema.member``, or by ``member`` where it means the same everywhere."""
