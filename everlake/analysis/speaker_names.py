"""Speaker labels in text: which words before a colon, or in brackets, name a speaker."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from everlake.analysis.member_names import normalize_name, word_list
from everlake.analysis.participants import Participants, role_of

MAX_LABEL_LENGTH = 60
_MAX_WORDS = 5
MAX_WORDS_OF_NAME = 4
"""Most words of a string that is the name of a person rather than prose."""

_HEADINGS = frozenset(
    word_list(
        "action actions actionitem actionitems decision decisions note notes todo summary subject "
        "date from to cc bcc sent re fwd agenda topic topics attendees participants email phone "
        "address name company url link http https error warning info debug example ps nb tip step "
        "question1 status priority owner due deadline location time duration price total order "
        "orderid invoice result results next nextsteps background context goal goals risks budget "
        "timeline title version"
    )
)
_AGENDA_ITEMS = frozenset(
    word_list(
        "arrival registration checkin doors welcome opening intro introduction introductions "
        "kickoff keynote talk talks lecture session panel workshop demo qa discussion wrapup "
        "closing break breakfast coffee coffeebreak teabreak lunch lunchbreak dinner reception "
        "networking departure agenda standup retro review warmup "
        "ankunft anreise anmeldung einlass begrüßung eröffnung vortrag vorträge pause kaffeepause "
        "mittag mittagessen mittagspause abendessen frühstück diskussion abschluss abreise "
        "arrivée accueil ouverture conférence atelier pausecafé déjeuner dîner clôture départ "
        "llegada registro bienvenida apertura charla ponencia taller descanso pausacafé almuerzo "
        "comida cena clausura salida "
        "arrivo registrazione benvenuto saluti relazione intervento laboratorio pausacaffè pranzo "
        "chiusura partenza "
        "chegada inscrição boasvindas abertura palestra oficina intervalo almoço jantar "
        "encerramento "
        "aankomst inloop ontvangst opening lezing pauze koffiepauze afsluiting borrel vertrek "
        "ankomst velkomst velkommen foredrag frokost middag lunsj avslutning afslutning "
        "föreläsning fika rast "
        "przyjazd rejestracja powitanie otwarcie wykład przerwa obiad kolacja zakończenie "
        "příjezd registrace přednáška přestávka oběd večeře "
        "регистрация приветствие открытие доклад лекция перерыв обед ужин закрытие "
        "var\u0131\u015f kay\u0131t a\u00e7\u0131l\u0131\u015f sunum mola kapan\u0131\u015f "
        "受付 開会 講演 休憩 昼食 閉会 签到 开幕 演讲 茶歇 午餐 午休 晚餐 闭幕 "
        "등록 개회 강연 휴식 점심 폐회"
    )
)
_CAPTION_HEADINGS = _HEADINGS | frozenset(
    word_list(
        "subtitle subtitles subtitled subtitling caption captions captioned captioning translation "
        "translator translated transcript transcription transcribed sync synced corrected edited "
        "language kind music song lyrics sound question answer pro pros con cons host accept added "
        "fixed changed removed improved deprecated expected actual steps prep cook serves yield "
        "ingredients image ports port volume key value type size color weight vorteil nachteil "
        "question answer problem solution reason fact point "
        "remember look listen spoiler disclaimer reminder update breaking news today conclusion "
        "important caution hint however first second third finally hinweis achtung frage antwort "
        "beispiel problem fazit untertitel übersetzung sprache musik remarque attention exemple "
        "question réponse soustitres traduction musique nota ejemplo pregunta respuesta subtítulos "
        "traducción música atención observação exemplo pergunta resposta legendas tradução "
        "esempio domanda risposta sottotitoli traduzione attenzione let opmerking voorbeeld vraag "
        "antwoord ondertiteling vertaling napisy tłumaczenie uwaga субтитры перевод внимание "
        "字幕 翻訳 翻译 注意 注"
    )
)
_SOUNDS = frozenset(
    word_list(
        "music applause laughter laughs laughing laugh cheering cheers coughs coughing sighs sigh "
        "silence inaudible crosstalk unintelligible noise background foreign clapping crying "
        "singing chuckles chuckle gasps gasp pause whispers whispering beep ringing indistinct "
        "musik applaus gelächter lachen lacht unverständlich musique applaudissements rires música "
        "aplausos risas risos musica applausi risate muziek gelach музыка аплодисменты смех 音楽 "
        "拍手 笑 笑い 音乐 掌声"
    )
)
_PARTICLES = frozenset(
    word_list(
        "van von de der den del della di da dos das du des la le el al bin ibn zu zum zur ten ter "
        "und and y e et of"
    )
)
_NUMBERED = re.compile(
    r"(?:speaker|spk|sprecher|sprecherin|locuteur|intervenant|hablante|orador|participant"
    r"|participante|relatore|spreker|channel|user|person|unknown speaker|unknown|m\u00f3wca"
    r"|\u0441\u043f\u0438\u043a\u0435\u0440|\u8bdd\u8005|\u8a71\u8005|\u8bf4\u8bdd\u4eba"
    r"|\u767a\u8a00\u8005|\ud654\uc790|\ucc38\uc11d\uc790)[\s_#-]?(?:\d{1,3}|[A-Z])",
    re.IGNORECASE,
)
_WORD_START = re.compile(r"[^\W\d_]")


def is_numbered_speaker(label: str) -> bool:
    """Return whether a label is a recogniser's, such as ``SPEAKER_00`` or ``Sprecher 2``."""
    return _NUMBERED.fullmatch(label) is not None


def is_heading(label: str) -> bool:
    """Return whether a label is a common heading of notes or forms, such as ``Decision``."""
    return normalize_name(label) in _HEADINGS


def is_agenda_item(label: str) -> bool:
    """Return whether a label is a part of an event, such as ``Coffee break``, and no person."""
    return normalize_name(label.rstrip("0123456789 ")) in _AGENDA_ITEMS


def is_caption_heading(label: str) -> bool:
    """Return whether a label is a heading or a phrase that a spoken sentence begins with."""
    return normalize_name(label) in _CAPTION_HEADINGS


def is_sound(label: str) -> bool:
    """Return whether a label in brackets describes a sound, such as ``[Music]``."""
    return any(normalize_name(word) in _SOUNDS for word in label.split()[:4])


def is_certain(participants: Participants, label: str) -> bool:
    """Return whether a label is a participant, a role, or a recogniser's speaker."""
    return participants.is_known(label) or role_of(label) is not None or is_numbered_speaker(label)


def looks_like_name(label: str) -> bool:
    """Return whether a label is written like a person's name: every word is capitalised.

    In scripts without capital letters it is at most twelve characters long.
    """
    words = label.split()
    if not words or len(words) > _MAX_WORDS or len(label) > MAX_LABEL_LENGTH or "_" in label:
        return False
    if label[-1] in ".,;!?\u2026" and not label.endswith(("Jr.", "Sr.")) and len(words[-1]) > 3:
        return False
    if not any(character.isupper() or character.islower() for character in label):
        return len(label) <= 12 and _WORD_START.match(label) is not None
    named = [word.strip("()[]'\"\u2019.,") for word in words]
    if not named[0] or not (named[0][0].isupper() or named[0][0].isdigit()):
        return False
    return all(
        not word or not word[0].islower() or word.casefold() in _PARTICLES for word in named
    ) and any(character.isalpha() for character in named[0])


def choose_caption_speakers(
    labels: Iterable[str], cue_count: int, participants: Participants
) -> frozenset[str]:
    """Return which of the labels before a colon in captions name speakers.

    A sentence may have a colon as well ("So here is the thing: …"). A label is a speaker when it
    is certainly one, or is written in capitals; others must look like names and either be frequent
    in the file or come back beside another one. Handles in lower case must be at most of the cues.

    Args:
        labels: the label of each labelled cue, in order.
        cue_count: number of cues in the file.
        participants: the record's participants.
    """
    counts: Counter[str] = Counter(labels)
    chosen = {label for label in counts if is_certain(participants, label)}
    names: Mapping[str, int] = {
        label: count
        for label, count in counts.items()
        if looks_like_name(label) and not is_caption_heading(label)
    }
    chosen.update(label for label in names if label.isupper())
    recurring = [label for label, count in names.items() if count > 1]
    full_names = [label for label in names if len(label.split()) > 1]
    if sum(names.values()) * 3 >= cue_count or len(recurring) > 1 or chosen or len(full_names) > 1:
        chosen.update(names)
    handles = [label for label in counts if " " not in label and not is_caption_heading(label)]
    handle_count = sum(counts[label] for label in handles)
    if 1 < len(handles) < handle_count and handle_count * 3 >= cue_count * 2:
        chosen.update(handles)
    return frozenset(chosen)
