"""Rich text: a tree of typed nodes, such as documents of editors, chat blocks and content parts.

A node has a ``type`` beside its children (ProseMirror and Atlassian documents, Slack blocks,
Slate, Lexical below its ``root``, Notion), or an ``insert`` (Quill). An object such as
``{"contentType": "html", "content": "…"}`` or ``{"plain": "…", "html": "…"}`` is read as well.
"""

from typing import NamedTuple, TypeAlias

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, MemberMeaning, meaning_of, word_list
from everlake.analysis.prose import is_machine_text, is_sentence
from everlake.analysis.shapes.plain_text import read_text
from everlake.analysis.types import UNATTRIBUTED, PendingValue, Remaining, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

OtherValues: TypeAlias = list[tuple[Json, bool]]
"""(value, whether it is metadata) of the values that are not part of the text."""
Renderings: TypeAlias = tuple[list[tuple[str, str, MemberMeaning]], OtherValues]
"""(name, text, meaning) of each rendering, and the other values."""

_CHILDREN = ("content", "children", "elements", "nodes", "blocks", "ops", "fields", "rich_text",
             "parts", "runs")  # fmt: skip
_REQUIRED = frozenset({*_CHILDREN, "root"})
_LEAF_TEXT = ("plain_text", "text", "insert", "value")
_INLINE_TYPES = frozenset(
    word_list(
        "text link a mention emoji user channel usergroup inlinecard inline hashtag code_inline "
        "autolink rich_text_link mrkdwn plain_text date equation"
    )
)
_INNER_OBJECTS = ("root", "text", "insert", "attrs", "title", "label", "placeholder", "document")
_PROSE_KINDS = frozenset(
    {MemberKind.OTHER, MemberKind.HEADLINE, MemberKind.REMARK, MemberKind.TEXT}
)
_LINE_BREAK_TYPES = frozenset({"hardbreak", "linebreak", "br", "hard_break", "line-break"})
_KNOWN_LEAF_TYPES = (
    _INLINE_TYPES | _LINE_BREAK_TYPES | {"paragraph", "divider", "image", "heading", "image_url"}
)
_MESSAGE_KINDS = frozenset(
    {MemberKind.SPEAKER, MemberKind.TIME, MemberKind.OFFSET, MemberKind.HEADLINE}
)
_NODE_NAMES = frozenset({"user_id", "title"})
"""Members of nodes, although their names mean a member of a message."""


def renderings(name: str, value: Json, meaning: MemberMeaning) -> Renderings | None:
    """Return the texts in an object or list that is the value of a text member.

    Args:
        name: the member's name.
        value: the member's value.
        meaning: meaning of the name.

    Returns:
        The texts and the other values; None when the value has no text.
    """
    if isinstance(value, dict) and not _has_children(value):
        return _body_object(name, value, meaning)
    if isinstance(value, dict) or (isinstance(value, list) and _are_nodes(value)):
        text, others = flatten(value)
        return ([(name, text, meaning)] if text.strip() else []), others
    return None


def read_document(
    builder: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining | None:
    """Read an object that is the root of a document."""
    if not _has_children(item) or not _is_tree(item) or _leaf(item) or _has_message_members(item):
        return None
    return _add_text(builder, name, item, scope)


def read_runs(
    builder: UtteranceBuilder, name: str, items: list[Json], scope: Scope
) -> Remaining | None:
    """Read a list of nodes."""
    return _add_text(builder, name, items, scope) if _are_nodes(items) else None


def _add_text(builder: UtteranceBuilder, name: str, value: Json, scope: Scope) -> Remaining:
    text, others = flatten(value)
    if scope.coverage is not None:
        text = scope.coverage.uncovered_lines(text)
    builder.add_tentative(lambda: read_text(builder, name, text, UNATTRIBUTED, scope))
    inner = scope._replace(is_root=False)
    metadata = inner._replace(is_metadata=True)
    return [
        PendingValue("", other, metadata if is_metadata else inner) for other, is_metadata in others
    ]


def _body_object(name: str, value: dict[str, Json], meaning: MemberMeaning) -> Renderings | None:
    """Return the renderings in an object such as ``{"contentType": "html", "content": "…"}``."""
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
    return any(isinstance(item.get(key), list) for key in _CHILDREN) or (
        isinstance(root := item.get("root"), dict) and isinstance(root.get("children"), list)
    )


def _is_tree(item: dict[str, Json]) -> bool:
    if isinstance(item.get("root"), dict):
        return len(item) <= 2
    if "ops" in item:
        return _are_nodes(item["ops"])
    if not isinstance(item.get("type"), str):
        return False
    return any(_are_nodes(item[key]) for key in _CHILDREN if key in item)


def _are_nodes(items: Json) -> bool:
    """Return whether a list consists of nodes; its first eight items are examined."""
    return isinstance(items, list) and bool(items) and all(map(_is_node, items[:8]))


def _is_node(item: Json) -> bool:
    if not isinstance(item, dict):
        return False
    if "insert" in item:
        return True
    kind = item.get("type")
    if not isinstance(kind, str) or _has_message_members(item):
        return False
    return (
        _has_children(item)
        or _leaf(item) is not None
        or kind.lower() in _KNOWN_LEAF_TYPES
        or isinstance(item.get("text"), dict)
        or isinstance(item.get(kind), dict)
    )


def _has_message_members(item: dict[str, Json]) -> bool:
    return any(meaning_of(name).kind in _MESSAGE_KINDS for name in item if name not in _NODE_NAMES)


def _leaf(item: dict[str, Json]) -> str | None:
    for key in _LEAF_TEXT:
        value = item.get(key)
        if isinstance(value, str):
            return value
    return None


class _LineBreak(NamedTuple):
    """Line break on the stack, after the children of a block."""


_Node: TypeAlias = "Json | _LineBreak"


def flatten(value: Json) -> tuple[str, OtherValues]:
    """Return the text of a tree of nodes, with one line per block, and the other values in it."""
    parts: list[str] = []
    others: OtherValues = []
    stack: list[_Node] = [value]
    while stack:
        node = stack.pop()
        if isinstance(node, _LineBreak):
            parts.append("\n")
        elif isinstance(node, list):
            stack.extend(reversed(node))
        elif isinstance(node, str):
            parts.append(node)
        elif isinstance(node, dict):
            stack.extend(reversed(_expand_node(node, parts, others)))
    return "".join(parts).strip(), others


def _expand_node(node: dict[str, Json], parts: list[str], others: OtherValues) -> list[_Node]:
    """Return the children of a node; append its text to ``parts``, other values to ``others``."""
    kind = node.get("type")
    kind = kind.lower() if isinstance(kind, str) and not is_sentence(kind) else ""
    leaf = next((key for key in _LEAF_TEXT if isinstance(node.get(key), str)), None)
    parts.append("\n" if kind in _LINE_BREAK_TYPES else "")
    children: list[_Node] = []
    for key, child in node.items():
        if key == leaf and isinstance(child, str):
            parts.append(child)
        elif _is_child(key, child, kind):
            children.append(child)
        elif isinstance(child, str | dict | list):
            others.append((child, not _is_prose(key, child, kind)))
    if kind not in _INLINE_TYPES and "insert" not in node:
        children.append(_LineBreak())
    return children


def _is_child(key: str, value: Json, kind: str) -> bool:
    if isinstance(value, list):
        return key in _CHILDREN
    return isinstance(value, dict) and key in (*_INNER_OBJECTS, kind)


def _is_prose(key: str, value: Json, kind: str) -> bool:
    if not isinstance(value, str) or key in ("type", "style", "name") or is_machine_text(value):
        return False
    return kind == "mention" or meaning_of(key).kind in _PROSE_KINDS
