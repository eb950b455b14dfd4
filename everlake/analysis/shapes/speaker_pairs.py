"""A dialogue as pairs: ``[["agent", "Hi!"], ["customer", "Hello"]]``."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.participants import role_of
from everlake.analysis.utterance_builder import Attribution, Remaining, Scope, UtteranceBuilder

_MAX_LABEL_LENGTH = 80


def read(reading: UtteranceBuilder, name: str, items: list[Json], scope: Scope) -> Remaining | None:  # noqa: ARG001
    """Read ``items`` if each is a speaker and what was said, and a speaker comes back."""
    if reading.record_type == "spreadsheet" or scope.doubtful:
        return None
    turns: list[tuple[str, str]] = []
    for item in items:
        if not isinstance(item, list) or len(item) != 2:
            return None
        label, text = item
        if (
            not isinstance(label, str)
            or not isinstance(text, str)
            or len(label) > _MAX_LABEL_LENGTH
        ):
            return None
        turns.append((label, text))
    labels = {label for label, _ in turns}
    if len(labels) == len(turns) and not any(
        role_of(label) or reading.participants.is_known(label) for label in labels
    ):
        return None
    for label, text in turns:
        reading.add(text, Attribution(*reading.resolve_speaker((label,), ())))
    return ()
