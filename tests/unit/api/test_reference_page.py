"""The reference page: complete, self-contained, and safe with whatever the Host header says."""

import json
import re
import shlex
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

import jsonschema_rs
import pytest

from everlake.api.openapi import build_document
from everlake.api.reference.curl import curl_command
from everlake.api.reference.document import Document, Operation
from everlake.api.reference.page import reference_page, render_reference
from everlake.api.reference.static_files import read_static_file
from everlake.contract.limits import Limits

BASE_URL = "http://lake.example:8400"
CONTENT: dict[str, Any] = build_document(Limits(), version="1.2.3")
DOCUMENT = Document(CONTENT)
OPERATIONS = list(DOCUMENT.operations())
HOSTILE_URLS = [
    "http://x\"'><script>alert(1)</script>",
    "http://$(id)`id`",
    "http://a\nb; rm -rf /",
    "http://{title}%s&amp;",
]
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Collects elements, and checks that tags are balanced."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.commands: list[str] = []
        self._open: list[str] = []
        self._in_command = False
        self.feed(page.decode())
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.elements.append((tag, attributes))
        if tag not in VOID:
            self._open.append(tag)
        if attributes.get("class") == "command":
            self._in_command = True
            self.commands.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "pre":
            self._in_command = False

    def handle_data(self, data: str) -> None:
        if self._in_command:
            self.commands[-1] += data

    def values(self, *names: str) -> list[str]:
        return [
            attributes[name]
            for _, attributes in self.elements
            for name in names
            if name in attributes
        ]


RAW_PAGE = render_reference(CONTENT, BASE_URL)
PAGE = Page(RAW_PAGE)
IDS = PAGE.values("id")


def test_the_page_is_of_reasonable_size() -> None:
    assert len(RAW_PAGE) < 400_000


def test_every_operation_schema_error_and_header_has_its_place() -> None:
    expected = {operation.id for operation in OPERATIONS}
    for kind in ("schemas", "responses", "headers"):
        expected |= {f"{kind}-{name}" for name in DOCUMENT.components(kind)}
    assert expected <= set(IDS)


def test_every_description_is_on_the_page() -> None:
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", RAW_PAGE.decode()))
    for operation in OPERATIONS:
        assert operation.content["summary"].replace("'", "&#x27;") in text
        assert operation.path in text
    for schema in DOCUMENT.components("schemas").values():
        for member in schema.get("properties", {}):
            assert member in text


def test_anchors_are_unique_and_every_fragment_leads_to_one() -> None:
    assert len(IDS) == len(set(IDS))
    fragments = [target[1:] for target in PAGE.values("href") if target.startswith("#")]
    assert len(fragments) > 100
    assert set(fragments) <= set(IDS)


def test_everything_it_loads_or_links_to_is_served_here() -> None:
    others = {target for target in PAGE.values("href", "src") if not target.startswith("#")}
    assert {target for target in others if not target.startswith("/static/")} == {
        "/openapi.json",
        "/llms.txt",
    }
    for target in others:
        if target.startswith("/static/"):
            assert read_static_file(target.removeprefix("/static/")) is not None, target


def test_there_is_no_inline_script_style_or_handler() -> None:
    for tag, attributes in PAGE.elements:
        assert tag != "style"
        assert tag != "script" or "src" in attributes
        assert not any(name == "style" or name.startswith("on") for name in attributes)


@pytest.mark.parametrize("base_url", HOSTILE_URLS)
def test_a_hostile_host_is_text_and_one_word_of_the_command(base_url: str) -> None:
    page = Page(render_reference(CONTENT, base_url))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in PAGE.elements]
    for command in page.commands[1:]:
        assert any(word.startswith(f"{base_url}/") for word in shlex.split(command))
        assert "$(id)" not in command.replace(shlex.quote(f"{base_url}/")[:-1], "")


def test_every_command_of_the_page_is_the_curl_of_an_operation() -> None:
    expected = [curl_command(DOCUMENT, operation, BASE_URL) for operation in OPERATIONS]
    assert sorted(PAGE.commands[1:]) == sorted(expected)
    assert PAGE.commands[0].startswith("export EVERLAKE_API_KEY=")


class Request(NamedTuple):
    method: str
    url: str
    headers: dict[str, str]
    body: str | None


def request_of(command: str) -> Request:
    """The request that curl makes: the options that the page uses, and no other."""
    words = shlex.split(command.replace("\\\n", ""))
    assert words.pop(0) == "curl"
    method, url, body, headers = "GET", "", None, dict[str, str]()
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-T":
            method, body = "PUT", words.pop(0)
        elif word == "-d":
            method, body = "POST", words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name.lower()] = value
        elif word == "-o":
            words.pop(0)
        elif word not in {"-sS", "-N"}:
            assert url == ""
            url = word
    return Request(method, url, headers, body)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_a_command_is_the_documented_request(operation: Operation) -> None:
    request = request_of(curl_command(DOCUMENT, operation, BASE_URL))
    parameters = [DOCUMENT.resolve(each) for each in operation.content.get("parameters", [])]
    path = operation.path
    for parameter in parameters:
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(parameter["example"])))
    url = urlsplit(request.url)
    assert request.method == operation.method
    assert f"{url.scheme}://{url.netloc}{url.path}" == BASE_URL + path
    assert dict(parse_qsl(url.query)) == {
        parameter["name"]: parameter["example"]
        for parameter in parameters
        if parameter["in"] == "query" and parameter.get("required")
    }
    expected = {"x-api-key": "$EVERLAKE_API_KEY"} if operation.permissions else {}
    contents: dict[str, Any] = operation.content.get("requestBody", {}).get("content", {})
    if contents:
        media_type, content = next(iter(contents.items()))
        expected["content-type"] = media_type
        assert request.body is not None
        if "schema" in content:
            schema = {**content["schema"], "components": CONTENT["components"]}
            jsonschema_rs.Draft202012Validator(schema).validate(json.loads(request.body))
    else:
        assert request.body is None
    assert request.headers == expected


def test_events_are_not_buffered_and_content_goes_to_a_file() -> None:
    commands = {each.id: curl_command(DOCUMENT, each, BASE_URL) for each in OPERATIONS}
    assert commands["watchBatch"].startswith("curl -sS -N ")
    assert commands["getAttachmentContent"].startswith("curl -sS -o FILE ")
    assert commands["putUpload"].startswith("curl -sS -T FILE ")


def test_the_limits_in_force_are_on_the_page() -> None:
    page = reference_page(Limits(records_per_batch=77), version="9.8.7", base_url=BASE_URL)
    assert b"Accepts 1 to 77 records" in page
    assert b"9.8.7" in page
    assert page is reference_page(Limits(records_per_batch=77), version="9.8.7", base_url=BASE_URL)
