"""Results of speech recognisers: what they give in several renderings is said once."""

import json
from typing import Any

import pytest

from everlake.analysis.utterances import extract_utterances

HELLO, CARD = "Hello, how can I help?", "My card was charged twice."
BOTH = f"{HELLO} {CARD}"
Json = dict[str, Any]


def said(data: Json) -> list[tuple[str | None, str]]:
    found = extract_utterances("call_transcription", json.dumps(data).encode())
    return [(x.speaker, x.text) for x in found]


def words(text: str, speaker: Any = None, member: str = "speaker", start: float = 0) -> list[Json]:
    """Words as most recognisers give them."""
    return [
        {"word": word.strip(",.?").lower(), "punctuated_word": word, "start": start + n / 5,
         "end": start + n / 5 + 0.1} | ({member: speaker} if speaker is not None else {})
        for n, word in enumerate(text.split())
    ]  # fmt: skip


def tokens(text: str, speaker: str, label: str) -> list[Json]:
    """Words and punctuation marks as items with alternatives (Amazon, Speechmatics)."""
    items: list[Json] = []
    for word in text.split():
        kept = word.rstrip(",.?")
        item: Json = {"type": "pronunciation", "start_time": "0.1", "end_time": "0.2"}
        items.append(item | {"alternatives": [{"content": kept}], label: speaker})
        if kept != word:
            mark = {"type": "punctuation", "alternatives": [{"content": word[len(kept) :]}]}
            items.append(mark | {label: speaker})
    return items


def test_the_whole_text_beside_its_turns_is_not_said_again() -> None:
    turns = [{"speaker": "A", "text": HELLO}, {"speaker": "B", "text": CARD}]
    assert said({"text": BOTH, "utterances": turns}) == [("A", HELLO), ("B", CARD)]
    lists = {"words": words(HELLO, "A") + words(CARD, "B", start=2)}
    assert said({"text": BOTH, "utterances": turns} | lists) == [("A", HELLO), ("B", CARD)]


def test_what_the_text_says_more_than_the_turns_is_kept() -> None:
    turns = [{"speaker": "A", "text": HELLO}, {"speaker": "B", "text": CARD}]
    assert said({"text": f"{BOTH} Thanks for that.", "utterances": turns}) == [
        (None, "Thanks for that."),
        ("A", HELLO),
        ("B", CARD),
    ]


def test_a_summary_is_not_a_rendering_of_the_turns() -> None:
    turns = [{"speaker": "A", "text": HELLO}, {"speaker": "B", "text": CARD}]
    summary = "A customer whose card was charged twice asks for help."
    assert (None, summary) in said({"summary": summary, "utterances": turns})


def test_the_same_word_by_two_and_twice_is_said_each_time() -> None:
    turns = [{"speaker": who, "text": "Yes indeed, of course"} for who in ("A", "B", "A")]
    assert [who for who, _ in said({"utterances": turns})] == ["A", "B", "A"]
    again = [{"from": who, "text": "Yes"} for who in ("A", "B", "A")]
    assert [who for who, _ in said({"messages": again})] == ["A", "B", "A"]


def test_deepgram_channels_paragraphs_utterances_and_words() -> None:
    def paragraph(speaker: int, text: str) -> Json:
        return {"speaker": speaker, "sentences": [{"text": text, "start": 0, "end": 1}]}

    best = {
        "transcript": BOTH,
        "confidence": 0.9,
        "words": words(HELLO, 0) + words(CARD, 1, start=2),
        "paragraphs": {
            "transcript": f"\nSpeaker 0: {HELLO}\n\nSpeaker 1: {CARD}",
            "paragraphs": [paragraph(0, HELLO), paragraph(1, CARD)],
        },
    }
    results: Json = {"channels": [{"alternatives": [best]}]}
    turns = [("Speaker 0", HELLO), ("Speaker 1", CARD)]
    assert said({"results": results}) == turns
    results["utterances"] = [
        {"speaker": speaker, "transcript": text, "words": words(text, speaker)}
        for speaker, text in enumerate((HELLO, CARD))
    ]
    assert said({"results": results}) == turns


def test_amazon_transcribe_joins_words_by_speaker() -> None:
    items = tokens(HELLO, "spk_0", "speaker_label") + tokens(CARD, "spk_1", "speaker_label")
    results: Json = {"transcripts": [{"transcript": BOTH}], "items": items}
    turns = [("spk_0", HELLO), ("spk_1", CARD)]
    assert said({"jobName": "call-7", "results": results}) == turns
    results["audio_segments"] = [
        {"transcript": text, "start_time": "0.0", "speaker_label": speaker, "items": [0]}
        for speaker, text in turns
    ]
    assert said({"jobName": "call-7", "results": results}) == turns


def test_amazon_transcribe_names_speakers_apart_from_the_words() -> None:
    spoken = (("spk_0", "Hi"), ("spk_0", "there"), ("spk_1", "Hello"))
    times = [f"{n}.0" for n in range(3)]
    results = {
        "speaker_labels": {
            "segments": [
                {"speaker_label": who, "items": [{"start_time": at, "speaker_label": who}]}
                for at, (who, _) in zip(times, spoken, strict=True)
            ]
        },
        "items": [
            {"start_time": at, "alternatives": [{"content": text}], "type": "pronunciation"}
            for at, (_, text) in zip(times, spoken, strict=True)
        ],
    }
    assert said({"results": results}) == [("spk_0", "Hi there"), ("spk_1", "Hello")]


def test_speechmatics_puts_the_speaker_in_the_alternative() -> None:
    items = [
        {"type": kind, "start_time": 1.0, "alternatives": [{"content": text, "speaker": who}]}
        for kind, text, who in [("word", "Hello", "S1"), ("punctuation", ",", "S1"),
                                ("word", "you", "S1"), ("word", "Yes", "S2")]
    ]  # fmt: skip
    assert said({"results": items}) == [("S1", "Hello, you"), ("S2", "Yes")]


def test_azure_gives_the_best_phrase_in_one_notation() -> None:
    def best(text: str) -> list[Json]:
        plain = text.lower().strip(".?")
        notations = {"lexical": plain, "itn": plain, "maskedITN": plain, "display": text}
        return [notations | {"confidence": 0.9}, notations | {"display": "Hollow how?"}]

    phrases = [{"speaker": n, "nBest": best(text)} for n, text in enumerate((HELLO, CARD), 1)]
    plain = BOTH.lower().replace(",", "")
    combined = [{"channel": 0, "lexical": plain, "itn": plain, "display": BOTH}]
    assert said({"combinedRecognizedPhrases": combined, "recognizedPhrases": phrases}) == [
        ("Speaker 1", HELLO),
        ("Speaker 2", CARD),
    ]


def test_google_repeats_all_words_with_speakers_in_the_last_result() -> None:
    def spoken(text: str, tag: int) -> list[Json]:
        return [{"startTime": "0.5s", "word": word, "speakerTag": tag} for word in text.split()]

    first = [{"transcript": HELLO, "words": spoken(HELLO, 0)}, {"transcript": "Hollow how"}]
    last = [{"words": spoken(HELLO, 1) + spoken(CARD, 2)}]
    results = [{"alternatives": each} for each in (first, [{"transcript": CARD}], last)]
    assert said({"results": results}) == [("Speaker 1", HELLO), ("Speaker 2", CARD)]


def test_whisperx_segments_and_words() -> None:
    segments = [
        {"start": 0.0, "end": 1.0, "text": f" {text}", "speaker": who, "words": words(text, who)}
        for who, text in (("SPEAKER_00", HELLO), ("SPEAKER_01", CARD))
    ]
    every = words(HELLO, "SPEAKER_00") + words(CARD, "SPEAKER_01")
    assert said({"text": BOTH, "segments": segments, "word_segments": every}) == [
        ("SPEAKER_00", HELLO),
        ("SPEAKER_01", CARD),
    ]


def test_words_of_many_short_turns() -> None:
    texts = "Yes.", HELLO, "No.", CARD, "Why?", "Because the bank said so, again and again."
    segments = [
        {"start": n, "text": text, "speaker": "AB"[n % 2], "words": words(text, "AB"[n % 2])}
        for n, text in enumerate(texts)
    ]
    assert [text for _, text in said({"segments": segments})] == list(texts)


def test_a_transcript_in_a_string_beside_its_turns_is_not_said_again() -> None:
    turns = [{"role": "bot", "message": HELLO, "time": 1714640400000},
             {"role": "user", "message": CARD, "time": 1714640401000}]  # fmt: skip
    data = {"transcript": f"AI: {HELLO}\nUser: {CARD}\n", "messages": turns}
    assert said(data) == [("bot", HELLO), ("user", CARD)]


@pytest.mark.parametrize("second", ["messages", "replies"])
def test_lists_of_one_name_or_of_other_times_are_no_renderings(second: str) -> None:
    def message(day: int) -> Json:
        return {"from": "Mira", "text": "Please call me back soon", "at": f"2024-05-0{day}"}

    data = {"a": {"messages": [message(1)]}, "b": {second: [message(2)]}}
    assert [who for who, _ in said(data)] == ["Mira", "Mira"]


def test_spaces_that_are_words_are_kept_as_they_are() -> None:
    items = [
        {"text": text, "start": 0.1, "type": kind, "speaker_id": "speaker_0"}
        for text, kind in [("Hi", "word"), (" ", "spacing"), ("(laughs)", "audio_event"),
                           ("you", "word")]
    ]  # fmt: skip
    assert said({"text": "Hi you", "words": items}) == [("speaker_0", "Hi you")]


def test_scripts_without_spaces_are_joined_without_spaces() -> None:
    items = [{"word": word, "start": n} for n, word in enumerate(["こん", "にち", "は", "。"])]
    assert said({"words": items}) == [(None, "\u3053\u3093\u306b\u3061\u306f\u3002")]


@pytest.mark.parametrize("name", ["alternatives", "options"])
def test_alternatives_of_other_things_are_all_kept(name: str) -> None:
    data = {name: [{"text": "Use the old page"}, {"text": "Wait for the new one"}]}
    assert said(data) == [(None, "Use the old page"), (None, "Wait for the new one")]


def test_the_first_words_time_is_the_turns() -> None:
    data = {"started_at": "2024-05-02T09:00:00Z", "words": words(HELLO, "A", start=5)}
    (one,) = extract_utterances("call", json.dumps(data).encode())
    assert one.said_at == "2024-05-02T09:00:05Z"


def test_contact_lens_lists_the_roles_of_ids() -> None:
    people = [
        {"ParticipantId": "p-a", "ParticipantRole": "AGENT"},
        {"ParticipantId": "p-c", "ParticipantRole": "CUSTOMER"},
    ]
    turns = [
        {"ParticipantId": "p-a", "Content": HELLO, "BeginOffsetMillis": 0},
        {"ParticipantId": "p-c", "Content": CARD, "BeginOffsetMillis": 2000},
    ]
    data = json.dumps({"Participants": people, "Transcript": turns}).encode()
    found = extract_utterances("call", data)
    assert [(x.speaker, x.role) for x in found] == [("p-a", "internal"), ("p-c", "external")]


def test_turns_of_the_same_times_in_a_list_of_the_same_name_are_said_once() -> None:
    messages = [
        {"role": "bot", "message": HELLO, "time": 1772532001000},
        {"role": "user", "message": CARD, "time": 1772532004000},
    ]
    greeting = {"role": "bot", "message": "Welcome to Acme.", "time": 1772532000000}
    data = {"messages": [greeting, *messages], "artifact": {"messages": messages}}
    assert said(data) == [("bot", "Welcome to Acme."), ("bot", HELLO), ("user", CARD)]
    later = [message | {"time": 1772532099000} for message in messages]
    assert len(said({"messages": messages, "artifact": {"messages": later}})) == 4
