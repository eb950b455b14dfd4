"""Types of records that are read from files and sent."""

import msgspec


class RecordLocation(msgspec.Struct, frozen=True, gc=False):
    """Location of a record.

    Attributes:
        name: of the file.
        line: in which the record begins, from 1.
        record: number of the record in its file, from 1; 0 where it has a line
            of its own, and its number in the line where lines hold several.
        order: number of the record over all files, from 0.
    """

    name: str
    line: int
    record: int
    order: int

    def __str__(self) -> str:
        location = f"{self.name}:{self.line}"
        return f"{location} (record {self.record:,})" if self.record else location


class InputRecord(msgspec.Struct, frozen=True):
    """A record as read.

    Attributes:
        text: JSON for a JSON body; for NDJSON, any text without a line break.
        media_type: of a body that can hold the text unchanged.
        location: where the record was read.
    """

    text: bytes
    media_type: str
    location: RecordLocation


class RejectedInput(msgspec.Struct, frozen=True):
    """A record that was rejected, by the server or because it cannot be sent.

    Attributes:
        location: where the record was read.
        payload: the record's text; None if it is longer than a request can be.
        errors: codes and messages; empty if the server has not returned any for this record.
    """

    location: RecordLocation
    payload: bytes | None
    errors: list[tuple[str, str]]


class UnreadableInput(msgspec.Struct, frozen=True):
    """A file that cannot be read, or not to its end; ``message`` says why."""

    message: str


InputItem = InputRecord | RejectedInput | UnreadableInput


class SendResult(msgspec.Struct):
    """Result of sending records.

    Attributes:
        batches: ids of the batches; empty for a dry run.
        accepted: number of accepted records.
        replayed: how many of these an earlier request had sent.
        rejected: number of rejected records.
        errors: number of their errors.
        rejections: the rejected records that are known individually.
    """

    batches: list[str] = []
    accepted: int = 0
    replayed: int = 0
    rejected: int = 0
    errors: int = 0
    rejections: list[RejectedInput] = []

    def add(self, other: "SendResult") -> None:
        """Add the result of other records."""
        self.batches += other.batches
        self.accepted += other.accepted
        self.replayed += other.replayed
        self.rejected += other.rejected
        self.errors += other.errors
        self.rejections += other.rejections
