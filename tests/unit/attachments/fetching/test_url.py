"""Parsing of URLs and redirects."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.attachments.errors import FetchCode, FetchError
from everlake.attachments.fetching.url import parse, resolve_redirect


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://Files.Example", "https://files.example/"),
        ("HTTPS://files.example:443/a?b#c", "https://files.example/a?b"),
        ("http://files.example:8080?x=1", "http://files.example:8080/?x=1"),
        ("http://files.example./%2e%2F/../x", "http://files.example/%2e%2F/../x"),
        (
            "https://b\u00fccher.example/\u00fc?q=\u20ac",
            "https://xn--bcher-kva.example/%C3%BC?q=%E2%82%AC",
        ),
        ("https://B\u00dcCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://a_b.example/x|y{z}\"'<>^`", "https://a_b.example/x%7Cy%7Bz%7D%22'%3C%3E%5E%60"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
        ("https://[2606:2800:0:0::1]:444/x", "https://[2606:2800::1]:444/x"),
        ("https://files.example/a//b;c=1/@x:y", "https://files.example/a//b;c=1/@x:y"),
        ("https://1.example/", "https://1.example/"),
        ("https://1e100.net/", "https://1e100.net/"),
    ],
)
def test_urls_are_normalised(url: str, shown: str) -> None:
    assert parse(url).url == shown


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"http://a.example/{text}", f"http://a.example:{text}"):
        try:
            found = parse(url)
        except FetchError as error:
            refused = error
        else:
            assert found.url.isascii()
            assert parse(found.url) == found
            continue
        assert refused.code == FetchCode.URL_NOT_ALLOWED


@pytest.mark.parametrize(
    ("reference", "shown"),
    [
        ("/x", "http://a.example:8080/x"),
        ("x", "http://a.example:8080/b/x"),
        ("../x?y", "http://a.example:8080/x?y"),
        ("?y", "http://a.example:8080/b/c?y"),
        ("//b.example/x", "http://b.example/x"),
        ("https://b.example", "https://b.example/"),
        (" /x ", "http://a.example:8080/x"),
        ("/\u00fc", "http://a.example:8080/%C3%BC"),
    ],
)
def test_redirects_are_resolved(reference: str, shown: str) -> None:
    assert resolve_redirect(parse("http://a.example:8080/b/c?d"), reference).url == shown


@pytest.mark.parametrize("reference", ["", "  ", "\t"])
def test_an_empty_redirect_is_an_invalid_response(reference: str) -> None:
    with pytest.raises(FetchError) as caught:
        resolve_redirect(parse("http://a.example/"), reference)
    assert caught.value.code == FetchCode.BAD_ANSWER
