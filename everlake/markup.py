"""Conversion of HTML to plain text, in linear time.

It uses a tokenizer of its own and no parser: parsers that build a tree take quadratic time for
hostile pages (half a minute for half a megabyte of nested ``<div>``), and text needs no tree.
"""

import html
import re

_COMMON_TAG = (
    "(?:html|head|body|p|div|br|span|a|b|i|u|em|strong|ul|ol|li|table|tbody|tr|td|th|h[1-6]|img|hr"
    "|blockquote|pre|code|font|style|script|section|article|small|sup|sub|center|o:p)"
)
_HTML_TAG = re.compile(
    rf"<(?:!doctype\s|!--|/?{_COMMON_TAG}\s*+/?>|{_COMMON_TAG}\s++[a-z:-]{{1,40}}\s*+=)",
    re.IGNORECASE,
)
_TAG = re.compile(r"""<(/?)([a-zA-Z][a-zA-Z0-9:-]*+)(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+>""")
_TAG_START = re.compile(r"</?[a-zA-Z]")
_EMPTY_QUOTE_LINE = re.compile(r"^ *+>[ >]*+$", re.MULTILINE)
_SPACE = re.compile(r"\s+")
_LONG_REFERENCE = re.compile(r"&#(?:\d{8,}|[xX][0-9a-fA-F]{8,});?")
_ENTITY = re.compile(r"&(?:lt|gt|quot|#39|#58|apos|nbsp|amp);")
_ENTITIES = {
    "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'", "&apos;": "'", "&nbsp;": " ",
    "&amp;": "&", "&#58;": ":",
}  # fmt: skip
_SKIPPED_ELEMENTS = {
    "script": re.compile(r"</script\b", re.IGNORECASE),
    "style": re.compile(r"</style\b", re.IGNORECASE),
    "head": re.compile(r"</head\b|<body\b", re.IGNORECASE),
}
_PARAGRAPH_ELEMENTS = (
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "section",
    "article", "header", "footer", "hr", "figure", "form", "main", "aside", "nav",
)  # fmt: skip
_LINE_ELEMENTS = (
    "div", "br", "li", "tr", "dt", "dd", "address", "fieldset", "details", "summary", "caption",
    "thead", "tbody", "option", "center", "body", "figcaption",
)  # fmt: skip
_SEPARATORS = {
    **dict.fromkeys(_PARAGRAPH_ELEMENTS, "\n\n"),
    **dict.fromkeys(_LINE_ELEMENTS, "\n"),
    **dict.fromkeys(("td", "th"), " "),
}


def looks_like_html(text: str) -> bool:
    """Return whether the text contains a common HTML tag."""
    return "<" in text and _HTML_TAG.search(text) is not None


def decode_entities(text: str) -> str:
    """Return plain text with the character references decoded that chat systems leave in it."""
    return _ENTITY.sub(lambda match: _ENTITIES[match[0]], text) if "&" in text else text


def html_to_text(source: str) -> str:
    """Return the readable text of an HTML page or fragment, with line breaks between blocks.

    Scripts, styles, the head and comments are omitted; links keep their text; character references
    are decoded. Lines in a ``blockquote`` begin with ``> ``, as in plain-text email. Never raises:
    incomplete markup is text.
    """
    writer = _TextWriter()
    position, end = 0, len(source)
    # Elements and delimiters whose end is missing. Each is searched for once, for linear time.
    unclosed: set[str] = set()
    while position < end:
        start = source.find("<", position)
        if start < 0:
            break
        writer.text(source[position:start])
        tag = _TAG.match(source, start)
        if tag:
            name = tag[2].lower()
            position = tag.end()
            if name in _SKIPPED_ELEMENTS and not tag[1] and name not in unclosed:
                closing = _SKIPPED_ELEMENTS[name].search(source, position)
                position = closing.start() if closing else position
                unclosed.update(() if closing else (name,))
            writer.tag(name, is_closing=bool(tag[1]))
            continue
        if _TAG_START.match(source, start):
            # The tag has no end, and so no tag after it has one.
            position = start
            break
        following = source[start + 1 : start + 2]
        closer = "-->" if source.startswith("<!--", start) else ">"
        if following and following in "!?/" and closer not in unclosed:
            found = source.find(closer, start)
            if found >= 0:
                position = found + len(closer)
                continue
            unclosed.add(closer)
        writer.text("<")
        position = start + 1
    writer.text(source[position:])
    return writer.result()


class _TextWriter:
    """Text of a page, built tag by tag."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._quote_depth = 0
        self._preformatted_depth = 0

    def text(self, source: str) -> None:
        if not source:
            return
        if "&" in source:
            # html.unescape passes the digits to int(), which refuses thousands of them.
            source = html.unescape(_LONG_REFERENCE.sub("\ufffd", source))
        if self._preformatted_depth:
            self._parts.append(source.replace("\n", self._quoted("\n")))
        else:
            self._parts.append(_SPACE.sub(" ", source))

    def tag(self, name: str, *, is_closing: bool) -> None:
        if name == "blockquote":
            self._quote_depth = max(0, self._quote_depth + (-1 if is_closing else 1))
            self._parts.append("\n" + self._quoted("\n"))
            return
        if name == "pre":
            self._preformatted_depth = max(0, self._preformatted_depth + (-1 if is_closing else 1))
        separator = _SEPARATORS.get(name)
        if separator:
            self._parts.append(self._quoted(separator))

    def _quoted(self, separator: str) -> str:
        """Return the separator, with the prefix of a quotation after a line break."""
        return separator + "> " if self._quote_depth and separator != " " else separator

    def result(self) -> str:
        return _EMPTY_QUOTE_LINE.sub("", "".join(self._parts))
