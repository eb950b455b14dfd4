"""History in HTML mail: the elements in which mail programs put quotations and signatures.

They are turned into ``blockquote`` elements, so that :func:`everlake.markup.html_to_text` begins
their lines with ``>``, as in plain-text mail. Another program is one more entry in the tables.
"""

import re
from typing import NamedTuple

_QUOTATIONS = frozenset(
    {
        "yahoo_quoted", "yahoo-quoted",  # Yahoo
        "zmail_extra",  # Zoho
        "protonmail_quote", "tutanota_quote", "front-blockquote", "wmquote", "icloudquote",
        "quote", "quoted-content",  # GMX, web.de
        "messagereplysection",  # Spark
        "moz-forward-container",  # Thunderbird
        "mail-editor-reference-message-container", "olk_src_body_section",  # Outlook
        "isreplycontent", "isforwardcontent",  # NetEase
        "bloop_original_html", "airmail_on",  # Airmail
        "__quoted_text__",  # Zimbra
        "freshdesk_quote", "zendesk-quote", "email_quote", "email-quote", "reply-quote",
        "mailru-quote", "quoted-text", "quotedtext", "mail_quote", "gmail_extra_quote",
    }
)  # fmt: skip
_ATTRIBUTIONS = frozenset({"gmail_attr", "moz-cite-prefix"})
_RESTS = frozenset({"divrplyfwdmsg", "stopspelling", "outlookmessageheader", "replysplit"})
"""Elements after which all is history."""

_SIGNATURES = frozenset(
    {
        "gmail_signature", "moz-signature", "signature", "ms-outlook-mobile-signature",
        "applemailsignature", "protonmail_signature_block", "ymail_android_signature", "mb_sig",
        "hs_signature", "front-signature", "zmail_signature", "zmail_signature_below",
        "bloop_sign", "x_signature",
    }
)  # fmt: skip
_WRAPPED = _QUOTATIONS | _ATTRIBUTIONS | _SIGNATURES
_ELEMENT = re.compile(
    r"<(/?)(div|span|blockquote|hr|pre|table|tbody|tr|td|p|section|font|a|center|ul|ol|li|br)"
    r"(?![\w-])([^<>]{0,4000}+)>",
    re.IGNORECASE,
)
_VOID = frozenset({"hr", "br"})
_NAMES = re.compile(
    r"(?<![\w-])(?:id|class|name|data-marker)\s{0,3}=\s{0,3}"
    r"(?:\"([^\"]{1,400})\"|'([^']{1,400})'|([^\s\"'<>]{1,200}))",
    re.IGNORECASE,
)
_PREFIX = re.compile(r"(?:x_|ydp[0-9a-f]{4,12}|m_-?\d{5,24})(?=\D)|ydp[0-9a-f]{6,10}")
_SUFFIX = re.compile(r"_?\d{2,24}\Z")
_OUTLOOK_RULE = re.compile(
    r"border-top:\s?solid #(?:e1e1e1|b5c4df) 1\.0pt;\s?padding:\s?3\.0pt", re.IGNORECASE
)
_INDENT = re.compile(r"margin:\s?0(?:px)? 0(?:px)? 0(?:px)? 40px|indent-blockquote", re.IGNORECASE)
_CITED = re.compile(r"type=[\"']?cite|border-left|_quote|cite=", re.IGNORECASE)
_BEFORE_QUOTE = re.compile(
    r"(?:\s|<br[^<>]{0,200}>|</?(?:div|p)>|&nbsp;){0,40}+<blockquote", re.IGNORECASE
)


class MailMarkup(NamedTuple):
    """HTML of a mail with its history in ``blockquote`` elements."""

    source: str
    has_history: bool
    """Whether a mail program's quotation or signature is in it, so that it certainly is a mail."""


class _Open(NamedTuple):
    name: str
    closes: int  # blockquotes that end with the element
    renamed: str


def mark_history(source: str) -> MailMarkup:
    """Put the history and signatures of an HTML mail into ``blockquote`` elements.

    A ``blockquote`` that only indents, as mail programs make for the sender, becomes a ``div``.
    Never raises; the time is linear.
    """
    writer = _Marker(source)
    for element in _ELEMENT.finditer(source):
        writer.add(element)
    return writer.result()


class _Marker:
    """Rewriter of one mail, element by element."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._parts: list[str] = []
        self._position = 0
        self._stack: list[_Open] = []
        self._open_counts: dict[str, int] = {}
        self._has_history = False
        self._is_rest = False

    def add(self, element: re.Match[str]) -> None:
        self._parts.append(self._source[self._position : element.start()])
        self._position = element.end()
        name = element[2].lower()
        if element[1]:
            self._close(name, element)
        else:
            self._open(name, element)

    def result(self) -> MailMarkup:
        self._parts.append(self._source[self._position :])
        return MailMarkup("".join(self._parts), self._has_history)

    def _open(self, name: str, element: re.Match[str]) -> None:
        attributes = element[3]
        names = _names_in(attributes) if attributes else frozenset[str]()
        tag, renamed, closes = element[0], name, 0
        if name == "blockquote":
            if _INDENT.search(attributes) and not _CITED.search(attributes):
                tag, renamed = "<div>", "div"
            else:
                self._has_history |= _CITED.search(attributes) is not None
        elif not names.isdisjoint(_RESTS) or _OUTLOOK_RULE.search(attributes):
            self._has_history = True
            if not self._is_rest:
                self._is_rest = True
                tag = "<blockquote>" + tag
        elif not names.isdisjoint(_WRAPPED):
            self._has_history = True
            tag, closes = "<blockquote>" + tag, 1
        self._parts.append(tag)
        if name not in _VOID and not attributes.endswith("/"):
            is_attribution = closes and not names.isdisjoint(_ATTRIBUTIONS)
            self._stack.append(_Open(name, -1 if is_attribution else closes, renamed))
            self._open_counts[name] = self._open_counts.get(name, 0) + 1

    def _close(self, name: str, element: re.Match[str]) -> None:
        if not self._open_counts.get(name):
            if name != "blockquote":
                self._parts.append(element[0])
            return
        while True:
            opened = self._stack.pop()
            self._open_counts[opened.name] -= 1
            is_match = opened.name == name
            if is_match:
                self._parts.append("</div>" if opened.renamed != name else element[0])
            elif opened.name == "blockquote":
                self._parts.append(f"</{opened.renamed}>")
            self._end_quotations(opened.closes)
            if is_match:
                return

    def _end_quotations(self, closes: int) -> None:
        """End the quotations of an element; a forward's goes on to the end of the parent."""
        if closes < 0:
            if self._stack and not _BEFORE_QUOTE.match(self._source, self._position):
                parent = self._stack[-1]
                self._stack[-1] = parent._replace(closes=abs(parent.closes) + 1)
                return
            closes = 1
        self._parts.append("</blockquote>" * closes)


def _names_in(attributes: str) -> frozenset[str]:
    names: list[str] = []
    for match in _NAMES.finditer(attributes):
        for word in (match[1] or match[2] or match[3]).lower().split():
            bare = word
            while prefix := _PREFIX.match(bare):
                bare = bare[prefix.end() :]
            names += [word, bare, _SUFFIX.sub("", bare)]
    return frozenset(names)
