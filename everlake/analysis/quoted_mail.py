"""Email text: separates what the sender wrote from quotations and signatures."""

import re
from collections.abc import Iterator
from enum import Enum, auto

_WROTE = re.compile(
    r"(?:On|Le|Am|El|Il|Op|Em|Den|Dne|W dniu)\s.{3,300}?"
    r"(?:wrote|a écrit|schrieb|escribió|ha scritto|schreef|escreveu|skrev|napsal|napisał)"
    r".{0,80}:",
    re.DOTALL,
)
_WROTE_START = re.compile(r"(?:On|Le|Am|El|Il|Op|Em|Den|Dne|W dniu)\s")
_ORIGINAL = re.compile(
    r"[-_*\s]*\b(?:original message|forwarded message|original appointment|message d'origine"
    r"|message transféré|ursprüngliche nachricht|weitergeleitete nachricht|mensaje original"
    r"|mensaje reenviado|messaggio originale|oorspronkelijk bericht|mensagem original)\b[-_*\s:]*",
    re.IGNORECASE,
)
_ORIGINAL_FRAME = re.compile(r"[-_*]{3,}|begin\s|[-_*]{2,}\s", re.IGNORECASE)
_HEADER = re.compile(r"\*?(?:From|De|Von|Da|Van|Från)\s?:\*?\s", re.IGNORECASE)
_HEADER_MORE = re.compile(
    r"\*?(?:Sent|Date|To|Envoyé|Gesendet|Datum|An|À|Enviado|Fecha|Para|Inviato|Data|Aan|Verzonden"
    r"|Subject|Objet|Betreff|Asunto)\s?:\*?\s",
    re.IGNORECASE,
)
_SENT_FROM = re.compile(
    r"(?:sent from my |sent from (?:mail|outlook|yahoo)|get outlook for "
    r"|von meinem .{1,20} gesendet|envoyé de mon )",
    re.IGNORECASE,
)


def split_quotes(text: str, *, angle_quotes: bool = True) -> list[tuple[bool, str]]:
    """Split the text of an email into segments: (whether the sender wrote it, the segment).

    Not written by the sender are lines that begin with ``>``, what follows ``On … wrote:``,
    ``-----Original Message-----`` or a copied mail header, and the signature after ``--``.
    Together the segments contain every line of the text.

    Args:
        text: normalised text.
        angle_quotes: whether ``>`` at the start of a line marks a quotation.
    """
    lines = text.split("\n")
    kinds = list(_classify_lines(lines, angle_quotes=angle_quotes))
    segments: list[tuple[bool, str]] = []
    start = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or kinds[index] is not kinds[start]:
            segment = "\n".join(lines[start:index]).strip()
            if segment.strip("> \n"):
                segments.append((kinds[start] is _LineKind.OWN, segment))
            start = index
    return segments


class _LineKind(Enum):
    OWN = auto()
    QUOTED = auto()
    SIGNATURE = auto()


def _classify_lines(lines: list[str], *, angle_quotes: bool) -> Iterator[_LineKind]:
    """Yield the kind of each line."""
    kind = default = _LineKind.OWN
    attribution_rest = 0  # further lines of an "On … wrote:" that spans several
    for index, line in enumerate(lines):
        text = line.strip()
        if attribution_rest:
            attribution_rest -= 1
        elif default is _LineKind.QUOTED or not text:
            pass
        elif _is_forward_marker(text) or _is_header(lines, index):
            kind = default = _LineKind.QUOTED
        elif angle_quotes and text.startswith(">"):
            kind = _LineKind.QUOTED
        elif length := _attribution_length(lines, index):
            kind, attribution_rest = _LineKind.QUOTED, length - 1
            if not (angle_quotes and _is_followed_by_quote(lines, index + length)):
                default = kind
        elif text == "--" or _SENT_FROM.match(text):
            kind = default = _LineKind.SIGNATURE
        else:
            kind = default
        yield kind


def _is_forward_marker(line: str) -> bool:
    return (
        len(line) < 120
        and _ORIGINAL.fullmatch(line) is not None
        and _ORIGINAL_FRAME.match(line) is not None
    )


def _is_header(lines: list[str], index: int) -> bool:
    if not _HEADER.match(lines[index].strip()):
        return False
    following = [text for line in lines[index + 1 : index + 5] if (text := line.strip())]
    return sum(1 for line in following if _HEADER_MORE.match(line)) >= 2


def _attribution_length(lines: list[str], index: int) -> int:
    """Return the number of lines of the "On … wrote:" at ``index``; 0 when there is none."""
    if not _WROTE_START.match(lines[index].lstrip()):
        return 0
    text = ""
    for length, line in enumerate(lines[index : index + 4], 1):
        text = (text + " " + line.strip()).strip()
        if len(text) > 400:
            return 0
        if text.endswith(":"):
            return length if _WROTE.fullmatch(text) else 0
    return 0


def _is_followed_by_quote(lines: list[str], index: int) -> bool:
    following = next((text for line in lines[index : index + 3] if (text := line.strip())), "")
    return following.startswith(">")
