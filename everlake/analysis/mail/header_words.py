"""Names of the header fields that mail programs copy above a quotation, by language.

Another language is one more entry in ``_FIELDS``.
"""

from enum import Enum, auto


class Field(Enum):
    """Header field of a mail."""

    FROM = auto()
    SENT = auto()  # a word that only mail programs use for the date
    DATE = auto()
    TO = auto()
    CC = auto()
    SUBJECT = auto()
    OTHER = auto()


_FIELDS: dict[str, dict[Field, str]] = {
    "en": {
        Field.FROM: "from|sender",
        Field.SENT: "sent|sent at|sent on|date sent|received",
        Field.DATE: "date",
        Field.TO: "to|recipient|recipients",
        Field.CC: "cc|bcc",
        Field.SUBJECT: "subject",
        Field.OTHER: "reply-to|reply to|attachments|attachment|importance|priority|message-id"
        "|resent-from|organization|sensitivity|categories|delivered-to|newsgroups|when|where",
    },
    "de": {
        Field.FROM: "von|absender",
        Field.SENT: "gesendet|gesendet am|gesendet von",
        Field.DATE: "datum",
        Field.TO: "an|empfänger",
        Field.CC: "kopie|blindkopie",
        Field.SUBJECT: "betreff",
        Field.OTHER: "antwort an|antwortadresse|anlagen|anhänge|anhang|priorität|wichtigkeit",
    },
    "fr": {
        Field.FROM: "de|expéditeur|envoyé par",
        Field.SENT: "envoyé|envoyé le|envoyé à|date d'envoi",
        Field.TO: "à|a|destinataire|destinataires",
        Field.CC: "cci|copie|copie à",
        Field.SUBJECT: "objet|sujet",
        Field.OTHER: "répondre à|pièces jointes|pièce jointe|importance",
    },
    "es": {
        Field.FROM: "remitente|enviado por",
        Field.SENT: "enviado|enviado el|enviada el|fecha de envío",
        Field.DATE: "fecha",
        Field.TO: "para|destinatario|destinatarios",
        Field.CC: "cco|copia",
        Field.SUBJECT: "asunto",
        Field.OTHER: "responder a|datos adjuntos|adjuntos|importancia|prioridad",
    },
    "it": {
        Field.FROM: "da|mittente",
        Field.SENT: "inviato|inviato il|inviata|data invio",
        Field.DATE: "data",
        Field.TO: "destinatario|destinatari|per",
        Field.CC: "ccn|copia per conoscenza",
        Field.SUBJECT: "oggetto",
        Field.OTHER: "rispondi a|allegati|allegato|priorità",
    },
    "pt": {
        Field.FROM: "enviado por",
        Field.SENT: "enviado em|enviada em|enviada|enviado a|data de envio",
        Field.TO: "destinatário|destinatários",
        Field.SUBJECT: "assunto",
        Field.OTHER: "responder para|anexos|anexo|importância|prioridade",
    },
    "nl": {
        Field.FROM: "van|afzender",
        Field.SENT: "verzonden|verzonden op|verstuurd|verzenddatum",
        Field.TO: "aan|naar|ontvanger",
        Field.CC: "kopie aan",
        Field.SUBJECT: "onderwerp",
        Field.OTHER: "antwoord aan|bijlagen|bijlage|urgentie|prioriteit",
    },
    "da, no": {
        Field.FROM: "fra|afsender|avsender",
        Field.SENT: "sendt|sendt dato|afsendt",
        Field.DATE: "dato",
        Field.TO: "til|modtager|mottaker",
        Field.CC: "kopi|kopi til",
        Field.SUBJECT: "emne",
        Field.OTHER: "svar til|vedhæftede filer|vedhæftet fil|vedlegg|prioritet|vigtighed",
    },
    "sv": {
        Field.FROM: "från|avsändare",
        Field.SENT: "skickat|skickades|skickat den|sänt|sänd",
        Field.TO: "till|mottagare",
        Field.CC: "kopia|kopia till",
        Field.SUBJECT: "ämne",
        Field.OTHER: "svar till|bifogade filer|bilagor|bilaga|prioritet",
    },
    "fi": {
        Field.FROM: "lähettäjä|keneltä",
        Field.SENT: "lähetetty|lähetysaika",
        Field.DATE: "päivämäärä|päiväys|pvm|päivä",
        Field.TO: "vastaanottaja|vastaanottajat|kenelle",
        Field.CC: "kopio|piilokopio",
        Field.SUBJECT: "aihe|otsikko",
        Field.OTHER: "vastaus|liitteet|liite|tärkeys",
    },
    "pl": {
        Field.FROM: "od|nadawca",
        Field.SENT: "wysłano|wysłane|wysłany|data wysłania|wysłana",
        Field.TO: "do|adresat|odbiorca",
        Field.CC: "dw|udw|kopia",
        Field.SUBJECT: "temat",
        Field.OTHER: "odpowiedz do|załączniki|załącznik|ważność|priorytet",
    },
    "cs, sk": {
        Field.FROM: "odesílatel|odosielateľ",
        Field.SENT: "odesláno|odoslané|datum odeslání|dátum odoslania|odeslané",
        Field.DATE: "dátum",
        Field.TO: "komu|pro|pre|příjemce|adresát",
        Field.CC: "kopie|kópia|skrytá kopie",
        Field.SUBJECT: "předmět|predmet|věc",
        Field.OTHER: "odpovědět komu|přílohy|příloha|prílohy|důležitost|priorita",
    },
    "hu": {
        Field.FROM: "feladó|küldő",
        Field.SENT: "elküldve|küldve|küldés ideje|küldés dátuma",
        Field.TO: "címzett|címzettek",
        Field.CC: "másolat|másolatot kap|titkos másolat",
        Field.SUBJECT: "tárgy",
        Field.OTHER: "válaszcím|mellékletek|melléklet|fontosság",
    },
    "ru, bg": {
        Field.FROM: "от|от кого|отправитель|подател",
        Field.SENT: "отправлено|отправлен|дата отправки|изпратено|изпратен",
        Field.DATE: "дата",
        Field.TO: "кому|получатель|до|получател",
        Field.CC: "копия|скрытая копия",
        Field.SUBJECT: "тема|относно",
        Field.OTHER: "ответить|вложения|вложение|важность|приоритет",
    },
    "uk": {
        Field.FROM: "від|від кого|відправник",
        Field.SENT: "надіслано|відправлено|дата надсилання",
        Field.TO: "отримувач|одержувач",
        Field.CC: "копія",
        Field.OTHER: "відповісти|вкладення|важливість",
    },
    "tr": {
        Field.FROM: "kimden|gönderen",
        Field.SENT: "gönderildi|gönderilme tarihi|gönderme tarihi|gönderim tarihi|gönderilen",
        Field.DATE: "tarih",
        Field.TO: "kime|alıcı",
        Field.CC: "bilgi|gizli",
        Field.SUBJECT: "konu",
        Field.OTHER: "yanıtla|ekler|ek|önem",
    },
    "ja": {
        Field.FROM: "差出人|送信者|送信元|発信者",
        Field.SENT: "送信日時|送信日|送信|受信日時",
        Field.DATE: "日時|日付",
        Field.TO: "宛先|宛て先|受信者",
        Field.CC: "写し",
        Field.SUBJECT: "件名",
        Field.OTHER: "返信先|添付ファイル|添付|重要度",
    },
    "zh": {
        Field.FROM: "发件人|发信人|寄件人|寄件者|發件人",
        Field.SENT: "发送时间|发送日期|发件时间|發送時間|傳送時間|傳送日期|寄件日期|寄件時間|已发送"
        "|已傳送",
        Field.DATE: "日期|时间|時間",
        Field.TO: "收件人|收件者|收信人",
        Field.CC: "抄送|抄送人|副本|副本抄送|密送|密件副本",
        Field.SUBJECT: "主题|主旨|主題|标题|標題",
        Field.OTHER: "附件|重要性|优先级|回复|回覆",
    },
    "ko": {
        Field.FROM: "보낸 사람|보낸사람|발신|발신자|발신인",
        Field.SENT: "보낸 날짜|보낸날짜|보낸 시간|발신 일시|보냄|전송",
        Field.DATE: "날짜|일시",
        Field.TO: "받는 사람|받는사람|받은사람|수신|수신자|수신인",
        Field.CC: "참조|숨은 참조|숨은참조",
        Field.SUBJECT: "제목",
        Field.OTHER: "첨부|첨부 파일|중요도|답장 받는 사람",
    },
    "ro": {
        Field.FROM: "de la|expeditor",
        Field.SENT: "trimis|trimis la|data trimiterii",
        Field.TO: "către|catre",
        Field.SUBJECT: "subiect",
    },
    "el": {
        Field.FROM: "από",
        Field.SENT: "στάλθηκε|εστάλη",
        Field.DATE: "ημερομηνία",
        Field.TO: "προς",
        Field.CC: "κοιν",
        Field.SUBJECT: "θέμα",
    },
    "hr, sr, sl": {
        Field.FROM: "šalje|pošiljatelj|pošiljalac|pošiljatelj|šalje",
        Field.SENT: "poslano|poslato|datum slanja",
        Field.TO: "za|prima|primatelj",
        Field.SUBJECT: "zadeva",
    },
    "ca": {Field.SENT: "enviat|enviat el", Field.TO: "per a", Field.SUBJECT: "assumpte|tema"},
    "et, lv, lt": {
        Field.FROM: "saatja|no|nuo|siuntėjas",
        Field.SENT: "saadetud|nosūtīts|išsiųsta",
        Field.DATE: "kuupäev|datums|data",
        Field.TO: "kellele|adresaat|kam|kam|gavėjas",
        Field.SUBJECT: "teema|temats|tēma",
    },
    "is": {Field.FROM: "frá", Field.SUBJECT: "efni"},
    "eu": {
        Field.FROM: "nork",
        Field.SENT: "bidalia|bidaltze-data",
        Field.TO: "nori",
        Field.SUBJECT: "gaia",
    },
    "sq": {Field.FROM: "nga", Field.SENT: "dërguar", Field.TO: "për"},
    "sr, mk": {
        Field.FROM: "шаље|од|пошиљалац",
        Field.SENT: "послато|испратено|датум слања",
        Field.TO: "коме|за",
        Field.SUBJECT: "наслов|предмет",
    },
    "kk, az": {
        Field.FROM: "кімнен|kimdən",
        Field.SENT: "жіберілді|göndərilib|göndərildi",
        Field.TO: "кімге|kimə",
        Field.SUBJECT: "тақырыбы|тақырып|mövzu",
    },
    "ka, hy": {
        Field.FROM: "ვისგან|გამომგზავნი",
        Field.SENT: "გაგზავნილია|გაიგზავნა",
        Field.TO: "ვის|მიმღები",
        Field.SUBJECT: "თემა",
    },
    "fa, ur": {
        Field.FROM: "از|فرستنده|منجانب",
        Field.SENT: "ارسال شده|ارسال|تاریخ ارسال|بھیجا گیا",
        Field.DATE: "تاریخ",
        Field.TO: "به|گیرنده|بنام",
        Field.SUBJECT: "موضوع",
    },
    "hi, mr, bn, ta": {
        Field.FROM: "प्रेषक|प्रेषक कडून|প্রেরক|அனுப்புநர்",
        Field.SENT: "भेजा गया|भेजी गई|पाठवले|পাঠানো হয়েছে|அனுப்பப்பட்டது",
        Field.DATE: "दिनांक|तारीख|তারিখ|தேதி",
        Field.TO: "प्रति|प्राप्तकर्ता|প্রতি|প্রাপক|பெறுநர்",
        Field.SUBJECT: "विषय|বিষয়|பொருள்",
    },
    "vi": {
        Field.FROM: "từ|người gửi",
        Field.SENT: "đã gửi|ngày gửi",
        Field.DATE: "ngày",
        Field.TO: "đến|tới|người nhận",
        Field.SUBJECT: "chủ đề|tiêu đề",
    },
    "id, ms": {
        Field.FROM: "dari|daripada",
        Field.SENT: "dikirim|terkirim|dihantar",
        Field.DATE: "tanggal|tarikh",
        Field.TO: "kepada|ke",
        Field.SUBJECT: "subjek|perihal|judul",
    },
    "he": {
        Field.FROM: "מאת",
        Field.SENT: "נשלח|נשלח ב",
        Field.DATE: "תאריך",
        Field.TO: "אל",
        Field.CC: "עותק",
        Field.SUBJECT: "נושא",
    },
    "ar": {
        Field.FROM: "من",
        Field.SENT: "تاريخ الإرسال|تم الإرسال|أُرسلت",
        Field.DATE: "التاريخ",
        Field.TO: "إلى",
        Field.CC: "نسخة",
        Field.SUBJECT: "الموضوع",
    },
    "th": {
        Field.FROM: "จาก",
        Field.SENT: "ส่ง|ส่งเมื่อ",
        Field.DATE: "วันที่",
        Field.TO: "ถึง",
        Field.SUBJECT: "เรื่อง|หัวเรื่อง",
    },
}

FIELD_OF: dict[str, Field] = {}
"""Field by its name in lower case."""
for _fields in _FIELDS.values():
    for _field, _names in _fields.items():
        for _name in _names.split("|"):
            FIELD_OF.setdefault(_name.casefold(), _field)

MAX_NAME_LENGTH = max(map(len, FIELD_OF))
"""Length of the longest name of a field."""
