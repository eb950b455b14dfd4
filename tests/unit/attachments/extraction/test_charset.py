"""Text comes out of bytes in whatever encoding they are."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.attachments.extraction import TextError
from everlake.attachments.extraction.readers.charset import decode_text

SAID = {
    "cp1251": "Приложение слишком дорогое, мы подумаем ещё и напишем вам позже, спасибо.",
    "shift_jis": "この製品は高すぎると思います。もう少し考えてから連絡します。",
    "cp1252": "Das Gerät ist für uns zu teuer: 5 €",
    "utf-16": "Too dear",
    "utf-32": "Too dear",
}


@pytest.mark.parametrize("encoding", SAID)
def test_the_encoding_is_found(encoding: str) -> None:
    assert decode_text(SAID[encoding].encode(encoding)) == SAID[encoding]


def test_a_stated_encoding_counts_where_the_bytes_are_no_utf_8() -> None:
    assert decode_text("фц".encode("iso-8859-5"), "iso-8859-5") == "фц"
    assert decode_text("äö".encode(), "iso-8859-5") == "äö"


def test_a_stated_7_bit_encoding_counts_before_utf_8() -> None:
    assert decode_text("日本".encode("iso2022_jp"), "ISO-2022-JP") == "日本"
    assert decode_text("日本".encode("hz"), "HZ-GB-2312") == "日本"
    assert decode_text(b"Gr+APw-n", "utf-7") == "Grün"
    assert decode_text("日本".encode(), "iso-2022-jp") == "日本"


def test_characters_of_windows_in_iso_2022_jp_are_read() -> None:
    said = b"\x1b$B-!-jK\\F|\x1b(B ok \x1b(I6E\x1b(B\n\x1b$B0!\x1b(B"
    assert decode_text(said, "iso-2022-jp") == "①㈱本日 ok ｶﾅ\n亜"
    kanji = "表示能力ァヶ漾熙弌"
    escaped = b"\x1b$B-!\x1b(B" + kanji.encode("iso2022_jp")
    assert decode_text(escaped, "iso-2022-jp") == f"①{kanji}"


def test_an_escape_sequence_tells_a_7_bit_encoding() -> None:
    assert decode_text("日本".encode("iso2022_jp"), "us-ascii") == "日本"
    assert decode_text("한국".encode("iso2022_kr")) == "한국"
    assert decode_text(b"Gr+APw-n ~{HU1>~}") == "Gr+APw-n ~{HU1>~}"


def test_a_name_of_an_encoding_stands_for_its_superset() -> None:
    assert decode_text("①".encode("cp932"), "Shift_JIS") == "①"
    assert decode_text("朱镕基".encode("gb18030"), "GB2312") == "朱镕基"
    assert decode_text("똠".encode("cp949"), "ks_c_5601-1987") == "똠"


@pytest.mark.parametrize("stated", ["no-such-thing", "base64", "zip", "idna", "a\0b", ""])
def test_a_stated_encoding_that_is_none_is_passed_over(stated: str) -> None:
    assert decode_text(b"caf\xe9", stated) == "café"


def test_a_character_cut_off_at_the_end_is_left_out() -> None:
    assert decode_text("éa é".encode()[:-1], truncated=True) == "éa "


def test_binary_is_no_text() -> None:
    with pytest.raises(TextError, match="stated to be text"):
        decode_text(b"abc\0\x01\x02def")


@given(st.binary(max_size=200), st.none() | st.sampled_from(["utf-8", "latin-1", "utf-7"]))
def test_any_bytes_end_in_text_or_an_error_of_ours(data: bytes, stated: str | None) -> None:
    with suppress(TextError):
        assert isinstance(decode_text(data, stated), str)
