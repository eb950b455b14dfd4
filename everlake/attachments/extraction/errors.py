"""Why a file has no text: codes, exceptions, and the messages that several readers share."""

from enum import StrEnum


class TextCode(StrEnum):
    """Why there is no text."""

    UNSUPPORTED = "UNSUPPORTED"
    EXTRA_MISSING = "EXTRA_MISSING"
    TOO_LARGE = "TOO_LARGE"
    TIMED_OUT = "TIMED_OUT"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    DAMAGED = "DAMAGED"
    ENCRYPTED = "ENCRYPTED"
    CRASHED = "CRASHED"
    UNAVAILABLE = "UNAVAILABLE"


class TextError(Exception):
    """No text can be extracted from a file.

    Args:
        code: why.
        message: for the file's owner: what to do, in a clause without a period. It says nothing
            of the server.
        retryable: whether a later attempt at the same file may succeed.
    """

    def __init__(self, code: TextCode, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable


class RecordingDetected(TextError):
    """The file is a recording, and the extractor transcribes none."""


class ExtractionStopped(Exception):
    """The extraction was stopped before it ended; nothing is known of the file."""


def damaged_file(reason: str) -> TextError:
    """Return the error for a file that does not follow its format; ``reason`` is a clause."""
    return TextError(
        TextCode.DAMAGED, f"the file cannot be read: {reason}. Save it again and send it once more"
    )


def encrypted_file() -> TextError:
    """Return the error for a file that asks for a password."""
    return TextError(
        TextCode.ENCRYPTED, "the file has a password: remove it and send the file once more"
    )


def unsupported_format() -> TextError:
    """Return the error for a file of a format from which no text is extracted."""
    return TextError(
        TextCode.UNSUPPORTED,
        "no text is extracted from files of this format: save it as PDF, Word, Excel, PowerPoint, "
        "HTML or plain text",
    )


_MESSAGES = {
    TextCode.DAMAGED: "the file is damaged or unlike others of its format: save it again and send "
    "it once more",
    TextCode.TIMED_OUT: "reading the file took longer than allowed: split it or save it in a "
    "simpler format",
    TextCode.OUT_OF_MEMORY: "reading the file took more memory than allowed: split it or save it "
    "in a simpler format",
    TextCode.CRASHED: "the file crashed its reader: save it again or in another format",
    TextCode.UNAVAILABLE: "the server cannot read files at the moment: it tries again later",
}


def standard_message(code: TextCode) -> str:
    """Return the message for a code whose cause is not known more closely."""
    return _MESSAGES.get(code, "no text can be extracted from the file")


def unavailable() -> TextError:
    """Return the error for a server that cannot read files at the moment."""
    return TextError(TextCode.UNAVAILABLE, standard_message(TextCode.UNAVAILABLE), retryable=True)
