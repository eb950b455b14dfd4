"""Transcript in one string: lines of the form ``Speaker: text``, with or without times."""

import re
from collections import Counter
from datetime import UTC
from typing import TypeAlias

from everlake.analysis.member_names import normalize_name, word_list
from everlake.analysis.prose import normalize_text
from everlake.analysis.roles import role_of
from everlake.analysis.shapes.chat_lines import is_stamp
from everlake.analysis.shapes.chat_notices import footer_start, is_arrival, is_footer
from everlake.analysis.shapes.chat_stamps import DATE_LINE
from everlake.analysis.speaker_names import is_agenda_item, is_caption_heading, looks_like_name
from everlake.analysis.speech import is_speech
from everlake.analysis.timestamps import format_rfc3339, parse_offset_ms, parse_timestamp_ms
from everlake.analysis.types import UNATTRIBUTED, Attribution, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_TIMESTAMP = r"(?:[\[(]([^\])\n]{1,40})[\])]|(\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d{1,3})?)(?=\s))"
_NAME = r"([^\W\d_][^:\uff1a\n\[\](){}<>\"|=]{0,59}?(?:\s?\([^()\n:]{1,40}\))?)"
_LINE = re.compile(
    rf"[ \t]*(?:{_TIMESTAMP}\s{{0,3}}[-\u2013\u2014]?\s{{0,3}})?\*{{0,2}}\[?{_NAME}\]?"
    rf"(?:\s{{0,3}}{_TIMESTAMP})?\s?(?:(?::\*{{0,2}}|\*\*:)(?:[ \t]+|$)|\uff1a[ \t]*)"
)
_NUMBERED_LINE = re.compile(r"[ \t]*\[((?:speaker|spk)[ :_#-]?\d{1,3})\]:?[ \t]+", re.IGNORECASE)
"""A recogniser's number in brackets, without a colon after them."""
_NAME_LINE = re.compile(
    r"[ \t]*([^\W\d_][^:\n\[\](){}<>\"|=]{0,59}?)(?<![ \t])[ \t]++"
    r"\(?(\d{1,2}:\d{2}(?::\d{2})?)\)?[ \t]*"
)
_TRANSCRIPT_NAMES = frozenset(
    word_list(
        "transcript transcription transcripttext fulltranscript calltranscript meetingtranscript "
        "transcripts dialogue dialog rawtranscript chatlog chattranscript script"
    )
)
_HEADINGS = frozenset(
    word_list(
        "transcript transkript transkription transcription transcripción transcripcion "
        "trascrizione transcrição transcriptie transkrypcja avskrift udskrift расшифровка "
        "文字起こし 转录 会议记录 녹취록"
    )
)
_FRAME_LABELS = frozenset(
    word_list(
        "chatstarted chatstartedon chatstartedat chatorigin chatended chatendedat chatid chaturl "
        "chattranscript chatduration conversationid conversationstarted conversationended "
        "sessionid sessionstarted sessionended visitorname visitoremail visitoripaddress "
        "servedby startedat startedon endedat endedon starttime endtime chatstart chatende "
        "chatbeendet chatgestartet iniciodelchat findelchat débutduchat findechat recordingstarted"
    )
)
"""Labels in the head of a chat's transcript, which name no speaker."""
_FAQ_LABELS = frozenset(
    word_list("q a question answer questions answers frage antwort f pregunta respuesta p r "
              "réponse domanda risposta d pergunta resposta vraag antwoord")
)  # fmt: skip
_CONTACT_LABELS = frozenset(
    word_list("name email emailaddress phone phonenumber company department website subject topic "
              "browser ipaddress location country city nachname vorname telefon firma betreff "
              "nom courriel téléphone objet nombre correo teléfono asunto empresa nome telefono "
              "assunto telefone naam telefoon onderwerp")
)  # fmt: skip
"""Labels of a form about the visitor, which programs write above a chat."""
_MAX_HEADING_LENGTH = 60
_TRANSCRIPT_TYPES = frozenset({"call", "call_transcription"})
_HALF = re.compile(r"[ap]\.?m\.?\s", re.IGNORECASE)
_IN_PARENTHESES = re.compile(r"\s?\([^()\n]{1,40}\)\Z")
_COMPANY = re.compile(r"\s(?:from|at|von|bei|chez|de)\s[^\n]{1,40}\Z")
_YEAR = re.compile(r"\((?:1[5-9]|20)\d\d[a-z]?\)\Z")

_STAMP_LINE = re.compile(r"[ \t]*[\[(]?(\d{1,2}:\d{2}(?::\d{2})?)[\])]?[ \t]*")
"""A time on a line of its own, as Google Meet writes every few minutes."""

Turn: TypeAlias = tuple[str, str, str]
"""Speaker, timestamp (may be empty), and the first line of the text."""


def read(
    builder: UtteranceBuilder,
    name: str,
    text: str,
    attribution: Attribution,
    scope: Scope,
) -> bool:
    """Add the turns of ``text``, if it is a transcript; return whether it is.

    A line without a speaker continues the turn before it. A text that somebody wrote is a
    transcript only if it names known speakers, or begins with a turn.
    """
    if ":" not in text and "\uff1a" not in text and "[" not in text:
        return False
    lines = text.splitlines()
    turns = [_parse_turn(line) for line in lines]
    heading = _heading_index(lines)
    if heading and _is_dialogue(builder, "transcript", lines[heading:], turns[heading:]):
        turns[:heading] = [None] * heading  # Minutes above the transcript.
    else:
        start = _drop_form(turns)
        if attribution.speaker and not _begins_with_turn(builder, lines, turns):
            return False
        if not _is_dialogue(builder, name, lines[start:], turns[start:]):
            return False
    _add_turns(builder, name, lines, turns, scope)
    return True


def _drop_form(turns: list[Turn | None]) -> int:
    """Make the lines of a form above the first turn no turns; return the index of that turn."""
    for index, turn in enumerate(turns):
        if turn is not None and (turn[1] or normalize_name(turn[0]) not in _CONTACT_LABELS):
            return index if None in turns[:index] else 0
        turns[index] = None
    return 0


def _begins_with_turn(
    builder: UtteranceBuilder, lines: list[str], turns: list[Turn | None]
) -> bool:
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    if lines and (turn := turns[first]) is not None and turn[2].strip():
        return True
    labels = {turn[0] for turn in turns if turn and turn[2].strip()}
    return all(builder.participants.is_known(label) or role_of(label) for label in labels)


def _heading_index(lines: list[str]) -> int:
    """Return the index of the line below the heading ``Transcript``; 0 when there is none."""
    for index, line in enumerate(lines):
        if len(line) < _MAX_HEADING_LENGTH:
            bare = line.strip("#*=-_: \t\ufeff")
            if bare and normalize_name(bare) in _HEADINGS:
                return index + 1
    return 0


def read_known_speakers(builder: UtteranceBuilder, text: str, scope: Scope) -> bool:
    """Add the turns of ``text``, if all speakers in it are known; return whether they are.

    This is the rule for texts of unknown kind: every speaker is a participant or a role such as
    ``Agent``, there are at least two, and at least every fourth line begins a turn. It does not
    hold for table rows and forms.
    """
    if ":" not in text and "\uff1a" not in text and "[" not in text:
        return False
    lines = text.splitlines()
    turns = [_parse_turn(line) for line in lines]
    labels = {turn[0] for turn in turns if turn}
    turn_count = sum(1 for turn in turns if turn)
    if len(labels) < 2 or turn_count * 4 < sum(1 for line in lines if line.strip()):
        return False
    if not all(builder.participants.is_known(label) or role_of(label) for label in labels):
        return False
    if turn_count == len(labels) and not any(map(builder.participants.is_known, labels)):
        return False  # A form with one line per role.
    _add_turns(builder, "", lines, turns, scope)
    return True


def _add_turns(
    builder: UtteranceBuilder, name: str, lines: list[str], turns: list[Turn | None], scope: Scope
) -> None:
    builder.source = builder.new_source(f"{name} text")
    attribution: Attribution = UNATTRIBUTED
    pending: list[str] = []
    for line, turn in zip(lines, turns, strict=True):
        if turn is not None and normalize_name(turn[0]) in _FRAME_LABELS:
            _add_turn(builder, pending, attribution)
            attribution, pending = UNATTRIBUTED, [line]
            continue
        if turn is None:
            if is_arrival(line):
                _add_turn(builder, pending, attribution)
                builder.add(line)
                attribution, pending = UNATTRIBUTED, []
                continue
            if not _is_time(line):
                pending.append(line)
            continue
        _add_turn(builder, pending, attribution)
        label, timestamp, text = turn
        speaker, role = builder.resolve_speaker((label,), ())
        attribution = Attribution(speaker, role, _turn_time(timestamp, scope))
        pending = [text]
    _add_turn(builder, pending, attribution)


def _add_turn(builder: UtteranceBuilder, lines: list[str], attribution: Attribution) -> None:
    if attribution.speaker and (end := footer_start(lines)) < len(lines):
        _add_turn(builder, lines[:end], attribution)
        lines, attribution = lines[end:], UNATTRIBUTED
    text = "\n".join(lines)
    if attribution.speaker and not text.strip():
        builder.add(attribution.speaker)  # The line only looked like the start of a turn.
    else:
        builder.add(text, attribution)


def _parse_turn(line: str) -> Turn | None:
    """Return the turn that a line begins, or None."""
    found = _LINE.match(line)
    if found:
        timestamp = next((text for text in found.group(1, 2, 4, 5) if text), "")
        text = line[found.end() :]
        if not timestamp and (below := _STAMP_LINE.fullmatch(text)):
            timestamp, text = below[1], ""
        label = normalize_text(found[3].strip("* "))
        if timestamp and (half := _HALF.match(label)):
            timestamp, label = f"{timestamp} {half[0].strip()}", label[half.end() :]
        return label, timestamp, text
    found = _NUMBERED_LINE.match(line)
    if found:
        return found[1].replace(":", " "), "", line[found.end() :]
    found = _NAME_LINE.fullmatch(line) if not is_footer(line) else None
    return (normalize_text(found[1]), found[2], "") if found else None


def _is_dialogue(
    builder: UtteranceBuilder, name: str, lines: list[str], turns: list[Turn | None]
) -> bool:
    labels = Counter(turn[0] for turn in turns if turn)
    turn_count = labels.total()
    with_text = sum(1 for turn in turns if turn is None or turn[2].strip())
    if turn_count < 2 or with_text * 2 < turn_count:
        return False
    for label in [label for label in labels if normalize_name(label) in _FRAME_LABELS]:
        del labels[label]
    known = sum(1 for label in labels if builder.participants.is_known(label) or role_of(label))
    if known * 2 >= len(labels):
        return True
    if normalize_name(name) in _TRANSCRIPT_NAMES:
        return True
    if any(is_caption_heading(label) or _YEAR.search(label) for label in labels):
        return False
    if any(turn[1] for turn in turns if turn) and any(map(is_agenda_item, labels)):
        return False  # A timetable.
    if len(labels) > 1 and _FAQ_LABELS.issuperset(map(normalize_name, labels)):
        return False
    line_count = sum(1 for line in lines if line.strip() and not _is_time(line))
    if builder.record_type in _TRANSCRIPT_TYPES:
        return turn_count * 4 >= line_count
    return (
        turn_count * 2 >= line_count
        and len(labels) < turn_count
        and all(map(_may_be_speaker, labels))
        and is_speech(turn[2] if turn else line for turn, line in zip(turns, lines, strict=True))
    )


def _may_be_speaker(label: str) -> bool:
    """Return whether a label is one word, or several written like a name."""
    label = _COMPANY.sub("", _IN_PARENTHESES.sub("", label))
    return " " not in label or looks_like_name(label)


def _is_time(line: str) -> bool:
    """Return whether a line is a time or a date and nothing else."""
    if len(line) > 60 or not any(map(str.isdigit, line)):
        return False
    return bool(_STAMP_LINE.fullmatch(line) or is_stamp(line) or DATE_LINE.fullmatch(line))


def _turn_time(timestamp: str, scope: Scope) -> str | None:
    if not timestamp:
        return None
    ms = parse_timestamp_ms(timestamp, scope.zone or UTC)
    if ms is None and scope.recording_start is not None:
        offset = parse_offset_ms(timestamp)
        ms = None if offset is None else scope.recording_start + offset
    return None if ms is None else format_rfc3339(ms)
