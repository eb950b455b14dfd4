"""Chat exported or copied as text: WhatsApp, Zoom, Telegram, Teams, Slack, Discord, IRC, …"""

import re
from collections import Counter
from collections.abc import Collection, Sequence

from everlake.analysis.member_names import word_list
from everlake.analysis.shapes.chat_lines import (
    ChatLine,
    LineForm,
    clean_line,
    is_stamp,
    parse_line,
)
from everlake.analysis.shapes.chat_notices import (
    footer_start,
    is_forwarded,
    is_notice,
    media_length,
    quote_length,
    without_edit_mark,
)
from everlake.analysis.shapes.chat_stamps import DATE_LINE, has_date, has_day, has_half, stamp_times
from everlake.analysis.speaker_names import (
    is_agenda_item,
    is_caption_heading,
    is_certain,
    looks_like_name,
)
from everlake.analysis.speech import is_speech
from everlake.analysis.timestamps import format_rfc3339, parse_offset_ms
from everlake.analysis.types import UNATTRIBUTED, Attribution, Scope
from everlake.analysis.utterance_builder import UtteranceBuilder

_LOG_WORDS = frozenset(
    word_list("error err warn warning info debug trace fatal notice critical crit emerg alert "
              "panic severe fine config verbose log stdout stderr kernel systemd cron sshd get "
              "post put head http https exception build deploy deployment test tests server backup "
              "job task worker database db app nginx monitor service api step stage")
)  # fmt: skip
_ACCOUNT_WORDS = frozenset(
    word_list("bot user customer client agent admin team account person visitor guest kunde kundin")
)
"""Last words of the names of accounts that begin like a line of a log, such as ``Deploy Bot``."""
_COMPANY = re.compile(r"\s(?:from|at|von|bei|chez)\s[^\W\da-z_][^\n]{0,40}\Z")
"""Company behind the name of somebody who answers for it."""
_PHONE = re.compile(r"[~+]?[\d\s()\u2011-]{6,24}|~\s?\S.{0,58}")
_ADDRESS = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,200}")
_TAGS = frozenset(
    word_list("a b i u p br hr li ul ol td tr th em div pre code span table strong html head body "
              "img input form item key string dict array plist xml")
)  # fmt: skip
_APP = re.compile(r"\s{0,4}(?:APP|BOT|App|Bot|WORKFLOW)\s{1,4}")
_NOTICE_MARK = re.compile(r"\*{3}\s")
_FRAME = re.compile(r"={20,200}|\{(?:Reactions|Attachments|Embed|Stickers|Inline Emoji)\}")
"""Lines of DiscordChatExporter that end what somebody says."""
_FRACTION = re.compile(r":\d{2}[.,]\d{1,6}\Z")
_LEVEL = re.compile(r"(?:\A|\W)(?:ERROR|INFO|WARN(?:ING)?|DEBUG|TRACE|FATAL|CRITICAL|NOTICE)\Z")
_HANDLE = re.compile(r"[\w.#-]{2,40}")
_DASH = re.compile(r"\s{0,4}[\u2014\u2013]\s{1,4}(?=\S)")
_FIRST_WORD = re.compile(r"[^\W\d_]{1,20}")
_MAX_LINES_BEFORE = 6
_MIN_DENSITY = 12
"""Most lines for each message, on average."""
_LOOSE_FORMS = frozenset({LineForm.COLON, LineForm.BELOW, LineForm.TRAILING})
"""Forms that lists of other things have as well."""
_TEXT_BELOW = frozenset({LineForm.BELOW, LineForm.TRAILING})


def read(
    builder: UtteranceBuilder,
    name: str,
    text: str,
    attribution: Attribution,
    scope: Scope,
) -> bool:
    """Add the messages of ``text``, if it is a chat export; return whether it is.

    All messages of an export begin with lines of one form. Other lines continue a message;
    notices are nobody's.
    """
    lines = _join_names_and_stamps([clean_line(line) for line in text.splitlines()])
    parsed = [parse_line(line) for line in lines]
    forms = Counter(line.form for line in parsed if line and line.form)
    if not forms:
        return False
    form = max(forms, key=lambda form: (forms[form], -form))
    messages = [line for line in parsed if line and line.form is form]
    names = {message.speaker for message in messages}
    speakers = frozenset(name for name in names if _is_speaker(builder, name))
    messages = [message for message in messages if message.speaker in speakers]
    if not _is_export(builder, form, messages, lines, parsed):
        return False
    if attribution.speaker and len(speakers) == len(messages):
        return False  # Somebody's own list, such as that of the stops of a journey.
    builder.source = builder.new_source(f"{name} text")
    _add_messages(builder, form, speakers, lines, parsed, scope)
    return True


def _join_names_and_stamps(lines: list[str]) -> list[str]:
    """Join a name with the time on the line below it, as Slack and Teams copy them."""
    joined: list[str] = []
    # Slack writes only the clock above further messages of the same person.
    needs_half = any(is_stamp(line) and has_half(line) for line in lines)
    for whole in lines:
        # Slack writes "APP" between the name of a bot and the time.
        bare = _APP.sub("", _DASH.sub("", whole, count=1), count=1)
        line = bare if is_stamp(bare) else whole
        is_name_above = bool(joined) and (
            looks_like_name(joined[-1].strip())
            # Discord writes a dash before the time.
            or (bare != whole and _HANDLE.fullmatch(joined[-1].strip()) is not None)
        )
        if (
            is_stamp(line)
            and is_name_above
            and (has_half(line) or has_day(line) or not needs_half)
            and not is_stamp(joined[-1])
        ):
            joined[-1] = f"{joined[-1].strip()}  {line.strip()}"
        else:
            joined.append(line)
    return joined


def _is_speaker(builder: UtteranceBuilder, name: str) -> bool:
    if is_certain(builder.participants, name):
        return True
    first = _FIRST_WORD.search(name)
    if _LEVEL.search(name) or is_caption_heading(name):
        return False
    is_account = name.lower().rpartition(" ")[2] in _ACCOUNT_WORDS
    if first and first[0].lower() in _LOG_WORDS and not is_account:
        return False
    if is_agenda_item(name) or (first and is_agenda_item(first[0])):
        return False
    if _is_name(name):
        return True
    is_word = len(name.split()) == 1 and any(map(str.isalnum, name)) and '"' not in name
    return is_word and name.lower() not in _TAGS


def _is_name(name: str) -> bool:
    name = _COMPANY.sub("", name)
    if "@" in name and _ADDRESS.fullmatch(name):
        return True
    return looks_like_name(name) or _PHONE.fullmatch(name) is not None


def _is_export(
    builder: UtteranceBuilder,
    form: LineForm,
    messages: Sequence[ChatLine],
    lines: list[str],
    parsed: list[ChatLine | None],
) -> bool:
    if len(messages) == 1 == sum(1 for line in parsed if line and line.form is form):
        return _is_lone_message(builder, form, messages[0], lines, parsed)
    if len(messages) < 2:
        return False
    filled = [number for number, line in enumerate(lines) if line.strip()]
    before = next((n for n, number in enumerate(filled) if parsed[number] is not None), 0)
    if before > _MAX_LINES_BEFORE or len(messages) * _MIN_DENSITY < len(filled):
        return False
    if form in _TEXT_BELOW and not _have_text_below(lines, parsed, form):
        return False
    names = {message.speaker for message in messages}
    if all(is_certain(builder.participants, name) for name in names):
        return True
    if form is LineForm.ANGLE and not any(message.stamp for message in messages):
        is_markup = any("</" in line for line in lines)
        return not is_markup and 1 < len(names) < len(messages) and 2 * len(messages) >= len(filled)
    has_notices = form is LineForm.COLON and any(
        line and line.form is not form and _NOTICE_MARK.match(line.speaker or line.text)
        for line in parsed
    )
    first = filled[before] if filled else 0
    texts = [
        line
        for line, parts in zip(lines[first:], parsed[first:], strict=True)
        if not parts and line.strip()
    ]
    texts += [message.text for message in messages]
    return _are_messages(form, messages, names, texts, has_notices=has_notices)


def _is_lone_message(
    builder: UtteranceBuilder,
    form: LineForm,
    message: ChatLine,
    lines: list[str],
    parsed: list[ChatLine | None],
) -> bool:
    """Return whether a text is one message of an export: date, time and a full name above all."""
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if parsed[first] is not message or not has_date(message.stamp):
        return False
    if form not in (LineForm.COLON, LineForm.TRAILING):
        return False
    said = [message.text, *(line for line in lines[first + 1 :] if line.strip())]
    is_full = " " in message.speaker and _is_name(message.speaker)
    is_framed = "[" in lines[first] or lines[first].partition(message.speaker)[0].endswith("- ")
    if any(map(_is_title_word, message.speaker.split())):
        return False
    return (
        is_framed
        and (is_full or is_certain(builder.participants, message.speaker))
        and (is_speech(said))
    )


def _is_title_word(word: str) -> bool:
    """Return whether a word is of a heading, such as ``Grand Opening`` or ``Meeting Notes``."""
    return is_caption_heading(word) or is_agenda_item(word) or word.lower() in _LOG_WORDS


def _are_messages(
    form: LineForm,
    messages: Sequence[ChatLine],
    names: Collection[str],
    texts: Sequence[str],
    *,
    has_notices: bool,
) -> bool:
    """Return whether lines with a time and a name are messages, and not a log or an agenda."""
    has_further_lines = form is LineForm.COLON and len(texts) > len(messages)
    if form in _LOOSE_FORMS and not has_further_lines and not is_speech(texts):
        return False
    are_names = all(map(_is_name, names))
    is_dialogue = len(names) < len(messages)
    is_dated = 2 * sum(has_day(message.stamp) for message in messages) > len(messages)
    if form is LineForm.COLON:
        has_halves = all(has_half(message.stamp) for message in messages)
        is_stated = is_dated or has_halves or has_notices
        if any(map(_FRACTION.search, (message.stamp for message in messages))):
            return False  # A log.
        if not (is_dated or is_dialogue or has_notices) and 2 * sum(
            is_speech((message.text,)) for message in messages
        ) <= len(messages):
            return False  # An agenda.
        return is_stated and (are_names or (is_dialogue and len(names) > 1))
    if form is LineForm.TABS:
        return are_names or is_dialogue or is_dated
    if form in _TEXT_BELOW:
        is_full = all(len(name.split()) > 1 for name in names)
        has_halves = all(has_half(message.stamp) for message in messages)
        is_stated = is_dated or (has_halves and len(names) > 1)
        return (are_names and (is_dated or is_dialogue or is_full)) or (is_stated and is_dialogue)
    return True


def _have_text_below(lines: list[str], parsed: list[ChatLine | None], form: LineForm) -> bool:
    """Return whether most of the lines that begin messages have text on the line below."""
    begins = [number for number, line in enumerate(parsed) if line and line.form is form]
    below = sum(
        1
        for number in begins
        if number + 1 < len(lines)
        and lines[number + 1].strip()
        and not ((following := parsed[number + 1]) and following.form is form)
    )
    return 3 * below >= 2 * len(begins)


def _add_messages(
    builder: UtteranceBuilder,
    form: LineForm,
    speakers: frozenset[str],
    lines: list[str],
    parsed: list[ChatLine | None],
    scope: Scope,
) -> None:
    begins = [line if _begins(line, form, speakers) else None for line in parsed]
    stamps = [line.stamp for line in begins if line]
    is_dated = 2 * sum(map(has_date, stamps)) > len(stamps)
    times = iter(stamp_times(stamps, scope.zone))
    attribution, pending = UNATTRIBUTED, list[str]()
    for line, begin, other in zip(lines, begins, parsed, strict=True):
        if begin is not None:
            _add_message(builder, pending, attribution)
            ms = next(times)
            if ms is None and form in _TEXT_BELOW:
                ms = _offset_time(begin.stamp, scope.recording_start)
            said_at = None if ms is None else format_rfc3339(ms)
            attribution = Attribution(*builder.resolve_speaker((begin.speaker,), ()), said_at)
            pending = [begin.text]
        elif _is_notice_line(other, form, is_dated=is_dated):
            _add_message(builder, pending, attribution)
            builder.add(_after_time(line, other))
            attribution, pending = UNATTRIBUTED, []
        elif _FRAME.fullmatch(line.strip()):
            _add_message(builder, pending, attribution)
            attribution, pending = UNATTRIBUTED, [line]
        elif not (DATE_LINE.fullmatch(line) or (form in _TEXT_BELOW and is_stamp(line))):
            pending.append(line)
    _add_message(builder, pending, attribution)


def _begins(line: ChatLine | None, form: LineForm, speakers: frozenset[str]) -> bool:
    return line is not None and line.form is form and line.speaker in speakers


def _is_notice_line(line: ChatLine | None, form: LineForm, *, is_dated: bool) -> bool:
    """Return whether a line that begins no message is a notice, and not part of a message."""
    if line is None or not line.stamp or has_date(line.stamp) is not is_dated:
        return False
    return form not in _TEXT_BELOW and line.form is not LineForm.TRAILING


def _after_time(line: str, parsed: ChatLine | None) -> str:
    if parsed is None:
        return line
    after = line.find(parsed.stamp) + len(parsed.stamp)
    return line[after:].lstrip("]) ,\t").removeprefix("- ").removeprefix("\u2013 ")


def _offset_time(stamp: str, start: int | None) -> int | None:
    offset = None if has_half(stamp) or has_date(stamp) else parse_offset_ms(stamp)
    return None if start is None or offset is None else start + offset


def _add_message(builder: UtteranceBuilder, lines: list[str], attribution: Attribution) -> None:
    if lines and (quoted := quote_length(lines) or media_length(lines)):
        builder.add("\n".join(lines[:quoted]))
        lines = lines[quoted:]
    if attribution.speaker and (end := footer_start(lines)) < len(lines):
        _add_message(builder, lines[:end], attribution)
        lines, attribution = lines[end:], UNATTRIBUTED
    text = without_edit_mark("\n".join(lines))
    is_nobodys = is_notice(text) or is_forwarded(lines)
    builder.add(text, UNATTRIBUTED if is_nobodys else attribution)
