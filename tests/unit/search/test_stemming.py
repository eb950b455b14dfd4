"""Stems of words."""

from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from everlake.search.stemming import fold, stem

words = st.from_regex(r"[^\W_]{1,50}", fullmatch=True)
english = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzé"), min_size=1, max_size=20)


@given(words | english)
def test_a_stem_begins_with_the_first_letter_of_its_word(word: str) -> None:
    initial = fold(word[0])
    assert initial == "" or stem(word)[:1] == initial[:1]


@given(english)
def test_case_makes_no_difference(word: str) -> None:
    assert stem(word.upper()) == stem(word)


def test_a_word_that_the_index_does_not_have_is_its_own_stem() -> None:
    assert stem("a" * 38 + "s") == "a" * 38
    assert stem("a" * 40 + "s") == "a" * 40 + "s"


def test_threads_do_not_disturb_each_other() -> None:
    forms = [f"{letters}{n}ing" for n in range(50) for letters in ("ab", "cd", "running")]
    expected = [stem(form) for form in forms]
    stem.cache_clear()
    with ThreadPoolExecutor(8) as threads:
        for found in threads.map(lambda _: [stem(form) for form in forms], range(16)):
            assert found == expected
