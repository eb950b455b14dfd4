"""The labelled inputs, and the scorer that compares utterances with them."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from bench.quality.utterances.__main__ import ScoredInput, summary, table
from bench.quality.utterances.labels import (
    ANY,
    HALVES,
    Choice,
    ExpectedUtterance,
    LabelledInput,
    load_inputs,
)
from bench.quality.utterances.scoring import Scores, Share, score
from everlake.model.utterances import Utterance

FILES = load_inputs()
INPUTS = [given for file in FILES for given in file.inputs]

LABELS = LabelledInput(
    name="a-reply",
    utterances=[
        ExpectedUtterance(
            text="The gate is open.\nPlease close it tonight.",
            speaker="Ada",
            role="external",
            said_at="2026-02-10T08:15:00Z",
        ),
        ExpectedUtterance(text=["We will do so.", "We shall do so."], speaker=["Bo", None]),
    ],
    absent=["priority_high"],
    nobody=["Who left the gate open?"],
    only=True,
)


def right_choice(choice: Choice | UnsetType) -> str | None:
    first = choice[0] if isinstance(choice, list) else choice
    return None if first is UNSET or first == ANY else first


def perfect(given: LabelledInput) -> list[Utterance]:
    return [
        Utterance(
            text=expected.texts[0],
            speaker=right_choice(expected.speaker),
            role=right_choice(expected.role),
            said_at=right_choice(expected.said_at),
        )
        for expected in given.utterances
    ]


def changed(utterances: Sequence[Utterance], **members: str | None) -> list[Utterance]:
    first, *others = utterances
    return [msgspec.structs.replace(first, **members), *others]


def faulty_parts(scores: Scores) -> set[str]:
    names = ("speaker", "time", "own_words", "kept_out")
    return {name for name in names if not getattr(scores, name).complete}


def test_there_are_enough_inputs_of_each_kind_and_half() -> None:
    assert len(INPUTS) >= 180
    by_kind = Counter(file.kind for file in FILES for _ in file.inputs)
    assert len(by_kind) == 10
    assert min(by_kind.values()) >= 14
    for half in HALVES:
        of_half = [file for file in FILES if file.half == half]
        assert {file.kind for file in of_half} == set(by_kind)
        for file in of_half:
            assert abs(2 * len(file.inputs) - by_kind[file.kind]) <= 2, file.kind


def test_a_third_of_each_file_are_look_alikes() -> None:
    for file in FILES:
        alike = sum(given.look_alike for given in file.inputs)
        assert 3 * alike >= len(file.inputs), (file.kind, file.half)


def test_names_are_unique_and_tell_look_alikes() -> None:
    assert len({given.name for given in INPUTS}) == len(INPUTS)
    for given in INPUTS:
        assert given.name.startswith("like-") == given.look_alike, given.name


def test_each_input_has_something_to_score_and_to_read() -> None:
    for given in INPUTS:
        assert given.data or given.file, given.name
        assert given.utterances or given.absent or given.nobody or given.only, given.name


def test_no_input_expects_one_text_twice_of_one_speaker() -> None:
    for given in INPUTS:
        # Neither could be told missing from the other.
        said = Counter((str(one.speaker), one.texts[0]) for one in given.utterances)
        assert set(said.values()) <= {1}, given.name


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: given.name)
def test_what_is_labelled_right_has_full_scores(given: LabelledInput) -> None:
    assert faulty_parts(score(given, perfect(given))) == set()


@pytest.mark.parametrize("given", INPUTS, ids=lambda given: given.name)
def test_no_utterances_have_no_words(given: LabelledInput) -> None:
    scores = score(given, [])
    assert scores.own_words.right == scores.speaker.right == scores.time.right == 0
    assert scores.own_words.total > 0


def test_the_second_wording_and_the_second_speaker_are_right_too() -> None:
    ada, bo = perfect(LABELS)
    other = msgspec.structs.replace(bo, text="We shall do so.", speaker=None)
    assert score(LABELS, [ada, other]).complete == Share(1, 1)


def test_paragraphs_may_be_utterances_of_their_own() -> None:
    ada, bo = perfect(LABELS)
    parts = [msgspec.structs.replace(ada, text=text) for text in ada.text.split("\n")]
    assert score(LABELS, [*parts, bo]).complete == Share(1, 1)


def test_white_space_and_fractions_of_a_second_do_not_count() -> None:
    found = changed(
        perfect(LABELS),
        text=" The gate\u00a0is  open. \n\nPlease close it\u200b tonight.",
        said_at="2026-02-10T08:15:00.500Z",
    )
    assert score(LABELS, found).complete == Share(1, 1)


@pytest.mark.parametrize(
    ("members", "faults"),
    [
        ({"speaker": None}, {"speaker", "own_words"}),
        ({"speaker": "Bo"}, {"speaker", "own_words"}),
        ({"role": "internal"}, {"speaker"}),
        ({"said_at": None}, {"time"}),
        ({"said_at": "2026-02-10T09:15:00Z"}, {"time"}),
        ({"text": "The gate is open.\nPlease close it"}, {"own_words"}),
        ({"text": "The gate is open. Please close it tonight."}, {"own_words"}),
        ({"text": "The gate\nis open.\nPlease close\nit tonight."}, {"own_words"}),
        ({"text": "The gate is open.\nPlease close it tonight.\nNow!"}, {"kept_out"}),
    ],
)
def test_each_fault_costs_its_own_score(members: dict[str, str | None], faults: set[str]) -> None:
    scores = score(LABELS, changed(perfect(LABELS), **members))
    assert faulty_parts(scores) == faults
    assert scores.complete == Share(0, 1)


def test_a_lost_utterance_costs_its_units() -> None:
    scores = score(LABELS, perfect(LABELS)[1:])
    assert scores.speaker == Share(1, 2)
    assert scores.time == Share(0, 1)
    assert scores.own_words == Share(4, 12)


def test_a_missing_word_costs_that_word_alone() -> None:
    found = changed(perfect(LABELS), text="The gate is open.\nPlease close it")
    assert score(LABELS, found).own_words == Share(11, 12)


def test_words_that_stand_alone_are_not_found() -> None:
    found = changed(perfect(LABELS), text="open. The tonight. gate it is close Please")
    assert score(LABELS, found).own_words == Share(4, 12)


@pytest.mark.parametrize(
    ("extra", "held"),
    [
        (Utterance(text="Who left the\ngate open?"), 3),
        (Utterance(text="Who left the\ngate open?", speaker="Ada"), 2),
        (Utterance(text="set priority_high"), 1),
        (Utterance(text="We will do so.", speaker="Bo"), 2),
        (Utterance(text="Something else."), 2),
    ],
)
def test_foreign_words_cost_the_items_that_they_break(extra: Utterance, held: int) -> None:
    assert score(LABELS, [*perfect(LABELS), extra]).kept_out == Share(held, 3)


def test_optional_words_are_no_foreign_words() -> None:
    given = msgspec.structs.replace(LABELS, optional=["Gate"])
    assert score(given, [*perfect(given), Utterance(text="Gate")]).kept_out == Share(3, 3)


def test_free_line_breaks_do_not_count() -> None:
    given = msgspec.structs.replace(LABELS, line_breaks="free")
    found = changed(perfect(given), text="The gate\nis open. Please close it tonight.")
    assert score(given, found).complete == Share(1, 1)


def test_a_character_of_japanese_is_a_word() -> None:
    given = LabelledInput(
        name="ja", utterances=[ExpectedUtterance(text="鍵が開きません。", speaker=None)]
    )
    assert score(given, [Utterance(text="鍵が開き")]).own_words == Share(4, 8)


def test_the_table_and_the_json_add_up() -> None:
    scored = [
        ScoredInput(kind="k", half="tune", given=LABELS, found=found, scores=score(LABELS, found))
        for found in (perfect(LABELS), [])
    ]
    head, row, *_ = table(scored)
    assert head.split()[:3] == ["kind", "half", "inputs"]
    assert row.split() == ["k", "tune", "2", "1", "50.0", "50.0", "50.0", "100.0"]
    groups = summary(scored)["groups"]
    assert isinstance(groups, list)
    assert groups[0]["own_words"] == {"right": 12, "total": 24, "share": 0.5}
