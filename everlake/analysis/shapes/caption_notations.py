"""Captions in other notations: lines of Whisper, SubStation Alpha, and XML (TTML, YouTube)."""

import re
from collections.abc import Iterator

from everlake.analysis.shapes.cues import CLOCK, Cue
from everlake.markup import decode_entities

_WHISPER_LINE = re.compile(rf"\[({CLOCK})\s{{0,4}}-{{1,2}}>\s{{0,4}}{CLOCK}\]\s{{0,8}}")
_EVENTS = re.compile(r"^\[Events\][ \t]*\r?$", re.MULTILINE | re.IGNORECASE)
_OVERRIDE = re.compile(r"\{[^{}\n]{0,400}\}")
_XML_HEAD = re.compile(r"\s{0,20}(?:<\?xml[^<>]{0,200}>\s{0,20})?<(?:tt|transcript|timedtext)[\s>]")
_XML_CUE = re.compile(
    r"<(?P<tag>text|p)\s(?P<attributes>[^<>]{0,1000}+)>(?P<text>(?:[^<]|<(?!/?(?P=tag)\b)){0,4000}+)</(?P=tag)>"
)
_XML_OPENING = re.compile(r"<(?:text|p)[\s>]")
_XML_START = re.compile(r'(?:^|\s)(start|begin|t)="([^"]{1,30})"')
_XML_AGENT = re.compile(r'ttm:agent="([^"]{1,80})"')
_XML_AGENT_NAME = re.compile(
    r'<ttm:agent\s[^<>]{0,200}?xml:id="([^"]{1,80})"[^<>]{0,200}>\s{0,20}'
    r"<ttm:name[^<>]{0,200}>([^<>]{1,200})</"
)
_XML_BREAK = re.compile(r"<br\s?/>", re.IGNORECASE)
_HEAD_LENGTH = 4_000


def parse_notation(text: str) -> list[Cue]:
    """Return the cues of captions in one of these notations; none for other texts."""
    if text.lstrip()[:1] == "<":
        cues = list(_xml_cues(text)) if _XML_HEAD.match(text) else []
        # An element that is no cue may hold text as well.
        return cues if len(cues) == sum(1 for _ in _XML_OPENING.finditer(text)) else []
    if _EVENTS.search(text, 0, 20_000):
        return list(_substation_cues(text))
    return _whisper_cues(text) if _WHISPER_LINE.search(text, 0, _HEAD_LENGTH) else []


def _whisper_cues(text: str) -> list[Cue]:
    """Return a cue for each line that begins with its times, as Whisper prints them."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    cues: list[Cue] = []
    timed = 0
    for line in lines:
        found = _WHISPER_LINE.match(line)
        if found:
            timed += 1
            cues.append(Cue(found[1], [line[found.end() :]]))
        elif cues:
            cues[-1].lines.append(line)
        else:
            cues.append(Cue(None, [line]))
    return cues if timed * 2 > len(lines) else []


def _substation_cues(text: str) -> Iterator[Cue]:
    """Yield the dialogue lines of SubStation Alpha, whose fields a line ``Format:`` names."""
    fields: list[str] = []
    is_events = False
    for line in text.splitlines():
        kind, _, rest = line.partition(":")
        if line.startswith("["):
            is_events = line.strip().lower() == "[events]"
        elif is_events and kind == "Format":
            fields = [field.strip().lower() for field in rest.split(",")]
        elif kind == "Dialogue" and "text" in fields and "start" in fields:
            values = dict(zip(fields, rest.split(",", len(fields) - 1), strict=False))
            said = _OVERRIDE.sub("", values.get("text", "")).replace("\\h", " ")
            lines = [part.strip() for part in re.split(r"\\[Nn]", said) if part.strip()]
            speaker = (values.get("name") or values.get("actor") or "").strip()
            yield Cue(values["start"].strip(), lines, speaker or None)


def _xml_cues(text: str) -> Iterator[Cue]:
    agents = {found[1]: decode_entities(found[2]) for found in _XML_AGENT_NAME.finditer(text)}
    for found in _XML_CUE.finditer(text):
        attributes = found["attributes"]
        start = _XML_START.search(attributes)
        if start is None:
            continue
        # YouTube's ``t`` is in milliseconds, and its text is escaped twice.
        clock = start[2]
        if start[1] == "t" and clock.isdigit():
            clock = f"{int(clock) / 1000:.3f}"
        said = decode_entities(_XML_BREAK.sub("\n", found["text"]))
        agent = _XML_AGENT.search(attributes)
        lines = [" ".join(line.split()) for line in said.splitlines() if line.strip()]
        yield Cue(clock, lines, agents.get(agent[1], agent[1]) if agent else None)
