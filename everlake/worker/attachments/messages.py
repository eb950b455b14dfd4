"""What went wrong, as people read it."""


def as_sentence(reason: str) -> str:
    """``reason``, a clause without a period, as a sentence."""
    return reason[:1].upper() + reason[1:].removesuffix(".") + "."
