import hashlib
import re
from importlib.resources import files

import pytest

from everlake.api.docs_page import STATIC_FILES, read_static_file, render_docs_page


def test_the_page_loads_nothing_but_files_that_are_served() -> None:
    page = render_docs_page().decode()
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {path for path in loaded if not path.startswith("/static/")} == {
        "/openapi.json",
        "/llms.txt",
    }
    for path in loaded:
        if path.startswith("/static/"):
            assert read_static_file(path.removeprefix("/static/")) is not None, path


def test_the_page_has_no_inline_script_or_handler() -> None:
    page = render_docs_page().decode()
    assert "<title>Everlake API</title>" in page
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
    assert re.findall(r"\son[a-z]+=", page) == []


def test_the_script_asks_for_our_description_and_for_no_validator() -> None:
    found = read_static_file("docs.js")
    assert found is not None
    script = found[0].decode()
    assert 'url: "/openapi.json"' in script
    assert "validatorUrl: null" in script
    assert "persistAuthorization: true" in script
    assert "tryItOutEnabled: true" in script
    assert "http" not in script


def test_styles_of_ours_load_nothing() -> None:
    found = read_static_file("docs.css")
    assert found is not None
    assert b"url(" not in found[0]
    assert b"@import" not in found[0]


@pytest.mark.parametrize("name", STATIC_FILES)
def test_every_listed_file_is_served_with_its_media_type(name: str) -> None:
    found = read_static_file(name)
    assert found is not None
    assert len(found[0]) > 0
    assert found[1] == STATIC_FILES[name]


@pytest.mark.parametrize(
    "name",
    ["", ".", "docs.html", "../docs_page.py", "swagger-ui", "swagger-ui/", "/docs.js", "docs.js/"],
)
def test_nothing_else_is_served(name: str) -> None:
    assert read_static_file(name) is None


def test_the_vendored_files_are_those_of_the_notice() -> None:
    notice = read_static_file("swagger-ui/NOTICE")
    assert notice is not None
    sums = dict(line.split("  ")[::-1] for line in notice[0].decode().splitlines() if "  " in line)
    folder = files("everlake.api").joinpath("static", "swagger-ui")
    names = {entry.name for entry in folder.iterdir()}
    assert names == {*sums, "LICENSE", "NOTICE"}
    for name, digest in sums.items():
        content = folder.joinpath(name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest, name
