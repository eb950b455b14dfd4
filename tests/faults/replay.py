"""A program's system calls, fed into a :class:`~tests.faults.disk.Disk`, in the order they came.

A sync covers what had ended when it began, and counts once it has ended itself. Two things are
not followed: a place in a file that is sought, and changes through a shared mapping, such as
SQLite's to its ``-shm`` file, which it writes anew after a crash. So whoever replays a recording
to its end should compare the outcome with the directory that the program left.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tests.faults.disk import Change, Directory, File, Node, Truncation, Write
from tests.faults.strace import Call

CALLS = (
    "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,truncate,ftruncate,fallocate,"
    "rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,mkdir,mkdirat,rmdir,"
    "fsync,fdatasync,sync,syncfs,sync_file_range,copy_file_range,sendfile,splice"
)
"""What changes a file system."""

_STRING = r'"((?:[^"\\]++|\\.)*+)"'
_BUFFERS = re.compile(_STRING, re.DOTALL)
_PATHS = re.compile(rf"(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?{_STRING}", re.DOTALL)
_DESCRIPTOR = re.compile(r"(\d+)<([^>]*)>")
_SYNCS = {"fsync", "fdatasync"}


class Moment(NamedTuple):
    """The beginning or the end of a call, and its line in the trace."""

    line: int
    begins: bool
    call: Call


def moments(calls: Iterable[Call]) -> list[Moment]:
    """Beginnings and ends in their order."""
    found = [
        moment
        for call in calls
        for moment in (Moment(call.began, True, call), Moment(call.ended, False, call))
    ]
    return sorted(found, key=lambda moment: (moment.line, not moment.begins))


def is_sync(moment: Moment, pattern: str) -> bool:
    """Whether it is of the sync of a file or directory whose path ends so."""
    call = moment.call
    return call.name in _SYNCS and re.search(pattern, call.arguments) is not None


class Open:
    """An open file and its place in it."""

    def __init__(self, file: File, *, append: bool) -> None:
        self.file = file
        self.position = 0
        self._append = append

    def write(self, data: bytes) -> None:
        """Put bytes at the place."""
        if self._append:
            self.position = len(self.file.now())
        self.file.pending.append(Write(self.position, data))
        self.position += len(data)


class Replay:
    """The directory at ``path``, empty at first, and what system calls make of it.

    Raises:
        AssertionError: a call changes it in a way that is not followed.
    """

    def __init__(self, path: Path) -> None:
        self.root = Directory()
        self._path = str(path)
        self._marks: dict[int, tuple[Node, int]] = {}
        self._open: dict[tuple[int, int], Open] = {}

    def feed(self, moment: Moment) -> None:
        """Take the next moment."""
        call = moment.call
        if moment.begins:
            if call.name in _SYNCS and (node := self._node_of(call)) is not None:
                self._marks[call.began] = (node, node.mark())
        elif call.result >= 0:
            if call.name in _HANDLERS:
                _HANDLERS[call.name](self, call)
            else:
                assert self._path not in call.arguments, f"not followed: {call}"

    def find(self, path: str) -> Node | None:
        """What is at an absolute path, as programs see it."""
        if path == self._path:
            return self.root
        if not path.startswith(self._path + "/"):
            return None
        node: Node | None = self.root
        for part in path.removeprefix(self._path + "/").split("/"):
            node = node.now.get(part) if isinstance(node, Directory) else None
        return node

    def _place(self, path: str) -> tuple[Directory, str] | None:
        folder, _, name = path.rpartition("/")
        directory = self.find(folder)
        return (directory, name) if isinstance(directory, Directory) else None

    def _node_of(self, call: Call) -> Node | None:
        found = _DESCRIPTOR.match(call.arguments)
        return self.find(found.group(2)) if found else None

    def _open_of(self, call: Call) -> Open | None:
        node = self._node_of(call)
        if not isinstance(node, File):
            return None
        descriptor = int(call.arguments.partition("<")[0])
        assert (descriptor, id(node)) in self._open, f"a descriptor from nowhere: {call}"
        return self._open[descriptor, id(node)]

    def sync(self, call: Call) -> None:
        marked = self._marks.pop(call.began, None)
        if marked is not None:
            node, mark = marked
            node.sync(mark)

    def open(self, call: Call) -> None:
        [path] = _paths(call)
        flags = set(re.findall(r"O_\w+", call.arguments))
        node = self.find(path)
        place = self._place(path)
        if node is None and place is not None and "O_CREAT" in flags:
            directory, name = place
            node = File()
            Change({directory: {name: node}}).make()
        if isinstance(node, File):
            if "O_TRUNC" in flags:
                node.pending.append(Truncation(0))
            self._open[call.result, id(node)] = Open(node, append="O_APPEND" in flags)

    def write(self, call: Call) -> None:
        if (opened := self._open_of(call)) is not None:
            data = b"".join(map(_bytes, _BUFFERS.findall(call.arguments)))
            opened.write(data[: call.result])

    def write_at(self, call: Call) -> None:
        if (opened := self._open_of(call)) is not None:
            [data] = _BUFFERS.findall(call.arguments)
            opened.file.pending.append(Write(_last(call), _bytes(data)[: call.result]))

    def cut(self, call: Call) -> None:
        if isinstance(node := self._node_of(call), File):
            node.pending.append(Truncation(_last(call)))

    def rename(self, call: Call) -> None:
        [old, new] = _paths(call)
        node, source, target = self.find(old), self._place(old), self._place(new)
        if source is None and target is None:
            return
        assert node is not None, f"moved in from elsewhere: {call}"
        assert source is not None, f"moved in from elsewhere: {call}"
        assert target is not None, f"moved out: {call}"
        meanings: dict[Directory, dict[str, Node | None]] = {source[0]: {source[1]: None}}
        meanings.setdefault(target[0], {})[target[1]] = node
        Change(meanings).make()

    def link(self, call: Call) -> None:
        [old, new] = _paths(call)
        node, target = self.find(old), self._place(new)
        if target is not None:
            assert node is not None, f"linked from elsewhere: {call}"
            Change({target[0]: {target[1]: node}}).make()

    def remove(self, call: Call) -> None:
        [path] = _paths(call)
        if (place := self._place(path)) is not None:
            Change({place[0]: {place[1]: None}}).make()

    def make_directory(self, call: Call) -> None:
        [path] = _paths(call)
        if (place := self._place(path)) is not None:
            Change({place[0]: {place[1]: Directory()}}).make()


_HANDLERS: dict[str, Callable[[Replay, Call], None]] = {
    **dict.fromkeys(("fsync", "fdatasync"), Replay.sync),
    **dict.fromkeys(("open", "openat", "creat"), Replay.open),
    **dict.fromkeys(("write", "writev"), Replay.write),
    "pwrite64": Replay.write_at,
    "ftruncate": Replay.cut,
    **dict.fromkeys(("rename", "renameat", "renameat2"), Replay.rename),
    **dict.fromkeys(("link", "linkat"), Replay.link),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), Replay.remove),
    **dict.fromkeys(("mkdir", "mkdirat"), Replay.make_directory),
}


def _paths(call: Call) -> Iterator[str]:
    for folder, text in _PATHS.findall(call.arguments):
        path = _bytes(text).decode()
        yield f"{folder}/{path}" if folder and not path.startswith("/") else path


def _bytes(text: str) -> bytes:
    """A buffer as strace shows it, which is as Python would."""
    return ast.literal_eval(f'b"{text}"')


def _last(call: Call) -> int:
    return int(call.arguments.rpartition(", ")[2])
