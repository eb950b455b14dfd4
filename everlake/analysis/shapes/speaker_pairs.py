"""Dialogue in pairs of speaker and text: ``[["agent", "Hi!"], ["customer", "Hello"]]``."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.roles import role_of
from everlake.analysis.types import Attribution, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_MAX_LABEL_LENGTH = 80


def read(
    builder: UtteranceBuilder,
    name: str,  # noqa: ARG001 - the signature of all list shapes
    items: list[Json],
    scope: Scope,
) -> Remaining | None:
    """Read a list of pairs of which a speaker occurs twice, is a participant, or is a role."""
    if builder.record_type == "spreadsheet" or scope.is_metadata:
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
        role_of(label) or builder.participants.is_known(label) for label in labels
    ):
        return None
    for label, text in turns:
        builder.add(text, Attribution(*builder.resolve_speaker((label,), ())))
    return ()
