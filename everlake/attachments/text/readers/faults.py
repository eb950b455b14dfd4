"""What readers say of files that are not right."""

from everlake.attachments.text.model import TextCode, TextError


def damaged(what: str) -> TextError:
    """The file is not right; ``what`` says in which way."""
    return TextError(
        TextCode.DAMAGED, f"the file cannot be read: {what}. Save it again and send it once more"
    )


def encrypted() -> TextError:
    """The file asks for a password."""
    return TextError(
        TextCode.ENCRYPTED, "the file has a password: remove it and send the file once more"
    )
