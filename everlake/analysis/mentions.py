"""Mentions in the text of chat messages (Slack, Discord), written as people see them."""

import re
from collections.abc import Callable
from typing import TypeAlias

NameOf: TypeAlias = Callable[[str], str | None]
"""Returns the name of the person with an id, or None."""

_TOKEN = re.compile(
    r"<(?:(?P<at>@[!&]?)(?P<person>[\w:.-]{1,128})|\#(?P<channel>[A-Z0-9]{2,40})"
    r"|!(?P<command>[a-z]{3,10})(?:\^[^|<>\n]{0,200})?|(?P<link>(?:https?://|mailto:|tel:)[^\s<>|]++)"
    r"|a?(?P<emoji>:\w{1,64}:)\d{5,25})(?:\|(?P<label>[^<>\n]{0,1000}))?>"
)
START, END = "\ufdd0", "\ufdd1"
"""Marks around a mention in the text of a tree, by which renderings are compared without it."""
_MARKS = {ord(START): None, ord(END): None}


def resolve_mentions(text: str, name_of: NameOf) -> str:
    """Replace ``<@U02>`` by ``@Oskar Lind``, ``<#C1|billing>`` by ``#billing``, and so on.

    A mention of somebody unknown stays as it is.
    """
    if "<" not in text:
        return text
    return _TOKEN.sub(lambda token: _written(token, name_of), text)


def _written(token: re.Match[str], name_of: NameOf) -> str:
    label = (token["label"] or "").strip()
    if token["person"]:
        name = name_of(token["person"]) or label.removeprefix("@")
        return f"@{name}" if name else token[0]
    if token["channel"]:
        return f"#{label.removeprefix('#')}" if label else token[0]
    if token["command"]:
        return label or f"@{token['command']}"
    if token["emoji"]:
        return token["emoji"]
    return label or token["link"].removeprefix("mailto:").removeprefix("tel:")


def mention(person: str, name_of: NameOf) -> str:
    """Return the mention of a person by id, between marks."""
    name = name_of(person)
    return marked(f"@{name}" if name else f"<@{person}>")


def marked(text: str) -> str:
    """Return the text between marks."""
    return f"{START}{text}{END}"


def without_marks(text: str) -> str:
    """Return the text without the marks around mentions."""
    return text.translate(_MARKS) if START in text else text
