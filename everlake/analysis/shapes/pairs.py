"""A dialogue as pairs: ``[["agent", "Hi!"], ["customer", "Hello"]]``."""

from everlake.analysis.decode import Json
from everlake.analysis.people import role_of
from everlake.analysis.reading import Reading, Rest, Scope, Voice

_LONGEST_LABEL = 80


def read(reading: Reading, name: str, items: list[Json], scope: Scope) -> Rest | None:  # noqa: ARG001
    """Read ``items`` if each is a speaker and what was said, and a speaker comes back."""
    if reading.record_type == "spreadsheet" or scope.doubtful:
        return None
    turns: list[tuple[str, str]] = []
    for item in items:
        if not isinstance(item, list) or len(item) != 2:
            return None
        label, text = item
        if not isinstance(label, str) or not isinstance(text, str) or len(label) > _LONGEST_LABEL:
            return None
        turns.append((label, text))
    labels = {label for label, _ in turns}
    if len(labels) == len(turns) and not any(
        role_of(label) or reading.people.knows(label) for label in labels
    ):
        return None
    for label, text in turns:
        reading.say(text, Voice(*reading.voice_of((label,), ())))
    return ()
