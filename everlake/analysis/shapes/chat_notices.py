"""Notices that chat programs write into exports: nobody says them."""

import re

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
    r"\u6b64\u6d88\u606f\u5df2\u5220\u9664|\u6b64\u8a0a\u606f\u5df2\u522a\u9664|null)\.?>?",
    re.IGNORECASE,
)
_ENCRYPTION = re.compile(
    r"end-to-end|ende-zu-ende|extremo a extremo|ponta a ponta|bout en bout|crittografia|"
    r"versleuteld|\u0441\u043a\u0432\u043e\u0437\u043d\u043e\u0435 \u0448\u0438\u0444\u0440|"
    r"u\u00e7tan uca|pe\u0142ne szyfrowanie|\u7aef\u5230\u7aef\u52a0\u5bc6|"
    r"\u7aef\u5bf9\u7aef\u52a0\u5bc6",
    re.IGNORECASE,
)
_EDITED = re.compile(
    r"\s?\u200e?<(?:this message was edited|diese nachricht wurde bearbeitet|"
    r"se edit\u00f3 este mensaje\.?|mensagem editada|ce message a \u00e9t\u00e9 modifi\u00e9|"
    r"questo messaggio \u00e8 stato modificato|dit bericht is bewerkt|"
    r"\u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435 "
    r"\u0438\u0437\u043c\u0435\u043d\u0435\u043d\u043e"
    r"|wiadomo\u015b\u0107 edytowana|bu mesaj d\u00fczenlendi)>",
    re.IGNORECASE,
)
_QUOTE = re.compile(
    r"(?:replying to|antwort auf|en r\u00e9ponse \u00e0|respondiendo a|in risposta a|antwoord op)"
    r"\s[\"\u201c\u201e\u00ab].{0,400}",
    re.IGNORECASE,
)
_REACTION = re.compile(
    r"(?:(?:reacted to|removed a) .{1,300}|reagierte auf .{1,300} mit .{1,20})", re.IGNORECASE
)
_FOOTER = re.compile(r"(?:transcribed|generated|recorded) by https?://\S{1,200}", re.IGNORECASE)
_MAX_LENGTH = 300


def quote_length(lines: list[str]) -> int:
    """Return how many lines at the start of a message quote the one that it replies to (Zoom)."""
    first = next((number for number, line in enumerate(lines[:3]) if line.strip()), 0)
    return first + 1 if _QUOTE.fullmatch(lines[first].strip()) else 0


def is_footer(line: str) -> bool:
    """Return whether a line is a recogniser's note below a transcript."""
    return len(line) <= _MAX_LENGTH and _FOOTER.fullmatch(line.strip()) is not None


def is_notice(text: str) -> bool:
    """Return whether a message is a placeholder or notice of WhatsApp instead of a text."""
    text = text.strip()
    if len(text) > _MAX_LENGTH:
        return False
    if _PLACEHOLDER.fullmatch(text) or _REACTION.fullmatch(text):
        return True
    return len(text) > 50 and "whatsapp" in text.lower() and _ENCRYPTION.search(text) is not None


def without_edit_mark(text: str) -> str:
    """Return a message without the mark that it was edited."""
    return _EDITED.sub("", text) if "<" in text else text
