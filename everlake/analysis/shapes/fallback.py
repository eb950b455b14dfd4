"""Any other shape: its strings in order of appearance, a subject or title first."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of
from everlake.analysis.participants import identities_and_roles
from everlake.analysis.shapes import transcript
from everlake.analysis.shapes.form_field import as_text, label_and_value
from everlake.analysis.shapes.time_members import recording_start_of
from everlake.analysis.utterance_builder import (
    UNATTRIBUTED,
    PendingValue,
    Remaining,
    Scope,
    UtteranceBuilder,
)

_SPOKEN_KINDS = frozenset(
    {MemberKind.TEXT, MemberKind.REMARK, MemberKind.HEADLINE, MemberKind.NAME, MemberKind.OTHER}
)
_ENUM_KINDS = frozenset({MemberKind.LABEL, MemberKind.ROLE})
_METADATA_KINDS = frozenset({MemberKind.MACHINE, MemberKind.PEOPLE})


def read_object(
    reading: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining:  # noqa: ARG001
    """Leave every member to the readers of its value, with its name where that is a phrase."""
    _add_described_people(reading, item)
    inner = Scope(recording_start_of(item) or scope.start, scope.cover, scope.doubtful)
    doubtful = inner._replace(doubtful=True)
    rest: list[PendingValue] = []
    for key, value in item.items():
        kind = meaning_of(key).kind
        titled = kind is MemberKind.HEADLINE or (kind is MemberKind.NAME and scope.top)
        if " " in key.strip():
            rest += _labelled_value(key, value, inner)
        elif isinstance(value, dict | list):
            about = kind in _METADATA_KINDS or (kind is MemberKind.SPEAKER and _is_person(value))
            rest.append(PendingValue(key, value, doubtful if about else inner))
        elif not isinstance(value, str) or not value.strip():
            continue
        elif titled and not inner.doubtful:
            reading.add_title(value, UNATTRIBUTED)
        elif kind in _SPOKEN_KINDS or (kind in _ENUM_KINDS and " " in value.strip()):
            rest.append(PendingValue(key, value, inner))
        else:
            rest.append(PendingValue(key, value, doubtful))
    return rest


def read_list(reading: UtteranceBuilder, name: str, items: list[Json], scope: Scope) -> Remaining:
    """Leave every item to the readers of its value; lines of one dialogue are read as one."""
    if len(items) > 1 and all(isinstance(item, str) for item in items):
        dialogue = "\n".join(item for item in items if isinstance(item, str))
        if not scope.doubtful and transcript.read(reading, name, dialogue, UNATTRIBUTED, scope):
            return ()
    inner = scope._replace(top=False)
    return [
        PendingValue(name, item, inner) for item in items if isinstance(item, str | dict | list)
    ]


def _labelled_value(key: str, value: Json, scope: Scope) -> Remaining:
    if isinstance(value, dict | list):
        return PendingValue("", key, scope), PendingValue(key, value, scope)
    text = as_text(value)
    return (PendingValue("", label_and_value(key, text), scope),) if text.strip() else ()


def _is_person(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and bool(identities_and_roles(value)[0])
        and all(meaning_of(name).kind not in (MemberKind.TEXT, MemberKind.REMARK) for name in value)
    )


def _add_described_people(reading: UtteranceBuilder, item: dict[str, Json]) -> None:
    for key, value in item.items():
        if isinstance(value, list) and meaning_of(key).kind is MemberKind.PEOPLE:
            reading.participants.add_described(value)
        elif isinstance(value, dict):
            for inner_key, inner in value.items():
                if isinstance(inner, list) and meaning_of(inner_key).kind is MemberKind.PEOPLE:
                    reading.participants.add_described(inner)
