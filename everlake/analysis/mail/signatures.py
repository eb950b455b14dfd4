"""Signatures: the delimiter before a person's, and the lines that mail programs add."""

import re

_MAX_LENGTH = 240
_DEVICES = (
    r"iphon|ipad|ipod|ios\b|apple watch|mac\b|macbook|android|samsung|galaxy|huawei|xiaomi|redmi"
    r"|oneplus|pixel|nokia|sony|xperia|\blg\b|htc|motorola|blackberry|windows|outlook|yahoo|gmail"
    r"|proton|thunderbird|aol\b|gmx|web\.de|mail\.ru|yandex|яндекс|mail app|mailbox|spark\b|airmail"
    r"|edison|bluemail|blue mail|typeapp|hey\b|fastmail|tutanota|tuta\b|zoho|superhuman|canary"
    r"|newton|mailspring|mailbird|em client|postbox|missive|mimestream|polymail"
    r"|front\b|mobile|mobil|smartphone|smart phone|handy|téléphone|teléfono|telefono|telefon"
    r"|telefoon"
    r"|celular|móvil|cellulare|telemóvel|puhelim|telefonu|komórk|смартфон|телефон|айфон|手机|手機"
    r"|行動|携帯|スマートフォン|휴대폰|휴대전화|모바일|아이폰|갤럭시|邮箱|信箱|tablet|mail for"
    r"|orange mail"
    r"|t-mobile|verizon|at&t|vodafone|myMail|k-9|fairemail|device|gerät|appareil|dispositivo|laptop"
)
_DEVICE = re.compile(_DEVICES, re.IGNORECASE)
_SENT_FROM = re.compile(
    r"(?:sent (?:from|with|via|by|using)\b|sent securely (?:from|with)|get outlook for"
    r"|download outlook for|get the .{2,30} app"
    # German
    r"|(?:diese (?:nachricht|e-mail|mail) wurde )?(?:von|mit|über|vom|via) .{2,60} "
    r"(?:gesendet|verschickt|versendet|geschickt)"
    r"|gesendet (?:von|mit|über|via|aus)|verschickt (?:von|mit)|versendet (?:von|mit)"
    r"|outlook für .{2,20} (?:beziehen|herunterladen|abrufen)|hol(?:en sie sich)? .{2,30} für"
    # French
    r"|envoy(?:é|e|ée) (?:de|depuis|à partir|avec|par|via)|t[ée]l[ée]charge[rz]? outlook"
    r"|obtenir outlook|obtenez outlook|provenance : "
    # Spanish, Portuguese, Italian, Catalan, Romanian
    r"|envi(?:ado|ada|at) (?:desde|de|do|da|com|con|a partir|pelo|pela|via|mediante|des de)\b"
    r"|obt(?:ener|én|enga|er|enha|em) (?:o )?outlook|baixe o outlook|consigue outlook|descarga"
    r"r? outlook|inviato (?:da|dal|dall'|con|tramite|via)|ottieni outlook|scarica outlook"
    r"|trimis (?:de pe|din|cu|de la)|descărcați outlook"
    # Dutch
    r"|(?:verzonden|verstuurd) (?:vanaf|vanuit|met|via|van)|outlook voor .{2,20} "
    r"(?:downloaden|ophalen)|download outlook voor"
    # Danish, Norwegian, Swedish, Finnish
    r"|sendt (?:fra|med|via)\b|hent outlook|last ned outlook|få outlook"
    r"|skicka(?:t|des|d) (?:från|med|via)|hämta outlook|skaffa outlook"
    r"|lähetetty .{2,60}|hanki outlook|lataa outlook"
    # Polish, Czech, Slovak, Hungarian, Croatian
    r"|wysłan[eoay] (?:z|ze|za pomocą|przez)\b|(?:pobierz|uzyskaj) (?:program )?outlook"
    r"|od(?:esláno|eslané|oslané|oslano) (?:z|ze|pomocí|zo|prostredníctvom|přes|cez)\b"
    r"|získat outlook|získejte outlook|získať outlook|stáhnout outlook"
    r"|.{2,60}(?:ról|ről|ből|ból|mről|mmal|mel|vel) küldve|küldve .{2,60}|elküldve .{2,60}"
    r"|az? outlook .{2,20} letöltése|poslano (?:s|sa|iz|z|preko)\b|poslato (?:sa|iz)"
    # Russian, Ukrainian, Bulgarian
    r"|отправлено (?:с|из|от|через)\s|отправлено с помощью|скачать outlook|получить outlook"
    r"|(?:надіслано|відправлено) (?:з|із|зі|від|за допомогою|через)\s|отримати outlook"
    r"|изпратено от\s"
    # Turkish, Greek, Vietnamese, Indonesian
    r"|.{2,60}(?:dan|den|tan|ten|dan|ımdan|umdan|imden|ümden|mdan|mden) gönderildi"
    r"|.{2,40} (?:için|ile|üzerinden) (?:outlook'u edinin|gönderildi)|.{2,40} için outlook"
    r"|στάλθηκε από|απεσταλμένο από|được gửi từ|đã gửi từ|gửi từ |dikirim dari"
    r"|נשלח מה|أُرسلت من|أرسلت من|مرسل من|ส่งจาก"
    # Japanese, Chinese, Korean
    r"|.{2,40}から送信|送信元|.{2,40}で送信|.{1,40}のスマートフォンから送信"
    r"|outlook for .{2,20} を入手"
    r"|.{2,30} 用 outlook を入手|发自|發自|发送自|来自|寄自|傳送自|從我的|从我的|来自我的"
    r"|获取 ?outlook|取得 ?outlook"
    r"|.{2,40}에서 보냄|.{2,40}에서 보낸|나의 .{2,40}에서|내 .{2,40}에서 보냄"
    r"|.{2,40}용 outlook ?(?:다운로드|받기))",
    re.IGNORECASE,
)
_EMPHASIS = "*_<>[]() \t\xa0"
_LINK = re.compile(r"\[([^\[\]\n]{1,80})\]\([^()\s]{1,300}\)|<https?://[^<>\s]{1,300}>")
_MODEL_COMMA = re.compile(r", (?=an? |Samsung|the )")
_SENTENCE_END = re.compile(r"[.!?,;\u3002\uff01\uff1f](?:\s|\Z)")


def is_delimiter(line: str) -> bool:
    """Return whether a line is the delimiter ``--`` of RFC 3676, with any white space after it."""
    return line.strip() == "--"


def is_client_line(line: str, *, is_last: bool) -> bool:
    """Return whether a mail program or phone wrote a line, such as "Sent from my iPhone".

    Args:
        line: a stripped line.
        is_last: whether only quotations follow. A long line is taken for the sender's own unless
            it is the last one. So is any line that names no device or program.
    """
    if not 5 <= len(line) <= _MAX_LENGTH:
        return False
    text = _LINK.sub(r"\1", line).strip(_EMPHASIS)
    found = _SENT_FROM.match(text)
    if found is None:
        return False
    bare = text.rstrip(". ")
    if _SENTENCE_END.search(_MODEL_COMMA.sub(" ", bare)) or len(bare.split()) > 14:
        return False
    return _DEVICE.search(bare) is not None and (is_last or len(bare.split()) <= 9)
