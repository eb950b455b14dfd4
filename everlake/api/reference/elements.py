"""HTML elements whose text and attributes are always escaped."""

from collections.abc import Iterable
from html import escape


class Markup(str):
    """Text that is HTML already and is embedded unescaped."""

    __slots__ = ()


def element(name: str, *content: str, **attributes: str) -> Markup:
    """Return an HTML element.

    Args:
        name: the tag name.
        content: children; a plain ``str`` is escaped, :class:`Markup` is embedded unchanged.
        attributes: attribute values by name, always escaped. ``class_`` stands for ``class`` and
            ``aria_label`` for ``aria-label``.
    """
    written = "".join(
        f' {attribute.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for attribute, value in attributes.items()
    )
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def join(parts: Iterable[str], separator: str = "") -> Markup:
    """Return the parts one after another; a plain ``str`` among them is escaped."""
    return Markup(escape(separator).join(_markup(part) for part in parts))


def link(target: str, *content: str, **attributes: str) -> Markup:
    """Return a link to ``target``, such as ``#listBatches``."""
    return element("a", *content, href=target, **attributes)


def code(text: str) -> Markup:
    """Return ``text`` as inline code."""
    return element("code", text)


def _markup(part: str) -> str:
    return part if isinstance(part, Markup) else escape(part)
