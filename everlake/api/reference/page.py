"""The HTML reference at ``/docs``, made from the OpenAPI document alone.

The page works without JavaScript and loads two static files of this server. Whatever it states
is in the document; there is no second text.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from everlake.api.openapi import build_document
from everlake.api.openapi.examples import PRODUCT_ID, PROJECT_ID
from everlake.api.reference.document import Document, anchor_of, tag_anchor
from everlake.api.reference.elements import Markup, code, element, join, link
from everlake.api.reference.markdown import render_blocks, render_inline
from everlake.api.reference.operation_article import (
    command_block,
    definition,
    json_example,
    method_label,
    operation_article,
    presence_note,
    response_article,
    type_note,
)
from everlake.contract.limits import Limits

PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
"""HTTP headers of the page and of its static files."""
MEDIA_TYPE = "text/html"
_CACHED_PAGES = 16
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/svg+xml" href="/static/icon.svg">
<link rel="stylesheet" href="/static/docs.css">
<script src="/static/docs.js" defer></script>
</head>
<body>
{header}
{contents}
{main}
</body>
</html>
"""
_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_SCHEMAS = "tag-schemas"
_ERRORS = "tag-errors"
_HEADERS = "tag-headers"
_AUTHENTICATION = "tag-authentication"


def reference_page(
    limits: Limits,
    *,
    version: str,
    base_url: str,
    product_id: str | None = None,
    project_id: str | None = None,
) -> bytes:
    """Return the reference page of a server.

    Args:
        limits: the limits in force.
        version: the version of Everlake.
        base_url: the server's URL as the reader reaches it.
        product_id: the reader's product, for the examples; ignored if it cannot be an id.
        project_id: likewise, a project of it.
    """
    page = _rendered_page(limits, version=version, base_url=base_url)
    for example, own in ((PRODUCT_ID, product_id), (PROJECT_ID, project_id)):
        if own is not None and _ID.fullmatch(own):
            page = page.replace(example.encode(), own.encode())
    return page


@lru_cache(maxsize=_CACHED_PAGES)
def _rendered_page(limits: Limits, *, version: str, base_url: str) -> bytes:
    return render_reference(build_document(limits, version=version), base_url)


def render_reference(content: dict[str, Any], base_url: str) -> bytes:
    """Return the reference page as UTF-8.

    Args:
        content: the OpenAPI document.
        base_url: the server's URL for the curl commands, such as ``http://127.0.0.1:8400``.
    """
    document = Document(content)
    page = _PAGE.format(
        title=join([content["info"]["title"]]),
        header=_header(content["info"]),
        contents=_contents(document),
        main=_main(document, base_url),
    )
    return page.encode()


def _header(info: dict[str, Any]) -> Markup:
    others = [
        link("#contents", "Contents", class_="narrow"),
        link("/openapi.json", "openapi.json"),
        link("/llms.txt", "llms.txt"),
    ]
    return element(
        "header",
        element("strong", link("#top", info["title"])),
        element("span", info["version"], class_="version"),
        element("nav", *others, aria_label="Other forms of this reference"),
    )


def _contents(document: Document) -> Markup:
    sections = [_contents_entry(_AUTHENTICATION, "Authentication", [])]
    for tag, _ in document.tags():
        operations = [
            link(f"#{each.id}", method_label(each), " ", each.content["summary"])
            for each in document.operations(tag)
        ]
        sections.append(_contents_entry(tag_anchor(tag), tag, operations))
    sections.append(_contents_entry(_ERRORS, "Errors", []))
    sections.append(_contents_entry(_HEADERS, "Headers", []))
    schemas = [link(f"#schemas-{name}", name) for name in document.components("schemas")]
    sections.append(_contents_entry(_SCHEMAS, "Schemas", schemas))
    return element("nav", *sections, id="contents", aria_label="Contents")


def _contents_entry(anchor: str, title: str, links: list[Markup]) -> Markup:
    entries = element("ul", *(element("li", each) for each in links)) if links else Markup()
    return element("section", element("h2", link(f"#{anchor}", title)), entries)


def _main(document: Document, base_url: str) -> Markup:
    info = document.content["info"]
    introduction = element(
        "section",
        element("h1", info["title"]),
        element("p", info["summary"], class_="summary"),
        render_blocks(info["description"]),
        id="top",
    )
    tags = (_tag_section(document, tag, text, base_url) for tag, text in document.tags())
    return element(
        "main",
        introduction,
        _authentication_section(document),
        *tags,
        _errors_section(document),
        _headers_section(document),
        _schemas_section(document),
    )


def _section(anchor: str, title: str, *content: Markup) -> Markup:
    return element("section", element("h2", link(f"#{anchor}", title)), *content, id=anchor)


def _authentication_section(document: Document) -> Markup:
    schemes = (
        definition(
            code(scheme.get("name", "Authorization")), text=render_inline(scheme["description"])
        )
        for scheme in document.components("securitySchemes").values()
    )
    variable = "export EVERLAKE_API_KEY=em_sk_..."
    return _section(
        _AUTHENTICATION,
        "Authentication",
        element("dl", *schemes),
        element("p", "The commands on this page take the key from the environment:"),
        command_block(variable),
        element(
            "p",
            "The examples send to a product and a project of their own. Open this page as ",
            code("/docs?product=ID&project=ID"),
            " for commands that send to yours.",
        ),
    )


def _tag_section(document: Document, tag: str, text: str, base_url: str) -> Markup:
    articles = (operation_article(document, each, base_url) for each in document.operations(tag))
    return _section(tag_anchor(tag), tag, render_blocks(text), *articles)


def _errors_section(document: Document) -> Markup:
    articles = (
        response_article(reference, status, document.resolve({"$ref": reference}))
        for status, reference in document.shared_responses()
    )
    return _section(_ERRORS, "Errors", *articles)


def _headers_section(document: Document) -> Markup:
    entries = (
        definition(
            element("code", name, id=anchor_of(f"#/components/headers/{name}")),
            type_note(header["schema"]),
            text=render_inline(header["description"]),
        )
        for name, header in document.components("headers").items()
    )
    return _section(_HEADERS, "Headers", element("dl", *entries))


def _schemas_section(document: Document) -> Markup:
    articles = (
        _schema_article(f"#/components/schemas/{name}", schema)
        for name, schema in document.components("schemas").items()
    )
    return _section(_SCHEMAS, "Schemas", *articles)


def _schema_article(reference: str, schema: dict[str, Any]) -> Markup:
    anchor = anchor_of(reference)
    text = [
        element("h3", link(f"#{anchor}", reference.rpartition("/")[2])),
        render_blocks(schema["description"]),
        *_members(schema),
    ]
    examples = (json_example("Example", value) for value in schema.get("examples", []))
    return element(
        "article",
        element("div", *text, class_="text"),
        element("div", *examples, class_="samples"),
        id=anchor,
    )


def _members(schema: dict[str, Any]) -> Iterator[Markup]:
    members: dict[str, dict[str, Any]] = schema.get("properties", {})
    if not members:
        yield element("p", type_note(schema))
        return
    alternatives = [" and ".join(each["required"]) for each in schema.get("anyOf", [])]
    if alternatives:
        yield element("p", "At least one of ", join(map(code, alternatives), ", "), " is required.")
    required = schema.get("required", [])
    entries = (
        definition(
            code(name),
            type_note(member),
            presence_note(required=name in required),
            text=render_inline(member["description"]),
        )
        for name, member in members.items()
    )
    yield element("dl", *entries)
