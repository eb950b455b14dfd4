"""Conversion of HTML to plain text, in linear time.

HTML is told from plain text and Markdown that has a tag or comment in it. It is read by a tokenizer
and no parser: parsers that build a tree take quadratic time for hostile pages (half a minute for
half a megabyte of nested ``<div>``), and text needs no tree.
"""

import html
import re

_BLOCK_TAG = (
    "(?:html|head|body|p|div|br|ul|ol|li|table|tbody|tr|td|th|h[1-6]|hr|blockquote|pre|style|script"
    "|section|article|center|o:p|ac:[a-z-]{1,40}+|ri:[a-z-]{1,40}+)"
)
_INLINE_TAG = (
    "(?:a|b|i|u|s|em|strong|del|ins|mark|span|font|img|code|kbd|small|sup|sub|at|emoji|details"
    "|summary)"
)
_END_OF_TAG = r"(?:\s*+/?>|\s++[a-z:-]{1,40}\s*+=)"
# A letter in angle brackets after a word is a type parameter: ``List<A>``.
_NOT_TYPE_PARAMETER = r"(?!(?<=\w<)[abisup]\s*+>)"
_HTML_BLOCK = re.compile(
    rf"<(?:!doctype\s|/{_BLOCK_TAG}\s*+>|{_NOT_TYPE_PARAMETER}{_BLOCK_TAG}{_END_OF_TAG})",
    re.IGNORECASE,
)
_HTML_INLINE = re.compile(
    rf"<(?:/{_INLINE_TAG}\s*+>|{_NOT_TYPE_PARAMETER}{_INLINE_TAG}{_END_OF_TAG})", re.IGNORECASE
)
_MARKDOWN_LINE = re.compile(r"^ {0,3}+(?:#{1,6} |[-*+] |\d{1,9}[.)] |```|~~~|> |\|)", re.MULTILINE)
_CODE = re.compile(r"```(?:[^`]|`(?!``))*+(?:```)?+|`[^`\n]++`")
_KNOWN_TAG = re.compile(
    rf"</?(?:{_BLOCK_TAG}|{_INLINE_TAG})(?:\s[^<>]{{0,2000}}+)?/?>", re.IGNORECASE
)
_BREAK_TAG = re.compile(r"</?(?:br|p|div|li|tr|hr|h[1-6]|summary|table)\b", re.IGNORECASE)
_TAG = re.compile(
    r"""<(/?)([a-zA-Z][a-zA-Z0-9:-]*+)(?=[\s/>=])(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+>"""
)
_TAG_START = re.compile(r"</?[a-zA-Z][a-zA-Z0-9:-]*+(?=[\s/>=]|\Z)")
_CLOSING_NAME = re.compile(r"</([a-zA-Z][a-zA-Z0-9:-]*+)")
_ATTRIBUTE = re.compile(
    r"""([a-zA-Z][a-zA-Z:-]{0,40}+)\s{0,3}+=\s{0,3}+(?:"([^"]{0,500}+)"|'([^']{0,500}+)')"""
)
_CDATA = "<![CDATA["
_EMPTY_QUOTE_LINE = re.compile(r"^ *+>[ >]*+$", re.MULTILINE)
_SPACE = re.compile(r"\s+")
_LONG_REFERENCE = re.compile(r"&#(?:\d{8,}|[xX][0-9a-fA-F]{8,});?")
_ENTITY = re.compile(r"&(?:lt|gt|quot|apos|nbsp|amp|#(3[3-9]|4[0-7]|5[89]|6[0-4]|9[1-6]|12[3-6]));")
"""Also punctuation of ASCII by number."""
_ENTITIES = {
    "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&nbsp;": " ", "&amp;": "&",
}  # fmt: skip
_SKIPPED_ELEMENTS = {
    "script": re.compile(r"</script\b", re.IGNORECASE),
    "style": re.compile(r"</style\b", re.IGNORECASE),
    "head": re.compile(r"</head\b|<body\b", re.IGNORECASE),
    # Settings in Confluence's storage format.
    "ac:parameter": re.compile(r"</ac:parameter\b", re.IGNORECASE),
    "ac:task-id": re.compile(r"</ac:task-id\b", re.IGNORECASE),
    "ac:task-uuid": re.compile(r"</ac:task-uuid\b", re.IGNORECASE),
    "ac:task-status": re.compile(r"</ac:task-status\b", re.IGNORECASE),
    "ac:placeholder": re.compile(r"</ac:placeholder\b", re.IGNORECASE),
}
_SAID_ATTRIBUTES = {
    "ri:page": ("ri:content-title", ""),
    "ri:blog-post": ("ri:content-title", ""),
    "ri:user": ("ri:account-id", "<@"),
    "ac:emoticon": ("ac:emoji-fallback", ""),
    "emoji": ("alt", ""),
    "time": ("datetime", ""),
}
"""Attributes that stand for the text of an empty element, with what goes before them."""
_LABELLED = frozenset({"ri:page", "ri:blog-post"})
"""Elements whose attribute is not shown when a label follows."""
_PARAGRAPH_ELEMENTS = (
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "pre", "section",
    "article", "header", "footer", "hr", "figure", "form", "main", "aside", "nav",
    "ac:structured-macro", "ac:plain-text-body", "ac:rich-text-body", "ac:task-list",
)  # fmt: skip
_LINE_ELEMENTS = (
    "div", "br", "li", "tr", "dt", "dd", "address", "fieldset", "details", "summary", "caption",
    "thead", "tbody", "option", "center", "body", "figcaption",
    "ac:task", "ac:layout-cell",
)  # fmt: skip
_SEPARATORS = {
    **dict.fromkeys(_PARAGRAPH_ELEMENTS, "\n\n"),
    **dict.fromkeys(_LINE_ELEMENTS, "\n"),
    **dict.fromkeys(("td", "th"), " "),
}


_OTHER_ELEMENTS = """
a abbr acronym audio b base bdi bdo big button canvas cite code col colgroup data datalist del dfn
dialog em embed font html i iframe img input ins kbd label legend link map mark menu meta meter
object output param picture progress q rp rt ruby s samp select slot small source span strike
strong sub sup svg template textarea tfoot time title track tt u ul var video wbr blockquote
"""
_HTML_ELEMENTS = frozenset({*_OTHER_ELEMENTS.split(), *_SEPARATORS, *_SKIPPED_ELEMENTS})


def looks_like_html(text: str) -> bool:
    """Return whether the text is HTML, whose line breaks are spaces.

    Plain text and Markdown with a comment, an inline tag or a tag in their code are not.
    """
    if "<" not in text:
        return False
    bare = _without_comments(text)
    block = _HTML_BLOCK.search(bare)
    is_marked_up = block is not None or _HTML_INLINE.search(bare) is not None
    if not is_marked_up or "\n" not in bare.strip():
        return is_marked_up
    if bare.lstrip().startswith("<") and block is not None:
        return not (_is_markdown(bare) and "```" in bare)
    return block is not None and not _is_markdown(bare)


def _is_markdown(text: str) -> bool:
    return _MARKDOWN_LINE.search(text) is not None


def markdown_to_text(source: str) -> str:
    """Return plain text or Markdown without comments and HTML tags, its lines and code kept."""
    if "<" not in source:
        return decode_entities(source)
    parts: list[str] = []
    position = 0
    text = _without_comments(source)
    for code in _CODE.finditer(text):
        parts += (_without_tags(text[position : code.start()]), code[0])
        position = code.end()
    parts.append(_without_tags(text[position:]))
    return "".join(parts)


def _without_tags(text: str) -> str:
    if _HTML_INLINE.search(text) or _HTML_BLOCK.search(text):
        text = _KNOWN_TAG.sub(lambda tag: "\n" if _BREAK_TAG.match(tag[0]) else "", text)
    return decode_entities(text)


def _without_comments(text: str) -> str:
    """Return the text without HTML comments; a line of nothing else goes with its break."""
    parts: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        end += 3
        before = text[position:start]
        is_line = not before.rpartition("\n")[2].strip() and text[end : end + 1] == "\n"
        parts.append(before)
        position = end + 1 if is_line and (before or not parts[:-1]) else end
    parts.append(text[position:])
    return "".join(parts)


def decode_entities(text: str) -> str:
    """Return plain text with the character references decoded that chat systems leave in it."""
    return _ENTITY.sub(_decoded, text) if "&" in text else text


def _decoded(entity: re.Match[str]) -> str:
    return chr(int(entity[1])) if entity[1] else _ENTITIES[entity[0]]


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
    closed = {name.lower() for name in _CLOSING_NAME.findall(source)}
    while position < end:
        start = source.find("<", position)
        if start < 0:
            break
        writer.text(source[position:start])
        tag = _TAG.match(source, start)
        if tag and _is_type_parameter(tag, closed):
            writer.text(tag[0])
            position = tag.end()
        elif tag:
            position = _write_tag(writer, source, tag, unclosed)
        elif _TAG_START.match(source, start):
            # The tag has no end, and so no tag after it has one.
            position = start
            break
        else:
            position = _write_declaration(writer, source, start, unclosed)
    writer.text(source[position:])
    return writer.result()


def _is_type_parameter(tag: re.Match[str], closed: set[str]) -> bool:
    """Return whether a tag is rather that of ``List<String>``: no element, and never closed."""
    name = tag[2].lower()
    return tag.end() == tag.end(2) + 1 and name not in _HTML_ELEMENTS and name not in closed


def _write_tag(writer: "_TextWriter", source: str, tag: re.Match[str], unclosed: set[str]) -> int:
    """Write what a tag stands for; return where to read on."""
    name, position = tag[2].lower(), tag.end()
    if name in _SAID_ATTRIBUTES and not tag[1]:
        following = source[position : position + 200].lstrip()
        if name not in _LABELLED or following.startswith("</ac:link"):
            writer.text(_said_attribute(name, tag[0]))
    if name in _SKIPPED_ELEMENTS and not tag[1] and name not in unclosed:
        closing = _SKIPPED_ELEMENTS[name].search(source, position)
        position = closing.start() if closing else position
        unclosed.update(() if closing else (name,))
    writer.tag(name, is_closing=bool(tag[1]))
    return position


def _write_declaration(writer: "_TextWriter", source: str, start: int, unclosed: set[str]) -> int:
    """Skip a comment or declaration, or write ``<`` or a CDATA section; return where to read on."""
    is_literal = source.startswith(_CDATA, start)
    closer = "]]>" if is_literal else "-->" if source.startswith("<!--", start) else ">"
    if source[start + 1 : start + 2] in ("!", "?", "/") and closer not in unclosed:
        found = source.find(closer, start)
        if found >= 0:
            writer.literal(source[start + len(_CDATA) : found] if is_literal else "")
            return found + len(closer)
        unclosed.add(closer)
    writer.text("<")
    return start + 1


def _said_attribute(name: str, tag: str) -> str:
    """Return what an empty element such as ``<ri:page ri:content-title="Plan"/>`` shows."""
    attribute, prefix = _SAID_ATTRIBUTES[name]
    if name == "time" and not tag.endswith("/>"):
        return ""
    for found in _ATTRIBUTE.finditer(tag[:2_000]):
        if found[1].lower() == attribute:
            value = found[2] or found[3] or ""
            return f"&lt;@{value}&gt;" if prefix and value else value
    return ""


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

    def literal(self, text: str) -> None:
        """Add a text that has neither markup nor character references."""
        self._parts.append(text.replace("\n", self._quoted("\n")))

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
