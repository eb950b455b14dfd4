"""Attack strings for regular expressions: repetitions that a backtracking engine may divide up."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations
from re import _constants as codes  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from re import _parser as parser  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]
from typing import Any

Node = tuple[Any, Any]

_CANDIDATES = "a1 !\t\n<>-_.:/\"'=&;#@,~é"
_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
_CATEGORIES = {
    codes.CATEGORY_DIGIT: ("1", r"\d"),
    codes.CATEGORY_NOT_DIGIT: ("a", r"\D"),
    codes.CATEGORY_SPACE: (" ", r"\s"),
    codes.CATEGORY_NOT_SPACE: ("a", r"\S"),
    codes.CATEGORY_WORD: ("a", r"\w"),
    codes.CATEGORY_NOT_WORD: ("!", r"\W"),
}
_SUFFIXES = ("", "\0", "!\n")


def attacks(pattern: "re.Pattern[Any]", size: int) -> Iterator[str]:
    """Yield texts of about ``size`` characters that repeat what parts of the pattern match.

    Each is a start that the pattern matches, the body of one of its repetitions (or two bodies in
    turn) as often as there is room, and an end that it does not match.
    """
    source = pattern.pattern
    if isinstance(source, bytes):
        source = source.decode("latin-1")
    tree = parser.parse(
        source, pattern.flags & (re.IGNORECASE | re.DOTALL | re.MULTILINE | re.VERBOSE)
    )
    for start, body in _pumps(tree, [""]):
        for end in _SUFFIXES:
            yield start + body * (size // len(body)) + end
            if start:
                yield (start + body) * (size // len(start + body)) + end
                yield start * (size // len(start)) + end
    for whole in filter(None, _samples(tree)):
        yield whole * (size // len(whole)) + "\0"


def _pumps(nodes: Iterable[Node], starts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield a start and a body for each repetition, in nested ones too."""
    for code, argument in nodes:
        if code in _REPEATS:
            _, most, inner = argument
            if most > 8:
                bodies = [text for text in _samples(inner, 8) if text]
                bodies += [one + other for one, other in permutations(bodies[:4], 2)]
                yield from ((start, body) for start in starts[:2] for body in bodies)
            yield from _pumps(inner, starts)
        for inner in _children(code, argument):
            yield from _pumps(inner, starts)
        starts = [start + text for start in starts for text in _texts(code, argument)][:3] or starts


def _children(code: Any, argument: Any) -> Iterable[Iterable[Node]]:
    if code is codes.SUBPATTERN:
        return [argument[3]]
    if code is codes.ATOMIC_GROUP:
        return [argument]
    return argument[1] if code is codes.BRANCH else []


def _samples(nodes: Iterable[Node], most: int = 4) -> list[str]:
    """Return a few texts that a sequence matches."""
    found = [""]
    for code, argument in nodes:
        found = [text + more for text in found for more in _texts(code, argument)][:most]
    return found


def _texts(code: Any, argument: Any) -> list[str]:
    """Return a few texts that a node matches."""
    if code is codes.LITERAL:
        return [chr(argument)]
    if code is codes.NOT_LITERAL:
        return [each for each in _CANDIDATES if ord(each) != argument][:4]
    if code is codes.ANY:
        return ["a", " ", "<"]
    if code is codes.IN:
        return _characters(argument) or [""]
    if code in _REPEATS:
        least, _, inner = argument
        repeated = [text * max(least, 1) for text in _samples(inner)][:3]
        return [*repeated, ""] if least == 0 else repeated
    children = list(_children(code, argument))
    return [text for inner in children for text in _samples(inner, 4)][:8] if children else [""]


def _characters(members: Sequence[Node]) -> list[str]:
    """Return a few characters of a set."""
    if members[0][0] is codes.NEGATE:
        return [each for each in _CANDIDATES if not any(_has(one, each) for one in members[1:])][:6]
    found: dict[str, None] = {}
    for code, argument in members:
        if code is codes.LITERAL:
            found[chr(argument)] = None
        elif code is codes.RANGE:
            found |= dict.fromkeys(map(chr, argument))
        elif code is codes.CATEGORY:
            found[_CATEGORIES[argument][0]] = None
    return list(found)[:4]


def _has(member: Node, character: str) -> bool:
    code, argument = member
    if code is codes.LITERAL:
        return ord(character) == argument
    if code is codes.RANGE:
        return argument[0] <= ord(character) <= argument[1]
    return re.fullmatch(_CATEGORIES[argument][1], character) is not None
