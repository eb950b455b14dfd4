"""Transcript of a Salesforce chat: HTML with lines such as ``( 12s ) Mira Vogel: Hello``."""

import re

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.plain_text import strip_markup
from everlake.analysis.timestamps import parse_timestamp_ms
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"Body", "body", "ChatTranscript", "Transcript", "transcript"})
_TURN = re.compile(
    r"\(\s?(?:(\d{1,3})h\s?)?(?:(\d{1,4})m\s?)?(?:(\d{1,5})s\s?)?\)\s?([^:\n]{1,80}):\s?(.*)"
)
_AGENT = re.compile(r"(?:Chat )?Agent:?\s{1,3}([^\n]{1,80})")
_FRAME = re.compile(r"Chat (?:Started|Origin|Ended|Transferred)\b.{0,200}")


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the turns of the transcript; its frame is omitted."""
    key = next((key for key in item if key in MEMBERS and _is_transcript(item[key])), None)
    source = item[key] if key else None
    if not isinstance(source, str):
        return None
    start = parse_timestamp_ms(item.get("StartTime") or item.get("CreatedDate"))
    others = {
        other: value for other, value in item.items() if other not in (key, "Name", "StartTime")
    }
    inner = scope._replace(is_root=False, recording_start=start or scope.recording_start)
    agents: set[str] = set()
    turns: list[dict[str, Json]] = []
    for line in map(str.strip, strip_markup(source).split("\n")):
        turn = _TURN.fullmatch(line)
        if turn:
            hours, minutes, seconds = (int(part or 0) for part in turn.group(1, 2, 3))
            offset = (hours * 60 + minutes) * 60 + seconds
            turns.append({"speaker": turn[4].strip(), "text": turn[5], "start": offset})
        elif agent := _AGENT.fullmatch(line):
            agents.add(agent[1].strip())
        elif line and not _FRAME.fullmatch(line):
            if turns:
                turns[-1]["text"] = f"{turns[-1]['text']}\n{line}"
            else:
                turns.append({"text": line})
    for turn in turns:
        if agents and "speaker" in turn:
            turn["role"] = "agent" if turn["speaker"] in agents else "visitor"
    return [
        PendingValue(name, others, scope),
        *(PendingValue("", turn, inner) for turn in turns),
    ]


def _is_transcript(value: Json) -> bool:
    if not isinstance(value, str) or "( " not in value:
        return False
    return len(re.findall(r"\( (?:\d{1,3}h )?(?:\d{1,4}m )?\d{0,5}s? ?\) ?[^:\n<]{1,80}:",
                          value[:20_000])) > 1  # fmt: skip
