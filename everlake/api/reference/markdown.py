"""Markdown of the OpenAPI document as HTML."""

from functools import cache

from markdown_it import MarkdownIt

from everlake.api.reference.elements import Markup


def render_blocks(text: str) -> Markup:
    """Render Markdown with paragraphs and lists."""
    return Markup(_renderer().render(text).strip())


def render_inline(text: str) -> Markup:
    """Render one line of Markdown without a paragraph around it."""
    return Markup(_renderer().renderInline(text))


@cache
def _renderer() -> MarkdownIt:
    """Return a CommonMark renderer that escapes HTML and links only within this server."""
    renderer = MarkdownIt("commonmark", {"html": False}).disable("image")
    renderer.validateLink = _is_local
    return renderer


def _is_local(url: str) -> bool:
    """Whether ``url`` is a fragment or an absolute path; ``//host`` would name another server."""
    return url.startswith("#") or (url.startswith("/") and not url.startswith("//"))
