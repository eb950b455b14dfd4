"""Cues of caption files: their times and lines, without headers, identifiers and notes."""

import re
from collections.abc import Iterator
from typing import NamedTuple

CLOCK = r"\d{1,3}:\d{1,2}(?::\d{1,2})?(?:[.,]\d{1,9})?"
"""Pattern of the time at which a cue starts or ends."""
_TIMING = re.compile(
    rf"({CLOCK})\s{{0,4}}-{{1,2}}>\s{{0,4}}{CLOCK}(?:(?<=[.,]\d{{3}})\s.{{0,300}}|(?:\s{{1,4}}"
    r"[A-Za-z]\w{0,20}:\S{1,40}){0,8}\s{0,4})"
)
"""Settings may follow the times; other words only where these are as precise as in captions."""
_IMPRECISE = re.compile(r"\d{1,3}:\d{2}\s{0,4}-{1,2}>\s{0,4}\d{1,3}:\d{2}")
"""Hours and minutes of a timetable, unless the number of a cue is above."""
_SUBVIEWER_TIMING = re.compile(r"(\d{1,3}:\d{2}:\d{2}\.\d{1,3}),\d{1,3}:\d{2}:\d{2}\.\d{1,3}")
_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION|X-TIMESTAMP-MAP\b.{0,200})(?:\s.{0,2000})?")
_NUMBER = re.compile(r"\d{1,9}")
_NAMED_IDENTIFIER = re.compile(r'\d{1,9}\s{1,4}"([^"]{1,200})"(?:\s{1,4}\(\d{1,20}\))?')
_HEAD_LENGTH = 2_000


class Cue(NamedTuple):
    """One cue. Without a clock it is text outside of the cues."""

    clock: str | None
    lines: list[str]
    speaker: str | None = None
    """Name in the cue's identifier, as Webex writes it."""


def is_captions(text: str) -> bool:
    """Return whether a text is a caption file."""
    head = text[:_HEAD_LENGTH].lstrip("\ufeff \t\r\n")
    if head.startswith("WEBVTT"):
        return _is_header(text)
    lines = [line.strip() for line in head.split("\n")[:5]]
    return any(
        _timing(line) is not None
        and (not _IMPRECISE.fullmatch(line) or _NUMBER.fullmatch(lines[number - 1]) is not None)
        for number, line in enumerate(lines[:4])
    )


def _is_header(text: str) -> bool:
    """Return whether a text that begins with ``WEBVTT`` is a file with cues, or an empty one."""
    lines = [line for line in text.splitlines() if line.strip()]
    head = lines[0].strip(" \t\ufeff")
    if head[6:7].isalnum() or head[6:7] == "_":
        return False
    return any(map(_timing, lines)) or len(head) == len(text.strip("\ufeff \t\r\n"))


def _timing(line: str) -> str | None:
    """Return the clock at which a cue starts, if the line is a cue's timing."""
    line = line.strip()
    if not line or not line[0].isdigit():
        return None
    found = _TIMING.fullmatch(line) or _SUBVIEWER_TIMING.fullmatch(line)
    return found[1] if found else None


def parse_cues(text: str) -> list[Cue]:
    """Return the cues of a caption file in order."""
    lines = text.lstrip("\ufeff \t\r\n").splitlines()
    clocks = [_timing(line) for line in lines]
    is_webvtt = bool(lines) and lines[0].startswith("WEBVTT")
    cues: list[Cue] = []
    timings = [index for index, clock in enumerate(clocks) if clock is not None]
    starts = [_identifier_start(lines, index) for index in timings]
    head = lines[: starts[0] if starts else len(lines)]
    cues += _outside(_after_header(head) if is_webvtt else head)
    for number, index in enumerate(timings):
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        body = _without_leading_blanks(lines[index + 1 : end])
        blank = next((n for n, line in enumerate(body) if not line), len(body))
        named = _NAMED_IDENTIFIER.fullmatch(lines[index - 1].strip()) if index else None
        cue = Cue(clocks[index], [], named[1].strip() if named else None)
        cue.lines.extend(stripped for line in body[:blank] if (stripped := line.strip()))
        cues.append(cue)
        if is_webvtt:
            cues += _outside(body[blank:])
        else:
            cue.lines.extend(stripped for line in body[blank:] if (stripped := line.strip()))
    return cues


def _identifier_start(lines: list[str], timing: int) -> int:
    """Return the index at which a cue starts: that of its identifier, else of its timing."""
    before = lines[timing - 1].strip() if timing else ""
    if not before or _timing(before):
        return timing
    is_first = timing < 2 or not lines[timing - 2].strip()
    return timing - 1 if is_first or _NUMBER.fullmatch(before) else timing


def _without_leading_blanks(body: list[str]) -> list[str]:
    """Return a cue's lines without the blank ones that some programs write above the text."""
    first = next((n for n, line in enumerate(body) if line.strip()), 0)
    return body if first and _BLOCK.fullmatch(body[first].strip()) else body[first:]


def _after_header(lines: list[str]) -> list[str]:
    return lines[next((n for n, line in enumerate(lines) if not line.strip()), len(lines)) :]


def _outside(lines: list[str]) -> Iterator[Cue]:
    """Yield the text outside of cues, without notes, styles and regions, which end at a blank."""
    block: list[str] = []
    for line in [*lines, ""]:
        if line.strip():
            block.append(line.strip())
        else:
            if block and not _BLOCK.fullmatch(block[0]):
                yield Cue(None, block)
            block = []
