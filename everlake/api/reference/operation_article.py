"""Article of one operation: parameters, body, answers, a curl command and examples."""

import json
from collections.abc import Iterator
from typing import Any

from everlake.api.reference.curl import curl_command
from everlake.api.reference.document import Document, Operation, anchor_of
from everlake.api.reference.elements import Markup, code, element, join, link
from everlake.api.reference.markdown import render_blocks, render_inline
from everlake.api.reference.schema_text import either, summarize

_PARAMETER_HEADINGS = {
    "path": "Path parameters",
    "query": "Query parameters",
    "header": "Request headers",
}


def operation_article(document: Document, operation: Operation, base_url: str) -> Markup:
    """Return everything that the document states about one operation.

    Args:
        document: the document that ``operation`` is from.
        operation: the operation.
        base_url: the server's URL in the curl command.
    """
    content = operation.content
    text = [
        element("h3", link(f"#{operation.id}", content["summary"])),
        element("p", method_label(operation), " ", code(operation.path), class_="endpoint"),
        render_blocks(content["description"]),
        element("p", *_access(operation), class_="access"),
        *_parameters(document, operation),
        *_body(content),
        *_answers(content),
    ]
    samples = [
        command_block(curl_command(document, operation, base_url)),
        *_examples("Request", content.get("requestBody", {})),
        *(
            block
            for status, response in content["responses"].items()
            for block in _examples(status, response)
        ),
    ]
    return element(
        "article",
        element("div", *text, class_="text"),
        element("div", *samples, class_="samples"),
        id=operation.id,
        class_="operation",
    )


def response_article(reference: str, status: str, response: dict[str, Any]) -> Markup:
    """Return the article of an answer that many operations share, such as an error.

    Args:
        reference: where the document refers to it, ``#/components/responses/NotFound``.
        status: its HTTP status.
        response: the answer itself.
    """
    anchor = anchor_of(reference)
    text = [
        element("h3", link(f"#{anchor}", f"{status} {reference.rpartition('/')[2]}")),
        render_blocks(response["description"]),
        element("p", *_answer_facts(response)),
    ]
    return element(
        "article",
        element("div", *text, class_="text"),
        element("div", *_examples("Example", response), class_="samples"),
        id=anchor,
    )


def method_label(operation: Operation) -> Markup:
    """Return the operation's method, coloured by its kind."""
    return element("span", operation.method, class_=f"method {operation.method.lower()}")


def command_block(command: str) -> Markup:
    """Return a shell command that one click selects."""
    return element("pre", code(command), class_="command", tabindex="0")


def definition(term: Markup, *notes: Markup, text: Markup) -> Markup:
    """Return one entry of a definition list: a term, notes beside it, and its meaning below."""
    return join((element("dt", join((term, *notes), " ")), element("dd", text)))


def type_note(schema: dict[str, Any]) -> Markup:
    """Return the one-line summary of a schema, to stand beside a name."""
    return element("span", render_inline(summarize(schema)), class_="type")


def presence_note(*, required: bool) -> Markup:
    """Return the word ``required``, or nothing."""
    return element("span", "required", class_="required") if required else Markup()


def json_example(title: str, value: Any) -> Markup:
    """Return an example that opens with a click; a text is shown as it is."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return element("details", element("summary", title), element("pre", code(text), tabindex="0"))


def _access(operation: Operation) -> Iterator[str]:
    if not operation.permissions:
        yield "Needs no key."
        return
    names = either([f"`{name}`" for name in operation.permissions])
    yield render_inline(f"Needs a key with the permission {names}.")


def _parameters(document: Document, operation: Operation) -> Iterator[Markup]:
    parameters = [document.resolve(each) for each in operation.content.get("parameters", [])]
    for place, heading in _PARAMETER_HEADINGS.items():
        entries = [_parameter(each) for each in parameters if each["in"] == place]
        if entries:
            yield element("h4", heading)
            yield element("dl", *entries)


def _parameter(parameter: dict[str, Any]) -> Markup:
    return definition(
        code(parameter["name"]),
        type_note(parameter["schema"]),
        presence_note(required=parameter.get("required", False)),
        text=render_inline(parameter["description"]),
    )


def _body(content: dict[str, Any]) -> Iterator[Markup]:
    body: dict[str, Any] = content.get("requestBody", {})
    if not body:
        return
    yield element("h4", "Request body")
    if "description" in body:
        yield render_blocks(body["description"])
    entries = (
        definition(
            code(media_type),
            type_note(each["schema"]) if "schema" in each else element("span", "bytes"),
            text=render_inline(each.get("schema", {}).get("description", "")),
        )
        for media_type, each in body["content"].items()
    )
    yield element("dl", *entries)


def _answers(content: dict[str, Any]) -> Iterator[Markup]:
    responses: dict[str, dict[str, Any]] = content["responses"]
    yield element("h4", "Answers")
    own = {status: each for status, each in responses.items() if "$ref" not in each}
    yield element("dl", *(_answer(status, response) for status, response in own.items()))
    errors = (
        link(f"#{anchor_of(response['$ref'])}", f"{status} {response['$ref'].rpartition('/')[2]}")
        for status, response in responses.items()
        if "$ref" in response
    )
    yield element("p", "Errors: ", join(errors, ", "), class_="errors")


def _answer(status: str, response: dict[str, Any]) -> Markup:
    next_steps = [
        element(
            "p",
            "Next: ",
            link(f"#{each['operationId']}", each["operationId"]),
            " with ",
            join((code(f"{name} = {value}") for name, value in each["parameters"].items()), ", "),
            ". ",
            render_inline(each["description"]),
        )
        for each in response.get("links", {}).values()
    ]
    text = [
        element("p", render_inline(response["description"])),
        element("p", *_answer_facts(response)),
        *next_steps,
    ]
    return definition(code(status), text=join(text))


def _answer_facts(response: dict[str, Any]) -> Iterator[Markup]:
    """Yield the media types with their schemas, and the headers."""
    for media_type, content in response.get("content", {}).items():
        yield code(media_type)
        if content["schema"]:
            yield join((": ", type_note(content["schema"])))
        yield Markup(". ")
    headers = (
        link(f"#{anchor_of(header['$ref'])}", code(name))
        for name, header in response["headers"].items()
    )
    yield join(("Headers: ", join(headers, ", "), "."))


def _examples(title: str, message: dict[str, Any]) -> Iterator[Markup]:
    for content in message.get("content", {}).values():
        for name, example in content.get("examples", {}).items():
            yield json_example(f"{title}: {example.get('summary', name)}", example["value"])
