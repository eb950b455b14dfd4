"""Notices: paragraphs that mail servers, scanners, lists and companies add to everybody's mail."""

import re
from collections.abc import Sequence

_MAX_LENGTH = 3_000
_MAX_LINES = 40
_MAX_GAP = 500
_MIN_DISCLAIMER_LENGTH = 100
"""A shorter one may well be a person's own remark."""

_BANNER = (
    re.compile(
        r"(?:caution|warning|attention|notice|external|achtung|vorsicht|warnung|hinweis|extern"
        r"|avertissement|externe|atención|precaución|aviso|externo|cuidado|atenção|attenzione"
        r"|avviso|esterno|let op|waarschuwing|obs|uwaga|внимание|this (?:e-?mail|message)"
        r"|diese (?:e-?mail|nachricht))\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:outside|external|außerhalb|extern\w{0,2}|extérieur|fuera|esterno|fora|buiten"
        r"|utanför|spoza|внешн)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:organi[sz]ation|company|network|sender|links?|attachments?|unternehmens?|absender"
        r"|anhänge|liens|organización|enlaces|organização|organizzazione|organisatie|organizacji"
        r"|организац)",
        re.IGNORECASE,
    ),
)
"""Words of a warning about mail from outside, which follow each other."""
_ABOUT_MAIL = re.compile(
    r"mail|message|sender|links?\b|attachment|nachricht|absender|anh\u00e4ng|courriel|exp\u00e9diteur"
    r"|correo|mensaje|mensagem|messaggio|mittente|bericht|afzender|meddeland|besked|melding"
    r"|wiadomo|\u043f\u0438\u0441\u044c\u043c|\u0441\u043e\u043e\u0431\u0449",
    re.IGNORECASE,
)
"""A word for mail, without which a warning is about something else."""
_DISCLAIMER = (
    re.compile(
        r"(?:(?:(?:confidentiality|legal|privacy) )?(?:notice|disclaimer|note|hinweis)\s?[:.-]\s?)?"
        r"(?:(?:the (?:information|contents?)[^\n]{0,60}? )?this (?:e-?mail|electronic|message"
        r"|communication|transmission)|(?:der inhalt )?diese[rs]? (?:e-?mail|nachricht)"
        r"|ce (?:message|courriel|mail|courrier)|cet e-?mail|este (?:mensaje|correo|e-?mail)"
        r"|esta (?:mensagem|comunicación)|quest[oa] (?:messaggio|e-?mail|comunicazione)"
        r"|(?:de informatie in )?(?:dit|deze) (?:bericht|e-?mail)|denn[ae] (?:e-?post|e-?mail|mail)"
        r"|(?:ta|niniejsza) wiadomość)\b",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:confiden[ct]i|privileged|vertraulich|riservat|vertrouwelijk|konfidenti|fortrolig"
        r"|poufn|rechtlich geschützt)",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:intended|addressee|recipient|adressat|empfänger|destinat|geadresseerde|ontvanger"
        r"|mottagar|modtager|adresat)",
        re.IGNORECASE,
    ),
)
"""The same of a note about confidence."""
_SCANNED = re.compile(
    r"(?:virus-?free\b[^\n]{0,60}|(?:libre|sin|sans|ohne) virus[^\n]{0,40}avast[^\n]{0,20}"
    r"|this (?:e-?mail|message) (?:has been|was) (?:checked|scanned) (?:for viruses|by)\b"
    r"[^\n]{0,120}|diese e-?mail wurde [^\n]{0,80}auf viren (?:geprüft|untersucht)[^\n]{0,60}"
    r"|(?:please )?(?:consider|think of) the environment before printing[^\n]{0,60}"
    r"|bitte (?:denken sie|denkt) an die umwelt[^\n]{0,80}"
    r"|pensez à l.environnement avant d.imprimer[^\n]{0,40})",
    re.IGNORECASE,
)
_LIST = re.compile(
    r"(?:you (?:are receiving|received) this (?:e-?mail|message) because you (?:are|were) "
    r"subscribed|[^\n]{1,80} mailing list(?: -- |\s{0,4}\n)"
    r"|to unsubscribe(?: from this (?:group|list)[^\n]{0,40},?)? send an e-?mail to )",
    re.IGNORECASE,
)
_EDGES = "*_[]!<> \t\xa0\u26a0\ufe0f=-"


def notice_length(lines: Sequence[str], index: int) -> int:
    """Return the number of lines of the notice that a paragraph is; 0 when it is none.

    Args:
        lines: lines of the text, stripped.
        index: first line of the paragraph.
    """
    end = index
    while end < len(lines) and lines[end] and end - index < _MAX_LINES:
        end += 1
    text = " ".join(lines[index:end])[:_MAX_LENGTH].strip(_EDGES)
    is_notice = (
        _SCANNED.fullmatch(text) is not None
        or (_has_words(text, _BANNER) and _ABOUT_MAIL.search(text) is not None)
        or (len(text) >= _MIN_DISCLAIMER_LENGTH and _has_words(text, _DISCLAIMER))
        or _LIST.match("\n".join(lines[index : index + 2])[:_MAX_LENGTH]) is not None
    )
    return end - index if is_notice else 0


def _has_words(text: str, words: Sequence[re.Pattern[str]]) -> bool:
    """Return whether a text begins with the first words, and the others follow in order."""
    found = words[0].match(text)
    for pattern in words[1:]:
        if found is None:
            return False
        found = pattern.search(text, found.end(), found.end() + _MAX_GAP)
    return found is not None
