"""No regular expression takes super-linear time on a text made against it."""

import importlib
import inspect
import pkgutil
import re
import signal
from collections.abc import Callable, Generator, Iterator
from types import FrameType, ModuleType
from typing import Any, NamedTuple

import pytest

import everlake
from everlake.contract import envelope, types, uploads
from tests.support.pattern_attacks import attacks

SIZE = 30_000
"""Characters of an attack. A quadratic pattern takes 10 seconds and more, a linear one 10 ms."""
LIMIT_SECONDS = 2.0
"""Processor time of one attack, so that a busy machine does not count."""

NOT_ATTACKED = {
    "everlake.analysis.json_decoding._TOKEN": "scans JSON that was decoded before: no white space "
    "without a token after it, no string without an end",
    "everlake.analysis.utterance_builder._REPLY_PREFIX": "gets normalised text, whose white space "
    "is short",
}


class Attacked(NamedTuple):
    name: str
    pattern: "re.Pattern[Any]"
    methods: frozenset[str]


def patterns_of(module: ModuleType) -> Iterator[tuple[str, "re.Pattern[Any]"]]:
    for name, value in vars(module).items():
        values = value.values() if isinstance(value, dict) else [value]
        for each in values:
            if isinstance(each, re.Pattern):
                yield name, each


def all_patterns() -> list[Attacked]:
    """Every pattern of the package, with the methods that its module calls on it."""
    found: dict[tuple[str | bytes, int], Attacked] = {}
    for info in pkgutil.walk_packages(everlake.__path__, "everlake."):
        if "migrations" in info.name or info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        source = inspect.getsource(module)
        for name, pattern in patterns_of(module):
            called = set(re.findall(rf"\b{name}(?:\[\w+\])?\.(\w+)", source))
            methods = {"match", "fullmatch"} & called
            if called - {"match", "fullmatch"} or not called:
                methods.add("finditer")
            key = (pattern.pattern, pattern.flags)
            before = found[key].methods if key in found else frozenset[str]()
            if called or key not in found:
                full_name = found[key].name if key in found else f"{info.name}.{name}"
                found[key] = Attacked(full_name, pattern, before | methods)
    return [each for each in found.values() if each.name not in NOT_ATTACKED]


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
    pattern = re.compile(r"a\s*\s*\s*b")

    assert not all(
        limited(lambda text=text: pattern.match(text)) for text in attacks(pattern, SIZE)
    )
