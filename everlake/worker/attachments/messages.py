"""Form of error messages for the owners of attachments."""


def as_sentence(reason: str) -> str:
    """Return ``reason``, a clause without a period, as a sentence."""
    return reason[:1].upper() + reason[1:].removesuffix(".") + "."
