"""Any other shape: the strings in it in order of appearance, a subject or title first."""

from everlake.analysis.containers import holds_messages
from everlake.analysis.json_decoding import Json
from everlake.analysis.labels import is_label, is_label_text, without_description
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.participants import is_person
from everlake.analysis.shapes import chat_export, transcript
from everlake.analysis.shapes.form_field import as_text, label_and_value
from everlake.analysis.shapes.time_members import recording_start_of, zone_of
from everlake.analysis.types import UNATTRIBUTED, PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_PROSE_KINDS = frozenset(
    {
        MemberKind.TEXT,
        MemberKind.REMARK,
        MemberKind.HEADLINE,
        MemberKind.NAME,
        MemberKind.PERSON,
        MemberKind.OTHER,
    }
)
_ENUM_KINDS = frozenset({MemberKind.LABEL, MemberKind.ROLE})
_METADATA_KINDS = frozenset({MemberKind.MACHINE, MemberKind.PEOPLE})


def read_object(
    builder: UtteranceBuilder,
    name: str,  # noqa: ARG001 - the signature of all object shapes
    item: dict[str, Json],
    scope: Scope,
) -> Remaining:
    """Leave every member to the readers of its value; a name of several words is prose too."""
    zone = zone_of(item) or scope.zone
    start = recording_start_of(item, zone) or scope.recording_start
    inner = scope._replace(recording_start=start, zone=zone, is_root=False)
    metadata = inner._replace(is_metadata=True)
    remaining: list[PendingValue] = []
    for key, value in item.items():
        kind = meaning_of(key).kind
        is_title = kind is MemberKind.HEADLINE or (kind is MemberKind.NAME and scope.is_root)
        if " " in key.strip():
            remaining += _labelled_value(key, value, inner)
        elif isinstance(value, dict | list):
            is_container = holds_messages(key, value)
            is_labelling = kind is MemberKind.LABEL and is_label(value) and not is_container
            is_metadata = (
                (kind in _METADATA_KINDS and not is_container)
                or is_labelling
                or (kind in (MemberKind.SPEAKER, MemberKind.PERSON) and is_person(value))
            )
            remaining.append(
                PendingValue(
                    key,
                    without_description(value) if is_metadata else value,
                    metadata if is_metadata else inner,
                )
            )
        elif not isinstance(value, str) or not value.strip():
            continue
        elif is_title and not inner.is_metadata:
            builder.add_title(value, UNATTRIBUTED)
        elif kind in _PROSE_KINDS or (kind in _ENUM_KINDS and not is_label_text(value, key)):
            remaining.append(PendingValue(key, value, inner))
        else:
            remaining.append(PendingValue(key, value, metadata))
    return remaining


def read_list(builder: UtteranceBuilder, name: str, items: list[Json], scope: Scope) -> Remaining:
    """Leave every item to the readers of its value; the lines of a dialogue are read together."""
    if len(items) > 1 and all(isinstance(item, str) for item in items):
        dialogue = "\n".join(item for item in items if isinstance(item, str))
        if not scope.is_metadata and any(
            read(builder, name, dialogue, UNATTRIBUTED, scope)
            for read in (chat_export.read, transcript.read)
        ):
            return ()
    inner = scope._replace(is_root=False, source=builder.new_source(name))
    return [
        PendingValue(name, item, inner) for item in items if isinstance(item, str | dict | list)
    ]


def _labelled_value(key: str, value: Json, scope: Scope) -> Remaining:
    if isinstance(value, dict | list):
        return PendingValue("", key, scope), PendingValue(key, value, scope)
    text = as_text(value)
    return (PendingValue("", label_and_value(key, text), scope),) if text.strip() else ()
