"""Static files of the reference page."""

from importlib.resources import files

import pytest

from everlake.api.reference.static_files import STATIC_FILES, read_static_file


@pytest.mark.parametrize("name", STATIC_FILES)
def test_every_listed_file_is_served_with_its_media_type(name: str) -> None:
    found = read_static_file(name)
    assert found is not None
    assert len(found[0]) > 0
    assert found[1] == STATIC_FILES[name]


def test_every_packaged_file_is_listed() -> None:
    folder = files("everlake.api.reference").joinpath("static")
    assert {entry.name for entry in folder.iterdir()} == set(STATIC_FILES)


@pytest.mark.parametrize(
    "name", ["", ".", "../page.py", "..", "static", "/docs.js", "docs.js/", "docs.JS"]
)
def test_nothing_else_is_served(name: str) -> None:
    assert read_static_file(name) is None


@pytest.mark.parametrize("name", ["docs.css", "icon.svg"])
def test_styles_and_the_icon_load_nothing(name: str) -> None:
    found = read_static_file(name)
    assert found is not None
    for loader in (b"url(", b"@import", b"href", b"<script", b"<style"):
        assert loader not in found[0]


def test_the_script_requests_nothing() -> None:
    found = read_static_file("docs.js")
    assert found is not None
    for loader in (b"http:", b"https:", b"fetch(", b"import", b"XMLHttpRequest", b"innerHTML"):
        assert loader not in found[0]
