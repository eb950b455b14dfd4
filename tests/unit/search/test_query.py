import pytest

from everlake.model.utterances import TextQuery
from everlake.search.query import parse_query


@pytest.mark.parametrize(
    ("text", "words", "phrases"),
    [
        ("plain words", "plain words", ()),
        ('before "in quotes" after', "before after", ("in quotes",)),
        ('"one two" "three" "one two"', "", ("one two", "three")),
        ('lone " quote', "lone quote", ()),
        ("“curly quotes”", "", ("curly quotes",)),
        ('"" word', "word", ()),
        ("snake_case well-known", "snake case well known", ()),
    ],
)
def test_a_query_is_words_and_phrases(text: str, words: str, phrases: tuple[str, ...]) -> None:
    assert parse_query(text) == TextQuery(words=words, phrases=phrases)


def test_a_query_of_a_thousand_characters_is_the_longest() -> None:
    parse_query("a" * 1_000)
    with pytest.raises(ValueError, match="at most"):
        parse_query("a" * 1_001)
