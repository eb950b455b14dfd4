"""What readers say of files that are not right."""

from everlake.attachments.extraction.types import TextCode, TextError


def damaged_file(reason: str) -> TextError:
    """The file is not right; ``reason`` says in which way."""
    return TextError(
        TextCode.DAMAGED, f"the file cannot be read: {reason}. Save it again and send it once more"
    )


def encrypted_file() -> TextError:
    """The file asks for a password."""
    return TextError(
        TextCode.ENCRYPTED, "the file has a password: remove it and send the file once more"
    )
