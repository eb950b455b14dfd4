"""An email's text, parted into what its sender wrote and what only came along."""

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
    """``text`` as segments in order: (whether the sender wrote it, the segment).

    Not the sender's own words: lines that begin with ``>`` (when ``angle_quotes``), what
    follows ``On … wrote:``, ``-----Original Message-----`` or a copied mail header, and the
    signature after ``--``. Together the segments hold every line of ``text``.
    """
    lines = text.split("\n")
    parts = list(_classify_lines(lines, marked_lines=angle_quotes))
    segments: list[tuple[bool, str]] = []
    start = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or parts[index] is not parts[start]:
            segment = "\n".join(lines[start:index]).strip()
            if segment.strip("> \n"):
                segments.append((parts[start] is _LineKind.OWN, segment))
            start = index
    return segments


class _LineKind(Enum):
    OWN = auto()
    QUOTED = auto()
    SIGNATURE = auto()


def _classify_lines(lines: list[str], *, marked_lines: bool) -> Iterator[_LineKind]:
    """What each line is a part of."""
    part, ending = _LineKind.OWN, _LineKind.OWN
    introduced = 0  # lines still to come of an "On … wrote:" that runs over several
    for index, line in enumerate(lines):
        bare = line.strip()
        if introduced:
            introduced -= 1
        elif ending is _LineKind.QUOTED or not bare:
            pass
        elif _is_forward_marker(bare) or _is_header(lines, index):
            part = ending = _LineKind.QUOTED
        elif marked_lines and bare.startswith(">"):
            part = _LineKind.QUOTED
        elif run := _attribution_lines(lines, index):
            part, introduced = _LineKind.QUOTED, run - 1
            if not (marked_lines and _is_followed_by_quote(lines, index + run)):
                ending = part
        elif bare == "--" or _SENT_FROM.match(bare):
            part = ending = _LineKind.SIGNATURE
        else:
            part = ending
        yield part


def _is_forward_marker(line: str) -> bool:
    return (
        len(line) < 120
        and _ORIGINAL.fullmatch(line) is not None
        and _ORIGINAL_FRAME.match(line) is not None
    )


def _is_header(lines: list[str], index: int) -> bool:
    if not _HEADER.match(lines[index].strip()):
        return False
    following = [x for line in lines[index + 1 : index + 5] if (x := line.strip())]
    return sum(1 for line in following if _HEADER_MORE.match(line)) >= 2


def _attribution_lines(lines: list[str], index: int) -> int:
    """How many lines an "On … wrote:" that begins at ``index`` takes; 0 when none does."""
    if not _WROTE_START.match(lines[index].lstrip()):
        return 0
    text = ""
    for run, line in enumerate(lines[index : index + 4], 1):
        text = (text + " " + line.strip()).strip()
        if len(text) > 400:
            return 0
        if text.endswith(":"):
            return run if _WROTE.fullmatch(text) else 0
    return 0


def _is_followed_by_quote(lines: list[str], index: int) -> bool:
    following = next((x for line in lines[index : index + 3] if (x := line.strip())), "")
    return following.startswith(">")
