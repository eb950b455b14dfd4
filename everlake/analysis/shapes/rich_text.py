"""Rich text: a tree of typed nodes, such as documents of editors, chat blocks and content parts.

A node has a ``type`` beside its children (ProseMirror and Atlassian documents, Slack blocks,
Slate, Lexical below its ``root``, Notion), or an ``insert`` (Quill). An object such as
``{"contentType": "html", "content": "…"}`` or ``{"plain": "…", "html": "…"}`` is read as well.
"""

from typing import TypeAlias

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import (
    MemberKind,
    MemberMeaning,
    meaning_of,
    normalize_name,
    word_list,
)
from everlake.analysis.mentions import NameOf, without_marks
from everlake.analysis.roles import FLAG_NAMES, is_user_word, role_of_value
from everlake.analysis.shapes.node_text import (
    CHILDREN,
    INLINE_TYPES,
    LINE_BREAK_TYPES,
    OtherValues,
    flatten,
    leaf_name,
    type_of,
)
from everlake.analysis.shapes.plain_text import read_text
from everlake.analysis.types import UNATTRIBUTED, PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

Renderings: TypeAlias = tuple[list[tuple[str, str, MemberMeaning]], OtherValues]
"""(name, text, meaning) of each rendering, and the other values."""

_DOCUMENT_NAMES = frozenset(
    word_list("blocks delta ops nodes document doc contentblocks messageblocks bodyblocks "
              "contentjson bodyjson richcontent richtextcontent editorstate slate portabletext")
)  # fmt: skip
_LISTS = tuple(key for key in CHILDREN if key not in ("items", "rows", "cells"))
_REQUIRED = frozenset({*_LISTS, "root"})
_PROSE_KINDS = frozenset(
    {MemberKind.OTHER, MemberKind.HEADLINE, MemberKind.REMARK, MemberKind.TEXT}
)
_KNOWN_LEAF_TYPES = (
    INLINE_TYPES
    | LINE_BREAK_TYPES
    | {"paragraph", "divider", "image", "heading", "imageurl", "delimiter", "horizontalrule"}
)
_OBJECT_TYPES = INLINE_TYPES - {"text", "link", "a", "inline", "placeholder", "equation", "color"}
"""Types of nodes for a person, a date and so on, whose members name it."""
_MESSAGE_KINDS = frozenset(
    {
        MemberKind.SPEAKER,
        MemberKind.TIME,
        MemberKind.OFFSET,
        MemberKind.HEADLINE,
        MemberKind.ROLE,
        MemberKind.PEOPLE,
    }
)
_NODE_NAMES = frozenset({"user_id", "title", "type", "_type"})
"""Members of nodes, although their names mean a member of a message."""
_TEXT_DIRECTIONS = ("ltr", "rtl", None)
_REPRESENTATIONS = ("storage", "view", "styled_view", "export_view", "editor")
"""Renderings of a page in Confluence's API."""


def renderings(
    name: str, value: Json, meaning: MemberMeaning, name_of: NameOf
) -> Renderings | None:
    """Return the texts in an object or list that is the value of a text member.

    Args:
        name: the member's name.
        value: the member's value.
        meaning: meaning of the name.
        name_of: returns the name of a person by id.

    Returns:
        The texts and the other values; None when the value has no text.
    """
    if isinstance(value, dict) and not _has_children(value):
        return _body_object(name, value, meaning)
    if isinstance(value, list) and value and all(isinstance(line, str) for line in value):
        return [(name, "\n".join(line for line in value if isinstance(line, str)), meaning)], []
    if isinstance(value, dict) or _are_nodes(value) or _are_mixed_runs(value):
        text, others = flatten(value, name_of)
        text = without_marks(text)
        return ([(name, text, meaning)] if text.strip() else []), others
    return None


def is_document(name: str, value: Json) -> bool:
    """Return whether the member of a message is rich text: by its form, a list also by its name."""
    if isinstance(value, dict):
        return _has_children(value) and _is_tree(value) and not _has_message_members(value)
    is_named = normalize_name(name) in _DOCUMENT_NAMES or meaning_of(name).kind is MemberKind.REMARK
    return is_named and _are_nodes(value)


def read_document(
    builder: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining | None:
    """Read an object that is the root of a document."""
    if (
        not _has_children(item)
        or not _is_tree(item)
        or leaf_name(item)
        or _has_message_members(item)
    ):
        return None
    return _add_text(builder, name, item, scope)


def read_runs(
    builder: UtteranceBuilder, name: str, items: list[Json], scope: Scope
) -> Remaining | None:
    """Read a list of nodes."""
    return _add_text(builder, name, items, scope) if _are_nodes(items) else None


def _add_text(builder: UtteranceBuilder, name: str, value: Json, scope: Scope) -> Remaining:
    text, others = flatten(value, builder.participants.name_of)
    if scope.coverage is not None:
        text = scope.coverage.uncovered_lines(text)
    text = without_marks(text)
    builder.add_tentative(lambda: read_text(builder, name, text, UNATTRIBUTED, scope))
    inner = scope._replace(is_root=False)
    metadata = inner._replace(is_metadata=True)
    return [
        PendingValue("", other, metadata if is_metadata else inner) for other, is_metadata in others
    ]


def _body_object(name: str, value: dict[str, Json], meaning: MemberMeaning) -> Renderings | None:
    """Return the renderings in an object such as ``{"contentType": "html", "content": "…"}``."""
    for key in _REPRESENTATIONS:
        body = value.get(key)
        if isinstance(body, dict) and isinstance(text := body.get("value"), str):
            others = [(other, True) for rest, other in value.items() if rest != key]
            return [(name, text, meaning)], others
    if isinstance(text := value.get("value"), str) and "representation" in value:
        return [(name, text, meaning)], []
    texts: list[tuple[str, str, MemberMeaning]] = []
    others: OtherValues = []
    for inner_name, text in value.items():
        inner = meaning_of(inner_name)
        if inner.kind is MemberKind.TEXT and isinstance(text, str):
            if text.strip():
                texts.append((name if inner_name == "content" else inner_name, text, inner))
        elif inner.kind in (MemberKind.SPEAKER, MemberKind.TIME, MemberKind.NAME) or isinstance(
            text, dict | list
        ):
            return None
        elif isinstance(text, str):
            others.append((text, inner.kind not in _PROSE_KINDS))
    if len(texts) == 1:
        [(only_name, text, _)] = texts
        texts = [(only_name, text, meaning)]
    return (texts, others) if texts else None


def _has_children(item: dict[str, Json]) -> bool:
    if _REQUIRED.isdisjoint(item):
        return False
    return any(isinstance(item.get(key), list) for key in _LISTS) or (
        isinstance(root := item.get("root"), dict) and isinstance(root.get("children"), list)
    )


def _is_tree(item: dict[str, Json]) -> bool:
    if isinstance(item.get("root"), dict):
        return len(item) <= 2
    if "ops" in item:
        return _are_nodes(item["ops"])
    if not type_of(item):
        return False
    return any(_are_nodes(item[key]) for key in _LISTS if key in item)


def _are_nodes(items: Json) -> bool:
    """Return whether a list consists of nodes; its first eight items are examined."""
    return isinstance(items, list) and bool(items) and all(map(_is_node, items[:8]))


def _are_mixed_runs(items: Json) -> bool:
    """Return whether a list mixes strings with typed runs, as exports of Telegram do."""
    if not isinstance(items, list) or not any(isinstance(item, dict) for item in items):
        return False
    return all(
        isinstance(item, str)
        or (isinstance(item, dict) and type_of(item) != "" and leaf_name(item) is not None)
        for item in items[:64]
    )


def _is_node(item: Json) -> bool:
    if not isinstance(item, dict):
        return False
    if "insert" in item:
        return True
    kind = type_of(item)
    has_words = leaf_name(item) is not None or "data" in item
    if has_words and (role_of_value(kind) or is_user_word(kind)):
        return False  # A message of a chat.
    if kind in _OBJECT_TYPES:
        return True
    if _has_message_members(item):
        return False
    if not kind:
        return _is_untyped_element(item)
    return (
        _has_children(item)
        or leaf_name(item) is not None
        or kind in _KNOWN_LEAF_TYPES
        or isinstance(item.get("text"), dict)
        or any(isinstance(item.get(key), dict) for key in (str(item.get("type")), "data"))
    )


def _is_untyped_element(item: dict[str, Json]) -> bool:
    """Return whether an object is an element of Slate without a type: it has children alone."""
    children = item.get("children")
    return (
        isinstance(children, list)
        and bool(children)
        and all(
            isinstance(child, dict) and ("text" in child or "children" in child)
            for child in children[:8]
        )
    )


def _has_message_members(item: dict[str, Json]) -> bool:
    return any(
        meaning_of(name).kind in _MESSAGE_KINDS or normalize_name(name) in FLAG_NAMES
        for name, value in item.items()
        if name not in _NODE_NAMES and not (name == "direction" and value in _TEXT_DIRECTIONS)
    )
