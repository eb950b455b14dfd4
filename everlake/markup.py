"""HTML to the text a reader sees.

A tokenizer rather than a tree: building the tree of a hostile page takes time that grows with
the square of its length (a half megabyte of nested ``<div>`` half a minute), and text needs no
tree. One pass, each character looked at a bounded number of times.
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


def _word_set(listed: str) -> list[str]:
    return listed.split()


_BREAKS = {
    **dict.fromkeys(
        _word_set(
            "p h1 h2 h3 h4 h5 h6 ul ol dl table pre section article header footer hr figure form "
            "main aside nav"
        ),
        "\n\n",
    ),
    **dict.fromkeys(
        _word_set(
            "div br li tr dt dd address fieldset details summary caption thead tbody option "
            "center body figcaption"
        ),
        "\n",
    ),
    **dict.fromkeys(("td", "th"), " "),
}


def looks_like_html(text: str) -> bool:
    """Whether ``text`` holds a tag that HTML writers use."""
    return "<" in text and _HTML_TAG.search(text) is not None


def decode_entities(text: str) -> str:
    """Plain text with the few character references decoded that chat systems leave in it."""
    return _ENTITY.sub(lambda match: _ENTITIES[match[0]], text) if "&" in text else text


def html_to_text(source: str) -> str:
    """The readable text of ``source``, lines broken where blocks end.

    Scripts, styles, the head and comments are dropped, links keep their text, character
    references are decoded. Lines inside ``blockquote`` begin with ``> ``, as in plain mail.
    Never raises; where the markup is broken off, the rest is text.
    """
    page = _TextWriter()
    position, end = 0, len(source)
    no_end: set[str] = set()
    while position < end:
        start = source.find("<", position)
        if start < 0:
            break
        page.text(source[position:start])
        tag = _TAG.match(source, start)
        if tag:
            name = tag[2].lower()
            position = tag.end()
            if name in _SKIPPED_ELEMENTS and not tag[1] and name not in no_end:
                closing = _SKIPPED_ELEMENTS[name].search(source, position)
                position = closing.start() if closing else position
                no_end.update(() if closing else (name,))
            page.tag(name, closes=bool(tag[1]))
            continue
        if _TAG_START.match(source, start):  # a tag that never ends, so none after it does
            position = start
            break
        following = source[start + 1 : start + 2]
        closer = "-->" if source.startswith("<!--", start) else ">"
        if following and following in "!?/" and closer not in no_end:
            found = source.find(closer, start)
            if found >= 0:
                position = found + len(closer)
                continue
            no_end.add(closer)
        page.text("<")
        position = start + 1
    page.text(source[position:])
    return page.result()


class _TextWriter:
    """The text seen so far."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._quoted = 0
        self._preformatted = 0

    def text(self, source: str) -> None:
        if not source:
            return
        if "&" in source:
            # html.unescape hands the digits to int(), which refuses thousands of them
            source = html.unescape(_LONG_REFERENCE.sub("\ufffd", source))
        if self._preformatted:
            self._parts.append(source.replace("\n", self._line_break("\n")))
        else:
            self._parts.append(_SPACE.sub(" ", source))

    def tag(self, name: str, *, closes: bool) -> None:
        if name == "blockquote":
            before = self._quoted
            self._quoted = max(0, before + (-1 if closes else 1))
            self._parts.append("\n\n" if not self._quoted else "\n" + self._line_break("\n"))
            return
        if name == "pre":
            self._preformatted = max(0, self._preformatted + (-1 if closes else 1))
        mark = _BREAKS.get(name)
        if mark:
            self._parts.append(self._line_break(mark))

    def _line_break(self, mark: str) -> str:
        return mark + "> " if self._quoted and mark != " " else mark

    def result(self) -> str:
        return _EMPTY_QUOTE_LINE.sub("", "".join(self._parts))
