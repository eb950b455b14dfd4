"""A disk that knows which of its bytes and names a sync has made safe.

After the loss of power a file system owes exactly what was synced (fsync(2)): the bytes of a file
as they were when its sync began, and the names in a directory as they were when the directory's
sync began. A file's sync says nothing of its name. Everything else may be there or not, so images
are made of what is owed alone, or of that and some of the rest (:class:`Survival`).
"""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol, TypeAlias

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""


class Write(NamedTuple):
    """Bytes put at a place of a file."""

    offset: int
    data: bytes


class Truncation(NamedTuple):
    """A file made shorter or longer."""

    size: int


Edit: TypeAlias = Write | Truncation


class File:
    """What is surely on the disk of a file's bytes, and the changes since."""

    def __init__(self) -> None:
        self.synced = b""
        self.pending: list[Edit] = []
        self._settled = 0

    def now(self) -> bytes:
        """The bytes as programs see them."""
        return apply_edits(self.synced, self.pending)

    def mark(self) -> int:
        """How many changes there have been."""
        return self._settled + len(self.pending)

    def sync(self, mark: int) -> None:
        """Make the changes up to a mark safe."""
        count = max(0, mark - self._settled)
        self.synced = apply_edits(self.synced, self.pending[:count])
        del self.pending[:count]
        self._settled += count


class Change:
    """Names that come to mean something else at once: all of it is on the disk, or nothing.

    A move between two directories is one change of both.

    Args:
        meanings: in each directory, by name; None where a name means nothing any more.
    """

    def __init__(self, meanings: "dict[Directory, dict[str, Node | None]]") -> None:
        self.meanings = meanings

    def make(self) -> None:
        """Let programs see it."""
        for directory, names in self.meanings.items():
            _apply_names(directory.now, names)
            directory.pending.append(self)


class Directory:
    """What is surely on the disk of a directory's names, and the changes since, in their order."""

    def __init__(self) -> None:
        self.now: dict[str, Node] = {}
        self.synced: dict[str, Node] = {}
        self.pending: list[Change] = []
        self._settled = 0

    def mark(self) -> int:
        """How many changes there have been."""
        return self._settled + len(self.pending)

    def sync(self, mark: int) -> None:
        """Make the changes up to a mark safe; of another directory, those before a shared one."""
        while self.pending and self._settled < mark:
            change = self.pending.pop(0)
            self._settled += 1
            _apply_names(self.synced, change.meanings[self])
            for other in change.meanings:
                if change in other.pending:
                    other.sync(other._settled + other.pending.index(change) + 1)


Node: TypeAlias = File | Directory


class SurvivalPolicy(Protocol):
    """What is left, after the loss of power, of that which no sync has made safe."""

    def names(self, directory: Directory) -> int:
        """How many of its pending changes a directory keeps; a journal keeps the first ones."""
        ...

    def content(self, file: File) -> bytes:
        """The bytes of a file."""
        ...


class NothingUnsynced:
    """Exactly what is owed."""

    def names(self, directory: Directory) -> int:  # noqa: ARG002 - the answer for every one
        return 0

    def content(self, file: File) -> bytes:
        return file.synced


class NamesUnsynced:
    """Every name, and no byte that was not synced: names that came before their files' bytes."""

    def names(self, directory: Directory) -> int:
        return len(directory.pending)

    def content(self, file: File) -> bytes:
        return file.synced


class SomeUnsynced:
    """Some names and some bytes, torn at any sector."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def names(self, directory: Directory) -> int:
        most = len(directory.pending)
        return self._chance.choice((0, most, self._chance.randint(0, most)))

    def content(self, file: File) -> bytes:
        chance, most = self._chance, len(file.pending)
        if chance.random() < 0.5:
            kept = chance.choice((0, most, chance.randint(0, most)))
            return apply_edits(file.synced, file.pending[:kept])
        share = chance.random()
        return apply_edits(
            file.synced,
            (
                piece
                for edit in file.pending
                for piece in _sectors(edit)
                if isinstance(piece, Truncation) or chance.random() < share
            ),
        )


class EverythingUnsynced:
    """All of it: every process was killed at once, and the machine ran on."""

    def names(self, directory: Directory) -> int:
        return len(directory.pending)

    def content(self, file: File) -> bytes:
        return file.now()


def write_image(
    root: Directory, target: Path, survival: SurvivalPolicy, *, without: str | None = None
) -> None:
    """Make the directory ``target``, with what the disk holds below ``root`` after the loss.

    Args:
        root: the disk's directory.
        target: where the image goes; must not exist.
        survival: what is left of that which was not synced.
        without: a name in ``root`` to leave out.
    """
    kept = _SurvivingNames(survival)
    target.mkdir()
    for name, node in kept.names(root).items():
        if name != without:
            _write(node, target / name, kept)


class _SurvivingNames:
    """What survives, decided once for each directory."""

    def __init__(self, survival: SurvivalPolicy) -> None:
        self.content = survival.content
        self._survival = survival
        self._counts: dict[Directory, int] = {}

    def names(self, directory: Directory) -> "dict[str, Node]":
        names = dict(directory.synced)
        for change in directory.pending:
            if any(self._has(one, change) for one in change.meanings):
                _apply_names(names, change.meanings[directory])
        return names

    def _has(self, directory: Directory, change: Change) -> bool:
        if directory not in self._counts:
            self._counts[directory] = self._survival.names(directory)
        return change in directory.pending[: self._counts[directory]]


def _write(node: Node, target: Path, kept: _SurvivingNames) -> None:
    if isinstance(node, File):
        target.write_bytes(kept.content(node))
        return
    target.mkdir()
    for name, below in kept.names(node).items():
        _write(below, target / name, kept)


def apply_edits(content: bytes, edits: Iterable[Edit]) -> bytes:
    """A file's bytes after edits; what nobody wrote is zeros."""
    edited = bytearray(content)
    for edit in edits:
        if isinstance(edit, Truncation):
            del edited[edit.size :]
            edited.extend(bytes(edit.size - len(edited)))
        else:
            edited.extend(bytes(max(0, edit.offset - len(edited))))
            edited[edit.offset : edit.offset + len(edit.data)] = edit.data
    return bytes(edited)


def _sectors(edit: Edit) -> Iterator[Edit]:
    """A write, sector by sector."""
    if isinstance(edit, Truncation):
        yield edit
        return
    offset, data = edit
    start = 0
    while start < len(data):
        end = start + SECTOR - (offset + start) % SECTOR
        yield Write(offset + start, data[start:end])
        start = end


def _apply_names(names: dict[str, Node], meanings: dict[str, Node | None]) -> None:
    for name, node in meanings.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node
