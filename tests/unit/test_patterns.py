"""No regular expression takes super-linear time on a text made against it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any, NamedTuple

import pytest

from everlake.contract import envelope, types, uploads
from tests.support.pattern_attacks import attacks

SIZE = 60_000
"""Characters of an attack: a quadratic pattern takes about 5 seconds, a linear one some 10 ms."""
LIMIT_SECONDS = 1.0
"""Processor time of one attack, so that a busy machine does not count."""

NOT_ATTACKED = {
    "everlake.analysis.json_decoding._TOKEN": "scans JSON that was decoded before: no white space "
    "without a token after it, no string without an end",
    "everlake.analysis.utterance_builder._REPLY_PREFIX": "gets normalised text, whose white space "
    "is short",
}


FIND = """
import importlib, inspect, json, pkgutil, re
import everlake

for info in pkgutil.walk_packages(everlake.__path__, "everlake."):
    if "migrations" in info.name or info.name.endswith("__main__"):
        continue
    module = importlib.import_module(info.name)
    source = inspect.getsource(module)
    for name, value in vars(module).items():
        for pattern in value.values() if isinstance(value, dict) else [value]:
            if isinstance(pattern, re.Pattern):
                called = re.findall(rf"\\b{name}(?:\\[\\w+\\])?\\.(\\w+)", source)
                is_text = isinstance(pattern.pattern, str)
                text = pattern.pattern if is_text else pattern.pattern.decode("latin-1")
                found = f"{info.name}.{name}", text, is_text, pattern.flags, called
                print(json.dumps(found))
"""
"""Prints the patterns of all modules, with the methods that each module calls on its own. In a
process of its own, since some modules of the package set up the process that imports them."""


class Attacked(NamedTuple):
    name: str
    pattern: "re.Pattern[Any]"
    methods: frozenset[str]


def all_patterns() -> list[Attacked]:
    """Every pattern of the package, with the methods to attack it by."""
    done = subprocess.run([sys.executable, "-c", FIND], check=True, capture_output=True, text=True)
    found: dict[re.Pattern[Any], Attacked] = {}
    for line in done.stdout.splitlines():
        name, text, is_text, flags, called = json.loads(line)
        given = text if is_text else text.encode("latin-1")
        pattern = re.compile(given, flags & ~re.UNICODE if is_text else flags)
        methods = {"match", "fullmatch"}.intersection(called)
        if not methods.issuperset(called):
            methods.add("finditer")
        before = found.get(pattern, Attacked(name, pattern, frozenset()))
        found[pattern] = before._replace(methods=before.methods | methods)
    # One that its module never calls is attacked where it is called, or else by a search.
    return [
        each if each.methods else each._replace(methods=frozenset({"finditer"}))
        for each in found.values()
        if each.name not in NOT_ATTACKED
    ]


def wire_patterns() -> list[str]:
    """Patterns that msgspec applies to strings of requests."""
    named = [
        value
        for module in (envelope, types, uploads)
        for name, value in vars(module).items()
        if name.endswith(("_PATTERN", "_NO_NUL")) and isinstance(value, str)
    ]
    return list(dict.fromkeys(named))


@pytest.fixture
def limited() -> Generator[Callable[[Callable[[], object]], bool]]:
    """Runs something within the limit of processor time; False where it took longer."""

    class TooLong(Exception):
        pass

    def stop(_: int, __: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, stop)

    def run(act: Callable[[], object]) -> bool:
        signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_SECONDS)
        try:
            act()
        except TooLong:
            return False
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return True

    yield run
    signal.signal(signal.SIGVTALRM, before)


def use(pattern: "re.Pattern[Any]", method: str, text: str) -> None:
    given = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
    found = getattr(pattern, method)(given)
    if method == "finditer":
        for _ in found:
            pass


@pytest.mark.parametrize("attacked", all_patterns(), ids=lambda each: each.name)
def test_a_pattern_takes_linear_time(
    attacked: Attacked, limited: Callable[[Callable[[], object]], bool]
) -> None:
    for text in set(attacks(attacked.pattern, SIZE)):
        for method in attacked.methods:
            assert limited(lambda text=text, method=method: use(attacked.pattern, method, text)), (
                f"{method} of {text[:60]!r}... takes too long"
            )


@pytest.mark.parametrize("source", wire_patterns())
def test_a_pattern_of_the_wire_takes_linear_time(
    source: str, limited: Callable[[Callable[[], object]], bool]
) -> None:
    """msgspec applies it by re.search, before it looks at the length."""
    pattern = re.compile(source)
    for text in set(attacks(pattern, SIZE)):
        assert limited(lambda text=text: pattern.search(text)), f"{text[:60]!r}... takes too long"


def test_an_attack_finds_a_quadratic_pattern(
    limited: Callable[[Callable[[], object]], bool],
) -> None:
    pattern = re.compile(r"a\s*\s*b")

    assert not all(
        limited(lambda text=text: pattern.match(text)) for text in attacks(pattern, SIZE)
    )
