"""Markers: lines such as "-----Original Message-----" that introduce a quotation or forward."""

import re

_FRAMED_PHRASES = (
    # original
    "original message|original appointment|original email|original mail|originalnachricht"
    "|original-nachricht|ursprüngliche nachricht|ursprünglicher termin|originalmail"
    "|message d'origine|message d’origine|message original|message initial|mail original"
    "|courriel original|rendez-vous d'origine|mensaje original|correo original"
    "|messaggio originale|mail originale|mensagem original|e-mail original"
    "|oorspronkelijk bericht|origineel bericht|oprindelig meddelelse|oprindelig besked"
    "|original meddelelse|original besked|opprinnelig melding|original melding"
    "|ursprungligt meddelande|originalmeddelande|ursprungligt mejl|alkuperäinen viesti"
    "|oryginalna wiadomość|wiadomość oryginalna|wiadomość pierwotna|treść oryginalna"
    "|původní zpráva|původní e-mail|pôvodná správa|eredeti üzenet|eredeti levél"
    "|исходное сообщение|оригинальное сообщение|исходное письмо|первоначальное сообщение"
    "|оригінальне повідомлення|вихідне повідомлення|початкове повідомлення|orijinal ileti"
    "|orijinal mesaj|özgün ileti|asıl ileti|元のメッセージ|original message|元のメール|邮件原件"
    "|原始邮件|原邮件|原始郵件|原始信件|原始訊息|원본 메시지|원본 메일|원본메세지|원본 이메일"
    "|mesaj original|mesajul original|αρχικό μήνυμα|izvorna poruka|originalna poruka"
    "|izvirno sporočilo|missatge original|tin nhắn gốc|thư gốc|pesan asli|הודעה מקורית"
    "|الرسالة الأصلية|ข้อความต้นฉบับ|оригинално съобщение"
    # forwarded
    "|forwarded message|forwarded mail|forwarded email|forwarded message follows"
    "|weitergeleitete nachricht|weitergeleitete mail|message transféré|courriel transféré"
    "|message réexpédié|mail transféré|mensaje reenviado|mensaje remitido|correo reenviado"
    "|messaggio inoltrato|mensagem encaminhada|mensagem reencaminhada|doorgestuurd bericht"
    "|videresendt meddelelse|videresendt besked|videresendt melding|vidarebefordrat meddelande"
    "|vidarebefordrat mejl|vidarebefordrat brev|välitetty viesti|edelleenlähetetty viesti"
    "|wiadomość przekazana|przekazana wiadomość|przesłana wiadomość|wiadomość przesłana dalej"
    "|přeposlaná zpráva|předaná zpráva|preposlaná správa|továbbított üzenet|továbbított levél"
    "|пересылаемое сообщение|пересылаемое письмо|пересланное сообщение|переадресованное сообщение"
    "|пересланное письмо|переслане повідомлення|переслане лист|переслано повідомлення"
    "|iletilmiş mesaj|iletilen ileti|iletilen mesaj|yönlendirilen ileti|転送メッセージ"
    "|転送されたメッセージ|転送メール|转发的邮件|转发邮件|被转发邮件信息|已转发邮件|轉寄郵件"
    "|轉寄的郵件"
    "|已轉寄郵件|轉寄訊息|전달된 메시지|전달된 메일|전달 메시지|mesaj redirecționat"
    "|προωθημένο μήνυμα|proslijeđena poruka|prosleđena poruka|posredovano sporočilo"
    "|missatge reenviat|thư đã chuyển tiếp|pesan terusan|pesan yang diteruskan|הודעה שהועברה"
    "|رسالة معاد توجيهها|الرسالة المعاد توجيهها|препратено съобщение|ข้อความที่ส่งต่อ"
)
_OPENING_PHRASES = (
    # Apple Mail
    "begin forwarded message|anfang der weitergeleiteten nachricht|début du message réexpédié"
    "|début du message transféré|inicio del mensaje reenviado|inizio messaggio inoltrato"
    "|inizio del messaggio inoltrato|início da mensagem reencaminhada"
    "|início da mensagem encaminhada|begin doorgestuurd bericht|start på videresendt besked"
    "|start på den videresendte besked|begynnelse på videresendt melding"
    "|start på videresendt melding|vidarebefordrat brev|vidarebefordrat meddelande"
    "|början på vidarebefordrat brev|början av vidarebefordrat meddelande"
    "|välitetty viesti alkaa|välitetty viesti|edelleenlähetetty viesti alkaa"
    "|początek przekazywanej wiadomości|początek przekazanej wiadomości"
    "|začátek přeposlané zprávy|začátek přeposílané zprávy|začátok preposlanej správy"
    "|továbbított levél kezdete|a továbbított levél kezdete|továbbított üzenet kezdete"
    "|начало переадресованного сообщения|начало пересылаемого сообщения"
    "|початок переадресованого повідомлення|початок переслано повідомлення"
    "|початок листа, що пересилається|iletilen ileti başlangıcı|iletilen mesajın başlangıcı"
    "|転送されたメッセージ|下面是被转发的邮件|开始转发的邮件|以下是轉寄的郵件"
    "|開始轉寄郵件|轉寄的郵件|전달된 메시지 시작|전달된 메시지|mesajul redirecționat"
    "|έναρξη προωθημένου μηνύματος|inici del missatge reenviat"
)
_PHRASES = frozenset(f"{_FRAMED_PHRASES}|{_OPENING_PHRASES}".split("|"))
_OPENINGS = frozenset(_OPENING_PHRASES.split("|"))
_RULE = "-_*=~\u2010\u2011\u2012\u2013\u2014\u2015\u2500\u2501\uff0d\uff3f#"
_RULER = re.compile(rf"(?:[{_RULE}][ ]?+){{3,400}}")
_MAX_MARKER_LENGTH = 160
_REPLY_ABOVE = re.compile(
    r"(?:#{2,3}[- ]{0,4}|[-=_*]{3,20} ?)[^\n]{0,60}\b(?:reply|respond|write below"
    r"|antwort\w{0,6}|répon\w{0,6}"
    r"|responda|respuesta|rispondi|risposta|antwoord|svar\w{0,4}|ответ\w{0,6}|返信|回复|回覆)"
    r"[^\n]{0,60}?(?:[- ]{0,4}#{2,3}|[-=_*]{3,20})",
    re.IGNORECASE,
)


def is_marker(line: str) -> bool:
    """Return whether a line says that a quoted or forwarded mail follows.

    The words alone are not enough: a mail program frames them with dashes, or announces the
    beginning and ends the line with a colon.

    Args:
        line: a stripped line.
    """
    if len(line) > _MAX_MARKER_LENGTH:
        return False
    phrase = " ".join(
        line.strip(_RULE + " \t\xa0:\uff1a.<>[]").casefold().replace("\u0307", "").split()
    )
    if phrase in _PHRASES:
        is_framed = line[:2].strip(_RULE) == "" and len(line) > 2
        return is_framed or (line[-1] in ":\uff1a" and phrase in _OPENINGS)
    return _REPLY_ABOVE.fullmatch(line) is not None


def is_ruler(line: str) -> bool:
    """Return whether a line is a ruler: at least three dashes, underscores or the like.

    Args:
        line: a stripped line.
    """
    return len(line) >= 3 and line[0] in _RULE and _RULER.fullmatch(line + " ") is not None


def is_framed_text(line: str) -> bool:
    """Return whether a line is a text between two rulers, such as a marker in any language.

    Args:
        line: a stripped line.
    """
    if not 10 <= len(line) <= _MAX_MARKER_LENGTH or line[:4].strip(_RULE) or line[-4:].strip(_RULE):
        return False
    return bool(line.strip(_RULE + " "))
