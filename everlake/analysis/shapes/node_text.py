"""Text of a tree of nodes: runs of a line together, and a line for each block."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple, TypeAlias

from everlake.analysis.json_decoding import Json
from everlake.analysis.member_names import MemberKind, meaning_of, word_list
from everlake.analysis.mentions import NameOf, marked, mention
from everlake.analysis.prose import is_machine_text, is_sentence
from everlake.analysis.timestamps import parse_timestamp_ms

OtherValues: TypeAlias = list[tuple[Json, bool]]
"""(value, whether it is metadata) of the values that are not part of the text."""

CHILDREN = ("content", "children", "elements", "nodes", "blocks", "ops", "fields", "rich_text",
            "parts", "runs", "items", "rows", "cells")  # fmt: skip
LEAF_TEXT = ("plain_text", "text", "insert", "value", "code")
INLINE_TYPES = frozenset(
    word_list(
        "text link a mention emoji user channel usergroup inlinecard inline hashtag codeinline "
        "autolink richtextlink mrkdwn plaintext date equation span hyperlink entryhyperlink "
        "assethyperlink broadcast status usermention mentionnode atmention variable placeholder "
        "inlinecode inlineequation inlinemath customemoji beautifulmention person color"
    )
)
_INLINE_LEAF_TYPES = frozenset(
    word_list(
        "bold italic underline strikethrough strong em code pre plain spoiler textlink phone "
        "cashtag botcommand email mentionname bankcard blockquote url textmention"
    )
)
LINE_BREAK_TYPES = frozenset({"hardbreak", "linebreak", "br", "break", "softbreak"})
_CELL_TYPES = frozenset(word_list("tablecell tableheader td th tableheadercell"))
_ROW_TYPES = frozenset(word_list("tablerow tr"))
_INNER_OBJECTS = ("root", "text", "insert", "title", "label", "document")
_PROSE_KINDS = frozenset(
    {MemberKind.OTHER, MemberKind.HEADLINE, MemberKind.REMARK, MemberKind.TEXT}
)
_MENTIONED = ("label", "text", "name", "value", "displayName", "character", "mentionName",
              "username", "title")  # fmt: skip
_NOT_PROSE_NAMES = frozenset({"type", "_type", "nodeType", "style", "name", "_key", "key"})


class _Separator(NamedTuple):
    """Separator on the stack: before or after the children of a block."""

    text: str


class _Nested(NamedTuple):
    """Node on the stack, with its place."""

    value: Json
    in_cell: bool
    is_line: bool = False
    is_row: bool = False


_Item: TypeAlias = "_Separator | _Nested"
_BREAK = _Separator("\n")
_CELL_END = _Separator(" ")


def type_of(node: Mapping[str, Json]) -> str:
    """Return the type of a node in lower case without separators; empty when it has none."""
    for name in ("type", "_type", "nodeType"):
        kind = node.get(name)
        if isinstance(kind, str) and not is_sentence(kind):
            return kind.lower().replace("_", "").replace("-", "")
    return ""


def leaf_name(node: Mapping[str, Json]) -> str | None:
    """Return the name of the member that holds the text of a leaf."""
    if isinstance(node.get("text"), dict):  # A button, whose value is not shown.
        return None
    return next((key for key in LEAF_TEXT if isinstance(node.get(key), str)), None)


def flatten(value: Json, name_of: NameOf) -> tuple[str, OtherValues]:
    """Return the text of a tree of nodes, with one line per block, and the other values in it.

    Mentions are between marks; see :func:`~everlake.analysis.mentions.without_marks`.
    """
    parts: list[str] = []
    others: OtherValues = []
    stack: list[_Item] = [_Nested(value, in_cell=False)]
    while stack:
        item = stack.pop()
        if isinstance(item, _Separator):
            _separate(parts, item.text)
        elif isinstance(item.value, list):
            stack.extend(reversed(_items(item.value, item)))
        elif isinstance(item.value, str):
            parts.append(item.value)
            _separate(parts, "\n" if item.is_line else "")
        elif isinstance(item.value, dict):
            stack.extend(reversed(_expand(item.value, item.in_cell, parts, others, name_of)))
    return "".join(parts).strip(), others


def _separate(parts: list[str], separator: str) -> None:
    """Add a separator, unless the text is at the start of a line."""
    if separator and parts and not parts[-1].endswith(("\n", separator)):
        parts.append(separator)


def _items(values: list[Json], place: _Nested) -> list[_Item]:
    if place.is_row and values and all(isinstance(cell, str) for cell in values):
        row = " | ".join(cell for cell in values if isinstance(cell, str))
        return [_Nested(row, place.in_cell, is_line=True)]
    return [_Nested(value, place.in_cell, place.is_line, is_row=place.is_line) for value in values]


def _expand(
    node: dict[str, Json], in_cell: bool, parts: list[str], others: OtherValues, name_of: NameOf
) -> list[_Item]:
    """Return the children of a node; add the other values in it."""
    kind = type_of(node)
    if isinstance(plain := node.get("plain_text"), str):  # Notion, beside the same in pieces
        return [_Nested(plain, in_cell)]
    parts += "\n" if kind in LINE_BREAK_TYPES else ""
    leaf = leaf_name(node) or ("content" if isinstance(node.get("content"), str) else None)
    shown = _shown(node, kind, name_of) if leaf is None or not node[leaf] else None
    if shown is not None:
        parts.append(shown)
    is_cell = kind in _CELL_TYPES
    inner: list[_Item] = []
    has_children = False
    for key, child in node.items():
        if key == leaf and isinstance(child, str):
            inner.append(_Nested(child, in_cell))
        elif _is_child(key, child, kind, shown):
            has_children = True
            inner.append(
                _Nested(
                    child,
                    in_cell or is_cell,
                    is_line=key in ("items", "content")
                    and kind in ("", "list", "table")
                    and isinstance(child, list),
                )
            )
        elif isinstance(child, str | dict | list):
            _add_other(key, child, others, is_mention=shown is not None or "mention" in kind)
    if _is_inline(node, kind, leaf, has_children=has_children):
        return inner
    if is_cell:
        return [_Separator(" | "), *inner, _CELL_END]
    separator = _CELL_END if in_cell and kind not in _ROW_TYPES else _BREAK
    return [separator, *inner, separator]


def _is_inline(node: dict[str, Json], kind: str, leaf: str | None, *, has_children: bool) -> bool:
    return (
        kind in INLINE_TYPES
        or "insert" in node
        or (leaf is not None and not has_children and kind in _INLINE_LEAF_TYPES)
        or (leaf is not None and not kind and leaf not in ("code", "content"))
    )


def _is_child(key: str, value: Json, kind: str, shown: str | None) -> bool:
    if isinstance(value, list):
        return key in CHILDREN
    if not isinstance(value, dict) or shown is not None:
        return False
    return (
        key in _INNER_OBJECTS
        or key.lower().replace("_", "") == kind
        or (
            key == "data"
            and kind != ""
            and kind not in INLINE_TYPES
            and value != {}
            and "uri" not in value
        )
    )


def _add_other(key: str, value: Json, others: OtherValues, *, is_mention: bool) -> None:
    """Add a value beside the text; captions of pictures are prose, settings are metadata."""
    if isinstance(value, dict) and key in ("attrs", "attributes", "data"):
        for name in ("alt", "caption", "title"):
            text = value.get(name)
            if isinstance(text, str) and " " in text.strip():
                others.append((text, False))
    is_prose = (
        isinstance(value, str)
        and " " in value.strip()
        and not is_mention
        and key not in _NOT_PROSE_NAMES
        and not is_machine_text(value)
        and meaning_of(key).kind in _PROSE_KINDS
    )
    others.append((value, not is_prose))


def _shown(node: dict[str, Json], kind: str, name_of: NameOf) -> str | None:
    """Return what a node without a text of its own shows, such as a mention; None otherwise."""
    inserted = node.get("insert")
    if isinstance(inserted, dict):
        return _shown_embed(inserted, name_of)
    if kind in ("user", "usergroup", "channel", "broadcast"):
        return _shown_in_slack(node, kind, name_of)
    attributes = node.get("attrs")
    if not isinstance(attributes, dict):
        attributes = node
    if "mention" in kind or kind == "person":
        return _shown_mention(attributes, name_of)
    if kind == "emoji":
        return _shown_emoji(attributes)
    if (kind in ("inlinecard", "blockcard", "embedcard", "link") and attributes is not node) or (
        kind == "link" and not any(isinstance(node.get(key), list) for key in CHILDREN)
    ):
        url = attributes.get("url")
        return marked(url) if isinstance(url, str) else None
    if kind == "status" and isinstance(text := attributes.get("text"), str):
        return text
    if kind == "date" and (ms := parse_timestamp_ms(attributes.get("timestamp"))) is not None:
        return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat() if ms < 4e12 else None
    return None


def _shown_in_slack(node: dict[str, Json], kind: str, name_of: NameOf) -> str | None:
    if kind == "broadcast":
        return marked(f"@{node['range']}") if isinstance(node.get("range"), str) else None
    identity = node.get(f"{kind}_id")
    if not isinstance(identity, str):
        return None
    return marked(f"<#{identity}>") if kind == "channel" else mention(identity, name_of)


def _shown_embed(inserted: dict[str, Json], name_of: NameOf) -> str | None:
    """Return what an embed of a Quill document shows."""
    for name, value in inserted.items():
        if "mention" in name.lower() and isinstance(value, dict):
            return _shown_mention(value, name_of)
        if name == "emoji":
            return _shown_emoji(value if isinstance(value, dict) else {"text": value})
        if name == "formula" and isinstance(value, str):
            return value
    return None


def _shown_mention(attributes: dict[str, Json], name_of: NameOf) -> str | None:
    identity = attributes.get("id")
    name = next((text for key in _MENTIONED if isinstance(text := attributes.get(key), str)
                 and text.strip()), None)  # fmt: skip
    if name is None and isinstance(identity, str | int):
        name = name_of(str(identity)) or f"<@{identity}>"
    if name is None:
        return None
    return marked(name if name.startswith(("@", "#", "<")) else f"@{name}")


def _shown_emoji(attributes: dict[str, Json]) -> str | None:
    text = attributes.get("text")
    if isinstance(text, str) and text:
        return marked(text)
    unicode = attributes.get("unicode")
    if isinstance(unicode, str):
        try:
            return marked("".join(chr(int(code, 16)) for code in unicode.split("-")))
        except (ValueError, OverflowError):
            pass
    for key in ("shortName", "name", "emoji"):
        name = attributes.get(key)
        if isinstance(name, str) and name:
            return marked(f":{name.strip(':')}:")
    return None
