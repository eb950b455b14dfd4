"""HTML, and text that only looks like it."""

import pytest

from everlake.analysis.prose import normalize_text
from everlake.analysis.shapes.plain_text import strip_markup


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Steps:\n1. open\n<!-- template -->\nIt stops.", "Steps:\n1. open\nIt stops."),
        ("<!-- Thanks\nfor this -->\n### What\nIt fails <!-- x -->here", "### What\nIt fails here"),
        ("one <b>two</b>\nthree", "one two\nthree"),
        ("# Log\n<details>\n<summary>All</summary>\n\na\nb\n</details>", "# Log\n\nAll\n\na\nb"),
        ("- a<br>b\n- c", "- a\nb\n- c"),
        ("```\n<p>kept</p>\n```\n<b>bold</b>", "```\n<p>kept</p>\n```\nbold"),
    ],
)
def test_markdown_with_tags_keeps_its_lines(source: str, text: str) -> None:
    assert normalize_text(strip_markup(source)) == text


@pytest.mark.parametrize(
    "source",
    ["a List<String> or a Map<A>", "a < b && c > d", "vector<int> v;\nList<I> w;", "1 <!-- open"],
)
def test_code_is_not_markup(source: str) -> None:
    assert strip_markup(source) == source


def test_html_keeps_what_is_no_tag() -> None:
    source = "<p>Hi\nthere</p><p>a List<String> of <ann@acme.io></p>"
    assert normalize_text(strip_markup(source)) == "Hi there\n\na List<String> of <ann@acme.io>"


def test_line_breaks_of_html_are_spaces() -> None:
    assert normalize_text(strip_markup("Hello<br>\nthere\nBob")) == "Hello\nthere Bob"


def test_confluence_storage_format_keeps_code_links_and_tasks() -> None:
    source = (
        '<p>Run:</p><ac:structured-macro ac:name="code"><ac:parameter ac:name="language">sql'
        "</ac:parameter><ac:plain-text-body><![CDATA[SELECT a\nFROM b WHERE c > 1 && d;]]>"
        "</ac:plain-text-body></ac:structured-macro><p>See <ac:link><ri:page "
        'ri:content-title="Plan" /></ac:link>, <ac:link><ri:page '
        'ri:content-title="P2"/><ac:link-body>the other'
        "</ac:link-body></ac:link></p><ac:task-list><ac:task><ac:task-id>1</ac:task-id>"
        "<ac:task-status>incomplete</ac:task-status><ac:task-body>Ship</ac:task-body></ac:task>"
        "</ac:task-list>"
    )
    assert normalize_text(strip_markup(source)) == (
        "Run:\n\nSELECT a\nFROM b WHERE c > 1 && d;\n\nSee Plan, the other\n\nShip"
    )
