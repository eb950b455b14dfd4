import pytest

from everlake.catalog.validation import validate_id, validate_name


@pytest.mark.parametrize("text", ["a", "A.b_c:d-9", "x" * 128, "..", "-"])
def test_an_id_of_the_known_characters_is_good(text: str) -> None:
    assert validate_id(text) == text


@pytest.mark.parametrize("text", ["", "x" * 129, "a b", "a/b", "ä", "a\n", "\x00"])
def test_another_id_is_rejected_with_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match="1 to 128 of the characters"):
        validate_id(text)


def test_a_name_has_1_to_256_characters() -> None:
    for good in ("a", "Ä b", "x" * 256):
        assert validate_name(good) == good
    for bad in ("", " \t", "x" * 257):
        with pytest.raises(ValueError, match="1 to 256"):
            validate_name(bad)
