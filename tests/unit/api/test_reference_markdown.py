"""Markdown and HTML of the reference page."""

import pytest

from everlake.api.reference.elements import Markup, element, join, link
from everlake.api.reference.markdown import render_blocks, render_inline


@pytest.mark.parametrize("render", [render_blocks, render_inline])
def test_html_in_markdown_is_text(render: type) -> None:
    assert "&lt;script&gt;" in render("a <script>alert(1)</script> b")
    assert "&lt;img" in render('<img src="x" onerror="alert(1)">')


def test_lists_code_and_local_links_are_rendered() -> None:
    assert render_inline("`a<b` and [Batch](#schemas-Batch)") == (
        '<code>a&lt;b</code> and <a href="#schemas-Batch">Batch</a>'
    )
    assert render_blocks("- `A`: one.\n- `B`: two.").startswith("<ul>\n<li><code>A</code>: one.")


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "javascript:alert(1)", "data:text/html,x"]
)
def test_links_to_elsewhere_are_text(target: str) -> None:
    rendered = render_inline(f"[here]({target})")
    assert "<a" not in rendered
    assert "here" in rendered


def test_images_are_not_loaded() -> None:
    assert "<img" not in render_inline("![icon](/static/icon.svg)")


def test_text_and_attributes_of_elements_are_escaped() -> None:
    assert element("p", "<b>", Markup("<i>x</i>"), class_='"q"', aria_label="a & b") == (
        '<p class="&quot;q&quot;" aria-label="a &amp; b">&lt;b&gt;<i>x</i></p>'
    )
    assert link("#a'b", "c") == '<a href="#a&#x27;b">c</a>'
    assert join(["<", Markup("&lt;")], " & ") == "&lt; &amp; &lt;"
