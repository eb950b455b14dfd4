"""Text as a tree of runs: editors' documents, chat blocks, lists of content parts.

Known by a ``type`` beside children (ProseMirror and Atlassian documents, Slack blocks, Slate,
Lexical below its ``root``, Notion) or by runs of ``insert`` (Quill). A body told as
``{"contentType": "html", "content": "…"}`` or ``{"plain": "…", "html": "…"}`` is one too.
"""

from typing import NamedTuple, TypeAlias

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, MemberMeaning, meaning_of, word_list
from everlake.analysis.prose import is_machine_text, is_sentence
from everlake.analysis.shapes.plain_text import read_text
from everlake.analysis.utterance_builder import (
    UNATTRIBUTED,
    PendingValue,
    Remaining,
    Scope,
    UtteranceBuilder,
)

OtherValues: TypeAlias = list[tuple[Json, bool]]
"""(value, whether it is hardly prose) of what is no part of the text."""
Renderings: TypeAlias = tuple[list[tuple[str, str, MemberMeaning]], OtherValues]
"""(member name, text, what the name means) of each rendering, and what is beside them."""

_CHILDREN = ("content", "children", "elements", "nodes", "blocks", "ops", "fields", "rich_text",
             "parts", "runs")  # fmt: skip
_MARKS = frozenset({*_CHILDREN, "root"})
_LEAF_TEXT = ("plain_text", "text", "insert", "value")
_INLINE = frozenset(
    word_list(
        "text link a mention emoji user channel usergroup inlinecard inline hashtag code_inline "
        "autolink rich_text_link mrkdwn plain_text date equation"
    )
)
_INNER_OBJECTS = ("root", "text", "insert", "attrs", "title", "label", "placeholder", "document")
_SPOKEN_KINDS = frozenset(
    {MemberKind.OTHER, MemberKind.HEADLINE, MemberKind.REMARK, MemberKind.TEXT}
)
_BREAKING = frozenset({"hardbreak", "linebreak", "br", "hard_break", "line-break"})


def renderings(name: str, value: Json, kind: MemberMeaning) -> Renderings | None:
    """The texts that ``value``, a body that is no string, holds; None when it is no body."""
    if isinstance(value, dict) and not _has_runs(value):
        return _body_object(name, value, kind)
    if isinstance(value, dict) or (isinstance(value, list) and _are_runs(value)):
        text, beside = flatten(value)
        return ([(name, text, kind)] if text.strip() else []), beside
    return None


def read_document(
    reading: UtteranceBuilder, name: str, item: dict[str, Json], scope: Scope
) -> Remaining | None:
    """Read an object that is a tree of runs."""
    if not _has_runs(item) or not _is_tree(item) or _leaf(item) or _has_message_members(item):
        return None
    return _add_text(reading, name, item, scope)


def read_runs(
    reading: UtteranceBuilder, name: str, items: list[Json], scope: Scope
) -> Remaining | None:
    """Read a list of blocks or runs."""
    return _add_text(reading, name, items, scope) if _are_runs(items) else None


def _add_text(reading: UtteranceBuilder, name: str, value: Json, scope: Scope) -> Remaining:
    text, beside = flatten(value)
    if scope.cover is not None:
        text = scope.cover.uncovered_lines(text)
    reading.add_tentative(lambda: read_text(reading, name, text, UNATTRIBUTED, scope))
    return [
        PendingValue("", other, scope._replace(doubtful=doubtful or scope.doubtful, top=False))
        for other, doubtful in beside
    ]


def _body_object(name: str, value: dict[str, Json], kind: MemberMeaning) -> Renderings | None:
    texts: list[tuple[str, str, MemberMeaning]] = []
    beside: OtherValues = []
    for inner, text in value.items():
        found = meaning_of(inner)
        if found.kind is MemberKind.TEXT and isinstance(text, str):
            if text.strip():
                texts.append((name if inner == "content" else inner, text, found))
        elif found.kind in (MemberKind.SPEAKER, MemberKind.TIME, MemberKind.NAME) or isinstance(
            text, dict | list
        ):
            return None
        elif isinstance(text, str):
            beside.append((text, found.kind not in _SPOKEN_KINDS))
    if len(texts) == 1:
        texts = [(texts[0][0], texts[0][1], kind)]
    return (texts, beside) if texts else None


def _has_runs(item: dict[str, Json]) -> bool:
    if _MARKS.isdisjoint(item):
        return False
    return any(isinstance(item.get(key), list) for key in _CHILDREN) or (
        isinstance(root := item.get("root"), dict) and isinstance(root.get("children"), list)
    )


def _is_tree(item: dict[str, Json]) -> bool:
    if isinstance(item.get("root"), dict):
        return len(item) <= 2
    if "ops" in item:
        return _are_runs(item["ops"])
    if not isinstance(item.get("type"), str):
        return False
    return any(_are_runs(item[key]) for key in _CHILDREN if key in item)


def _are_runs(items: Json) -> bool:
    """Whether ``items`` are typed nodes or insertions, and none of them a message."""
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
        _has_runs(item)
        or _leaf(item) is not None
        or kind.lower() in _KNOWN_LEAVES
        or isinstance(item.get("text"), dict)
        or isinstance(item.get(kind), dict)
    )


def _has_message_members(item: dict[str, Json]) -> bool:
    return any(meaning_of(name).kind in _OF_MESSAGES for name in item if name not in _OF_NODES)


_OF_NODES = frozenset({"user_id", "title"})
_OF_MESSAGES = frozenset(
    {MemberKind.SPEAKER, MemberKind.TIME, MemberKind.OFFSET, MemberKind.HEADLINE}
)
_KNOWN_LEAVES = _INLINE | _BREAKING | {"paragraph", "divider", "image", "heading", "image_url"}


def _leaf(item: dict[str, Json]) -> str | None:
    for key in _LEAF_TEXT:
        value = item.get(key)
        if isinstance(value, str):
            return value
    return None


class _LineBreak(NamedTuple):
    """A line break that waits for what stands before it."""


_Node: TypeAlias = "Json | _LineBreak"


def flatten(value: Json) -> tuple[str, OtherValues]:
    """(the text of a tree of runs with its blocks on lines of their own, what is beside it)."""
    parts: list[str] = []
    beside: OtherValues = []
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
            stack.extend(reversed(_expand_node(node, parts, beside)))
    return "".join(parts).strip(), beside


def _expand_node(node: dict[str, Json], parts: list[str], beside: OtherValues) -> list[_Node]:
    """Add the node's own text; what is inside of it."""
    kind = node.get("type")
    kind = kind.lower() if isinstance(kind, str) and not is_sentence(kind) else ""
    leaf = next((key for key in _LEAF_TEXT if isinstance(node.get(key), str)), None)
    parts.append("\n" if kind in _BREAKING else "")
    inner: list[_Node] = []
    for key, child in node.items():
        if key == leaf and isinstance(child, str):
            parts.append(child)
        elif _is_inside(key, child, kind):
            inner.append(child)
        elif isinstance(child, str | dict | list):
            beside.append((child, not _is_prose(key, child, kind)))
    if kind not in _INLINE and "insert" not in node:
        inner.append(_LineBreak())
    return inner


def _is_inside(key: str, value: Json, kind: str) -> bool:
    if isinstance(value, list):
        return key in _CHILDREN
    return isinstance(value, dict) and key in (*_INNER_OBJECTS, kind)


def _is_prose(key: str, value: Json, kind: str) -> bool:
    if not isinstance(value, str) or key in ("type", "style", "name") or is_machine_text(value):
        return False
    return kind == "mention" or meaning_of(key).kind in _SPOKEN_KINDS
