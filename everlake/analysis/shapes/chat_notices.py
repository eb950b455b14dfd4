"""Notices that chat programs write into exports: nobody says them."""

import re
from collections.abc import Sequence

_PLACEHOLDER = re.compile(
    r"<?(?:media omitted|medien ausgeschlossen|multimedia omitido|m\u00eddia oculta|arquivo de "
    r"m\u00eddia oculto|m\u00e9dias omis|fichier omis|media omessi|media weggelaten|"
    r"\u0431\u0435\u0437 \u043c\u0435\u0434\u0438\u0430\u0444\u0430\u0439\u043b\u043e\u0432|"
    r"pomini\u0119to multimedia|medya dahil edilmedi|media tidak disertakan|"
    r"(?:image|video|audio|sticker|gif|document|contact card) omitted|"
    r"(?:bild|video|audio|sticker|dokument|gif) weggelassen|"
    r"(?:imagen|video|audio|sticker|documento|gif) omitid[oa]|"
    r"(?:imagem|v\u00eddeo|\u00e1udio|figurinha|documento) ocultad[oa]|"
    r"(?:image|vid\u00e9o|audio|sticker) (?:absente?|omise?)|immagine omessa|afbeelding weggelaten|"
    r"\u5a92\u4f53\u5df2\u7701\u7565|\u5ffd\u7565\u591a\u5a92\u4f53\u6587\u4ef6|"
    r"attached: [^<>\n]{1,200}|adjunto: [^<>\n]{1,200}|angeh\u00e4ngt: [^<>\n]{1,200}|"
    r"pi\u00e8ce jointe\s?: [^<>\n]{1,200}|"
    r"this message was deleted|you deleted this message|diese nachricht wurde gel\u00f6scht|"
    r"du hast diese nachricht gel\u00f6scht|se elimin\u00f3 este mensaje|eliminaste este mensaje|"
    r"este mensaje fue eliminado|esta mensagem foi apagada|mensagem apagada|"
    r"ce message a \u00e9t\u00e9 supprim\u00e9|vous avez supprim\u00e9 ce message|"
    r"questo messaggio \u00e8 stato eliminato|hai eliminato questo messaggio|"
    r"dit bericht is verwijderd|deze berichten zijn verwijderd|"
    r"\u0434\u0430\u043d\u043d\u043e\u0435 \u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 "
    r"\u0443\u0434\u0430\u043b\u0435\u043d\u043e|bu mesaj silindi|"
    r"usuni\u0119to t\u0119 wiadomo\u015b\u0107|"
    r"media har utel\u00e4mnats|<media[^<>\n]{3,60}|<medi[^<>\n]{3,60}|"
    r"\u6b64\u6d88\u606f\u5df2\u5220\u9664|\u6b64\u8a0a\u606f\u5df2\u522a\u9664|null)\.?>?",
    re.IGNORECASE,
)
_FILE_ATTACHED = re.compile(
    r"\S.{0,200} \((?:file attached|datei angeh\u00e4ngt|archivo adjunto|fichier joint|"
    r"file allegato|arquivo anexado|ficheiro anexado|bestand bijgevoegd|plik za\u0142\u0105czony|"
    r"\u0444\u0430\u0439\u043b \u0434\u043e\u0431\u0430\u0432\u043b\u0435\u043d|"
    r"\u6587\u4ef6\u9644\u4ef6|dosya ekli|vedh\u00e6ftet fil|bifogad fil)\)",
    re.IGNORECASE,
)
_ATTACHED = re.compile(r"<[^<>\n:]{3,20}: [^<>\n]{1,200}>")
"""A file in the export of an iPhone, whatever its language."""
_CALL = re.compile(
    r"(?:missed (?:voice|video|group|group voice|group video) call|"
    r"verpasster (?:sprach|video|gruppen)anruf|(?:video)?llamada (?:de voz )?perdida|"
    r"(?:videollamada|llamada) grupal perdida|appel (?:vocal|vid\u00e9o) manqu\u00e9|"
    r"(?:video)?chiamata (?:vocale )?persa|chamada de (?:voz|v\u00eddeo) perdida|"
    r"gemiste (?:spraak|video)oproep|nieodebrane po\u0142\u0105czenie (?:g\u0142osowe|wideo)|"
    r"\u043f\u0440\u043e\u043f\u0443\u0449\u0435\u043d\u043d\u044b\u0439 "
    r"(?:\u0430\u0443\u0434\u0438\u043e|\u0432\u0438\u0434\u0435\u043e)"
    r"\u0437\u0432\u043e\u043d\u043e\u043a|"
    r"cevaps\u0131z (?:sesli|g\u00f6r\u00fcnt\u00fcl\u00fc) arama)"
    r"(?: (?:at|um|a las|\u00e0) .{1,12})?\.?",
    re.IGNORECASE,
)
_MEDIA_NAME = re.compile(
    r"\[\s?(?:photo|video|sticker|gif|voice message|video message|audio|file|document|album|"
    r"poll|contact|location|foto|bild|fotos|datei|sprachnachricht|videonachricht|archivo|"
    r"mensaje de voz|"
    r"\u30b9\u30bf\u30f3\u30d7|\u5199\u771f|\u52d5\u753b|\u30d5\u30a1\u30a4\u30eb|\u56fe\u7247|\u89c6\u9891|"
    r"\u8bed\u97f3|\u8868\u60c5|\u52a8\u753b\u8868\u60c5|\u6587\u4ef6|\u8cbc\u5716|\u7167\u7247|\u5f71\u7247|"
    r"\uc774\ubaa8\ud2f0\ucf58|\uc0ac\uc9c4|\ub3d9\uc601\uc0c1)(?:\s?:[^\[\]\n]{0,120})?\s?\]"
    r"|(?:\uc774\ubaa8\ud2f0\ucf58|\uc0ac\uc9c4(?: \d{1,3}\uc7a5)?|\ub3d9\uc601\uc0c1)",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"\[?\s?(?:forwarded from|weitergeleitet (?:von|aus)|reenviado de|"
    r"transf\u00e9r\u00e9 de|inoltrato da|encaminhad[ao] de|doorgestuurd van|"
    r"vidarebefordrat fr\u00e5n|przes\u0142ano od|"
    r"\u043f\u0435\u0440\u0435\u0441\u043b\u0430\u043d\u043e \u043e\u0442)\s.{1,80}",
    re.IGNORECASE,
)
_ENCRYPTION = re.compile(
    r"end-to-end|ende-zu-ende|extremo a extremo|ponta a ponta|bout en bout|crittografia|"
    r"versleuteld|\u0441\u043a\u0432\u043e\u0437\u043d\u043e\u0435 \u0448\u0438\u0444\u0440|"
    r"u\u00e7tan uca|pe\u0142ne szyfrowanie|\u7aef\u5230\u7aef\u52a0\u5bc6|"
    r"\u7aef\u5bf9\u7aef\u52a0\u5bc6",
    re.IGNORECASE,
)
_SECURED = re.compile(
    r"(?:messages and calls|messages to this|nachrichten und anrufe|los mensajes y las llamadas"
    r"|as mensagens e as (?:chamadas|liga)|les messages et les appels|i messaggi e le chiamate"
    r"|berichten en oproepen|meddelanden och samtal|meldinger og (?:anrop|opkald)"
    r"|beskeder og opkald|\u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u044f \u0438"
    r"|mesajlar ve aramalar|wiadomo\u015bci i po\u0142\u0105czenia)",
    re.IGNORECASE,
)
"""What the note about encryption begins with in shorter forms."""
_EDITED = re.compile(
    r"\s?\u200e?<(?:this message was edited|diese nachricht wurde bearbeitet|"
    r"se edit\u00f3 este mensaje\.?|mensagem editada|ce message a \u00e9t\u00e9 modifi\u00e9|"
    r"questo messaggio \u00e8 stato modificato|dit bericht is bewerkt|"
    r"\u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 "
    r"\u0438\u0437\u043c\u0435\u043d\u0435\u043d\u043e"
    r"|wiadomo\u015b\u0107 edytowana|bu mesaj d\u00fczenlendi)>",
    re.IGNORECASE,
)
_EDITED_WORD = re.compile(
    r"(?<=[^\n])[ \n]\((?:edited|bearbeitet|modifi\u00e9|editado|modificato|bewerkt"
    r"|\u0438\u0437\u043c\u0435\u043d\u0435\u043d\u043e|redigeret|redigerad|edytowano"
    r"|\u7de8\u96c6\u6e08\u307f|\u5df2\u7f16\u8f91)\)\s{0,3}\Z",
    re.IGNORECASE,
)
"""The same at the end of a message of Slack or Discord."""
_QUOTE = re.compile(
    r"(?:in reply to this message|antwort auf diese nachricht|en respuesta a este mensaje)"
    r"|(?:replying to|antwort auf|en r\u00e9ponse \u00e0|respondiendo a|in risposta a|antwoord op)"
    r"\s[\"\u201c\u201e\u00ab].{0,400}",
    re.IGNORECASE,
)
_REACTION = re.compile(
    r"(?:(?:\(\S{3,80}\) )?(?:has )?(?:joined|left|quit)(?: (?:#\S{1,60}"
    r"|the (?:channel|chat|room)))?(?: \([^()\n]{0,80}\))?\.?"
    r"|(?:reacted to|removed a) .{1,300}|reagierte auf .{1,300} mit .{1,20})",
    re.IGNORECASE,
)
_FOOTER = re.compile(
    r"(?:transcribed|generated|recorded) by (?:https?://)?\S{1,200}"
    r"|(?:meeting|call|recording) ended (?:after|at) [\d:]{4,8}.{0,12}"
    r"|this (?:editable )?transcript was (?:computer[- ])?generated.{0,200}"
    r"|exported (?:from|by|on|with) .{1,200}|(?:-{3} )?log (?:closed|opened) .{1,60}"
    r"|\*{4} (?:begin|ending) logging at .{1,60}"
    r"|end of (?:chat|transcript|conversation).{0,80}",
    re.IGNORECASE,
)
_ARRIVAL = re.compile(
    r"[\[(]\d{1,2}:\d{2}(?::\d{2})?(?: [AP]M)?[\])] .{1,80} (?:(?:has )?(?:joined|left|entered)"
    r"(?: the (?:room|chat|conversation|meeting|call|channel|group))?"
    r"|ist (?:dem .{2,20} )?beigetreten|hat (?:den|die|das) .{2,20} (?:verlassen|betreten)"
    r"|a (?:rejoint|quitt\u00e9) .{2,30}|se (?:ha unido|uni\u00f3) .{2,30}"
    r"|sali\u00f3 de .{2,30})\.?",
    re.IGNORECASE,
)
_RULER = re.compile(r"[-_=*\u2014\u2500]{3,200}")
_NOTICES = (_PLACEHOLDER, _REACTION, _FILE_ATTACHED, _ATTACHED, _CALL, _MEDIA_NAME)
_MAX_LENGTH = 300


def quote_length(lines: list[str]) -> int:
    """Return how many lines at the start of a message quote the one that it replies to (Zoom)."""
    first = next((number for number, line in enumerate(lines[:3]) if line.strip()), 0)
    return first + 1 if _QUOTE.fullmatch(lines[first].strip()) else 0


def media_length(lines: Sequence[str]) -> int:
    """Return how many lines at the start of a message name a file or picture above its caption."""
    first = next((number for number, line in enumerate(lines[:3]) if line.strip()), len(lines))
    if not any(line.strip() for line in lines[first + 1 :]):
        return 0
    text = lines[first].strip()
    is_media = len(text) <= _MAX_LENGTH and (
        _FILE_ATTACHED.fullmatch(text) or _MEDIA_NAME.fullmatch(text) or _ATTACHED.fullmatch(text)
    )
    return first + 1 if is_media else 0


def is_forwarded(lines: list[str]) -> bool:
    """Return whether a message says in its first line that it was forwarded (Telegram)."""
    first = next((line.strip() for line in lines[:3] if line.strip()), "")
    return len(first) < _MAX_LENGTH and _FORWARDED.fullmatch(first) is not None


def is_arrival(line: str) -> bool:
    """Return whether a line with a time says that somebody joined or left."""
    return len(line) <= _MAX_LENGTH and _ARRIVAL.fullmatch(line.strip()) is not None


def is_footer(line: str) -> bool:
    """Return whether a line is a recogniser's note below a transcript."""
    return len(line) <= _MAX_LENGTH and _FOOTER.fullmatch(line.strip()) is not None


def footer_start(lines: Sequence[str]) -> int:
    """Return the index of the note below an export's last message, and of a ruler above it."""
    last = next((n for n in range(len(lines) - 1, -1, -1) if lines[n].strip()), None)
    if last is None or not is_footer(lines[last]):
        return len(lines)
    return last - 1 if last and _RULER.fullmatch(lines[last - 1].strip()) else last


def is_notice(text: str) -> bool:
    """Return whether a message is a placeholder or notice of WhatsApp instead of a text."""
    text = text.strip()
    if len(text) > _MAX_LENGTH:
        return False
    if any(notice.fullmatch(text) for notice in _NOTICES):
        return True
    return _ENCRYPTION.search(text) is not None and (
        (len(text) > 50 and "whatsapp" in text.lower()) or _SECURED.match(text) is not None
    )


def without_edit_mark(text: str) -> str:
    """Return a message without the mark that it was edited."""
    text = _EDITED.sub("", text) if "<" in text else text
    return _EDITED_WORD.sub("", text) if text.rstrip().endswith(")") else text
