import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from everlake.model.utterances import TextQuery
from everlake.search.passages import MAX_PASSAGE_LENGTH, best_passage


def marked(text: str, words: str = "", *phrases: str) -> list[str]:
    passage = best_passage(text, TextQuery(words=words, phrases=phrases))
    return [passage.text[start:end] for start, end in passage.highlights]


@pytest.mark.parametrize(
    ("term", "word"),
    [
        ("crash", "crashed"),
        ("crashing", "crashes"),
        ("run", "running"),
        ("study", "studies"),
        ("cafe", "Café"),
        ("EXPORTS", "export"),
        ("login", "login"),
        ("migrate", "migrating"),
        ("connection", "connected"),
        ("try", "tries"),
        ("try", "tried"),
        ("use", "using"),
        ("usual", "usually"),
        ("cafés", "cafe"),
    ],
)
def test_words_that_differ_in_their_ending_are_marked(term: str, word: str) -> None:
    assert marked(f"so {word}, then", term) == [word]


@pytest.mark.parametrize(
    ("term", "word"),
    [
        ("car", "care"),
        ("is", "isnt"),
        ("port", "export"),
        ("own", "owner"),
        ("new", "newer"),
        ("files", "fills"),
        ("stat", "stated"),
        ("cliche", "clichéd"),
    ],
)
def test_other_words_are_not_marked(term: str, word: str) -> None:
    assert marked(f"so {word}, then", term) == []


def test_words_of_phrases_are_marked() -> None:
    assert marked("press the export button now", "", "export button") == ["export", "button"]


def test_a_short_text_is_its_own_passage() -> None:
    assert best_passage("short\ntext", TextQuery(words="none")).text == "short\ntext"


def test_the_passage_is_where_most_of_the_words_are() -> None:
    text = "alpha " + "filler " * 200 + "alpha beta gamma " + "filler " * 200 + "beta"
    passage = best_passage(text, TextQuery(words="alpha beta gamma"))
    assert "alpha beta gamma" in passage.text
    assert len(passage.text) <= MAX_PASSAGE_LENGTH
    assert [passage.text[a:b] for a, b in passage.highlights] == ["alpha", "beta", "gamma"]


def test_a_passage_is_cut_between_words() -> None:
    text = " ".join(f"word{n}" for n in range(500))
    passage = best_passage(text, TextQuery(words="word250")).text
    assert set(passage.split()) <= set(text.split())


@given(
    text=st.text(st.sampled_from("ab é東京\n.ไ😀"), max_size=700),
    words=st.text(st.sampled_from("ab é東京"), max_size=12),
)
def test_marks_lie_inside_the_passage_in_order(text: str, words: str) -> None:
    passage = best_passage(text, TextQuery(words=words))
    assert len(passage.text) <= MAX_PASSAGE_LENGTH
    assert passage.text in text
    assert all(0 <= start < end <= len(passage.text) for start, end in passage.highlights)
    assert passage.highlights == sorted(passage.highlights)


_SCATTERED = "".join(chr(0x4E00 + n * 7919 % 20_000) for n in range(100_000))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(_SCATTERED, " ".join(_SCATTERED[:1_000]), id="terms of one character"),
        pytest.param("東京" * 50_000, "東京 " * 300, id="one term"),
        pytest.param("東 " * 50_000, " ".join(_SCATTERED[:500]), id="many words"),
        pytest.param("ก" * 100_000, "ก", id="a character of Thai"),
        pytest.param("a b " * 25_000, "a b", id="matches everywhere"),
        pytest.param("word" * 25_000, "word " * 200, id="one long word"),
        pytest.param(
            " ".join(f"w{n}" for n in range(20_000)),
            " ".join(f"w{n}" for n in range(200)),
            id="stems",
        ),
    ],
)
def test_a_passage_takes_bounded_work(text: str, words: str) -> None:
    """The bound is far from what it takes on a busy machine."""
    before = time.process_time()
    best_passage(text, TextQuery(words=words))
    assert time.process_time() - before < 2
