"""What a reader may do, and that nothing is believed of what it says."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest

from everlake.attachments.extraction import (
    ExtractionLimits,
    Extractor,
    TextCode,
    TextError,
    processes,
)
from tests.support.extraction import sections_of
from tests.support.sample_files import docx, paragraph

LIMITS = ExtractionLimits(seconds=4, max_characters=1_000)
GOOD = docx(paragraph("All is well"))

TAKEN_OVER = """
import os, sys, time
from everlake.attachments.extraction import ipc, launcher
from everlake.attachments.extraction.errors import TextCode
from everlake.attachments.extraction.types import AttachmentText, TextSection, TextKind

def text(*sections):
    return ipc.ReaderReply(text=AttachmentText(kind=TextKind.PROSE, sections=tuple(sections)))

encode = ipc.encode
launcher.ipc.encode = lambda answer: answer if isinstance(answer, bytes) else encode(answer)

def answer(file, task):
    what = task.filename
    if what == "nothing": os._exit(0)
    if what == "garbage": return (b"\\xc1" * 1000)
    if what == "nested": return (b"\\x91" * 3000)
    if what == "other shape": return (b"\\x81\\xa4text\\x01")
    if what == "no member": return (b"\\x80")
    if what == "two": return (encode(text()) * 2)
    if what == "no unicode": return (encode(text(TextSection("zz"))).replace(b"zz", b"\\xff\\xff"))
    if what == "control": return text(TextSection("a\\x1b[2J"))
    if what == "long": return text(TextSection("a" * 1001))
    if what == "sections": return text(*[TextSection("")] * 20001)
    if what == "place": return text(TextSection("a", "p" * 201))
    if what == "flood":
        while True:
            for number in range(3, 12):
                try: os.write(number, b"x" * 65536)
                except OSError: pass
    if what == "silent":
        os.closerange(3, 64)
        time.sleep(60)
    if what == "deaf": time.sleep(60)
    if what == "complains":
        sys.stderr.write("x" * 1000000)
    if what == "told": return ipc.ReaderReply(code=TextCode.DAMAGED, message="\\x1b" + "m" * 9999)
    return text(TextSection("taken over"))

launcher._extract = answer
launcher.main()
"""


def extract(extractor: Extractor, path: Path, filename: str) -> list[tuple[str | None, str]]:
    return sections_of(
        extractor.extract(path, mime_type="", filename=filename, stop=threading.Event())
    )


@pytest.fixture
def taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Extractor]:
    """An extractor whose readers do what a hostile file would have them do."""
    (tmp_path / "taken_over.py").write_text(TAKEN_OVER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(processes, "_LAUNCHER_MODULE", "taken_over")
    extractor = Extractor(LIMITS)
    yield extractor
    extractor.close()


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.docx"
    path.write_bytes(GOOD)
    return path


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("nothing", TextCode.CRASHED),
        ("garbage", TextCode.CRASHED),
        ("nested", TextCode.CRASHED),
        ("other shape", TextCode.CRASHED),
        ("no member", TextCode.CRASHED),
        ("two", TextCode.CRASHED),
        ("no unicode", TextCode.CRASHED),
        ("control", TextCode.CRASHED),
        ("long", TextCode.CRASHED),
        ("sections", TextCode.CRASHED),
        ("place", TextCode.CRASHED),
        ("flood", TextCode.CRASHED),
        ("silent", TextCode.TIMED_OUT),
        ("deaf", TextCode.TIMED_OUT),
    ],
)
def test_no_answer_of_a_reader_taken_over_is_believed(
    taken_over: Extractor, good: Path, answer: str, code: TextCode
) -> None:
    with pytest.raises(TextError) as caught:
        extract(taken_over, good, answer)

    assert caught.value.code is code
    assert extract(taken_over, good, "next") == [(None, "taken over")]


def test_a_readers_own_message_is_kept_short_and_plain(taken_over: Extractor, good: Path) -> None:
    with pytest.raises(TextError) as caught:
        extract(taken_over, good, "told")

    assert set(caught.value.message) == {"m"}
    assert len(caught.value.message) < 300


def test_a_reader_that_complains_without_end_is_not_held_up(
    taken_over: Extractor, good: Path
) -> None:
    assert extract(taken_over, good, "complains") == [(None, "taken over")]


def test_the_processes_know_no_secret_of_the_callers(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "EVERLAKE_DATABASE_URL", "PGPASSWORD", "HOME"):
        monkeypatch.setenv(name, "to be hidden")
    extractor = Extractor(LIMITS)
    extract(extractor, good, "good.docx")
    assert extractor._launcher is not None
    launcher = Path(f"/proc/{extractor._launcher._process.pid}")

    environment = (launcher / "environ").read_bytes()
    held = {str(one.readlink()) for one in (launcher / "fd").iterdir()}
    extractor.close()

    assert b"to be hidden" not in environment
    assert str(good) not in held


CONFINED = """
import os, resource, signal, socket, sys
from everlake.attachments.extraction import sandbox
sandbox.restrict_launcher()
reader = os.fork()
if reader:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]))
sandbox.confine(os.getppid(), 1, 2**30)
def refused(what):
    try:
        what()
    except OSError as error:
        return True
    return False
import colorsys  # a module of Python's own may still be loaded
assert refused(lambda: open(sys.argv[1])), "reads a file"
assert refused(lambda: open(sys.argv[1], "a")), "writes a file"
assert refused(lambda: os.listdir(os.path.dirname(sys.argv[1]))), "lists a directory"
assert refused(lambda: open("/etc/passwd")), "reads /etc/passwd"
assert refused(lambda: open(f"/proc/{sys.argv[2]}/environ")), "reads an environment"
assert refused(lambda: os.kill(int(sys.argv[2]), 0)), "reaches a process"
assert refused(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])))), "connects"
assert refused(lambda: os.mkdir("here")), "makes a directory"
assert resource.getrlimit(resource.RLIMIT_DATA)[0] == 2**30
assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0
assert os.getpriority(os.PRIO_PROCESS, 0) >= 10
os._exit(0)
"""


def test_a_reader_opens_no_file_reaches_no_process_and_no_network(
    good: Path, tmp_path: Path
) -> None:
    import socket  # noqa: PLC0415

    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = subprocess.run(
            [sys.executable, "-c", CONFINED, good, str(os.getpid()), str(server.getsockname()[1])],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (0, "")


REFUSED_CALLS = """
import ctypes, errno, os, signal, socket, sys, threading
from everlake.attachments.extraction import sandbox
sandbox.restrict_launcher()
reader = os.fork()
if reader:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]))
mine, unix_socket, user_id = sys.argv[1], sys.argv[2], int(sys.argv[3])
changes_user = os.geteuid() == 0 and user_id != 0
own = os.open(mine, os.O_RDONLY)
release, started = threading.Event(), threading.Event()
from_thread = []
status_file = os.open("/proc/self/status", os.O_RDONLY)
sandbox.confine(os.getppid(), 5, 2**30, keeps_user=user_id == 0)

def outcome(call):
    try:
        call()
    except OSError as error:
        return error.errno
    except RuntimeError:
        return errno.EAGAIN
    return 0

def fork():
    if os.fork() == 0:
        os._exit(0)

def early_thread():
    started.set()
    release.wait()
    from_thread.append(outcome(fork))

thread = threading.Thread(target=early_thread, daemon=True)
thread.start()  # as a library does that loads a model
started.wait()
libc = ctypes.CDLL(None, use_errno=True)

def raw(name, *arguments):
    def call():
        if getattr(libc, name)(*arguments) == -1:
            raise OSError(ctypes.get_errno(), name)
    return call

assert outcome(fork) == errno.EPERM, "forks while it loads"
sandbox.become_user(user_id)
sandbox.forbid_new_processes()
calls = {
    "connect": lambda: socket.socket(socket.AF_UNIX).connect(unix_socket),
    "socketpair": socket.socketpair,
    "chmod": lambda: os.chmod(mine, 0o777),
    "fchmod": lambda: os.fchmod(own, 0o777),
    "chown": lambda: os.fchown(own, 1, 1),
    "utime": lambda: os.utime(own, (1, 1)),
    "setxattr": lambda: os.setxattr(own, "user.seen", b"1"),
    "fork": fork,
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "kill": lambda: os.kill(os.getppid(), signal.SIGTERM),
    "sethostname": lambda: socket.sethostname("taken"),
    "rename": lambda: os.rename(mine, mine + "2"),
    "unlink": lambda: os.unlink(mine),
    "setuid": lambda: os.setresuid(0, 0, 0),
    "pidfd_open": lambda: signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 0),
    "ptrace": raw("ptrace", 16, os.getppid(), None, None),
    "mount": raw("mount", b"none", b"/mnt", b"tmpfs", 0, None),
    "unshare": raw("unshare", 0x10000000),
    "reboot": raw("reboot", -1),
}
outcomes = {name: outcome(call) for name, call in calls.items()}
assert set(outcomes.values()) == {errno.EPERM}, outcomes
assert outcome(threading.Thread(target=print).start) == errno.EAGAIN, "starts a thread"
release.set()
thread.join()
assert from_thread == [errno.EPERM], from_thread
status = dict(line.split(":\\t") for line in os.pread(status_file, 4096, 0).decode().splitlines())
held = {name: int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
reads_python = 1 << 2 if changes_user and sandbox._is_python_private() else 0
assert set(held.values()) <= {0, reads_python}, held
if changes_user:
    assert status["Uid"].split() == status["Gid"].split() == ["65534"] * 4, status
    assert status["Groups"].split() == []
assert status["NoNewPrivs"] == "1"
os._exit(0)
"""


@pytest.mark.parametrize("user_id", [65_534, 0])
def test_a_reader_makes_no_call_that_changes_or_reaches_anything(
    good: Path, tmp_path: Path, user_id: int
) -> None:
    import socket  # noqa: PLC0415

    address = str(tmp_path / "socket")
    before = good.stat()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(address)
        server.listen()
        ended = subprocess.run(
            [sys.executable, "-c", REFUSED_CALLS, good, address, str(user_id)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert (good.stat().st_mode, good.stat().st_mtime) == (before.st_mode, before.st_mtime)


DIES_WITH_ITS_PARENT = """
import ctypes, os, sys
from everlake.attachments.extraction import sandbox
sandbox.restrict_launcher()
reader = os.fork()
if reader:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(reader, 0)[1]))
prctl, signal = ctypes.CDLL(None).prctl, ctypes.c_int()
# From here on seccomp refuses these questions, so that it is left out.
sandbox.system_calls.restrict_calls = bool
sandbox.confine(os.getppid(), 5, 2**30, keeps_user=False)
sandbox.become_user(65_534)
prctl(2, ctypes.byref(signal), 0, 0, 0)
os._exit(0 if (signal.value, prctl(3, 0, 0, 0, 0)) == (9, 0) else 1)
"""


def test_a_reader_that_has_changed_its_user_dies_with_its_parent_and_cannot_be_traced() -> None:
    assert subprocess.run([sys.executable, "-c", DIES_WITH_ITS_PARENT], check=False).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="another user than root stays as it is")
def test_root_that_cannot_become_another_user_reads_nothing_unless_it_may(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a container that was started without CAP_SETUID.
    (tmp_path / "taken_over.py").write_text(
        "from everlake.attachments.extraction import launcher, sandbox\n"
        "sandbox._CAP_SETUID = 0\n"
        "launcher.main()\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(processes, "_LAUNCHER_MODULE", "taken_over")
    refusing = Extractor(LIMITS)
    permitting = Extractor(msgspec.structs.replace(LIMITS, user_id=0))

    with pytest.raises(TextError) as caught:
        extract(refusing, good, "good.docx")

    assert (caught.value.code, caught.value.retryable) == (TextCode.UNAVAILABLE, True)
    assert "EVERLAKE_ATTACHMENT_TEXT_USER" in caught.value.message
    assert extract(permitting, good, "good.docx") == [(None, "All is well")]
    refusing.close()
    permitting.close()


def test_a_machine_that_starts_no_process_is_tried_again(
    good: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(good))
    extractor = Extractor(LIMITS)

    with pytest.raises(TextError) as caught:
        extract(extractor, good, "good.docx")

    assert (caught.value.code, caught.value.retryable) == (TextCode.UNAVAILABLE, True)
    monkeypatch.undo()
    assert extract(extractor, good, "good.docx") == [(None, "All is well")]
    extractor.close()


def test_several_threads_take_turns(good: Path) -> None:
    extractor = Extractor(LIMITS)
    found: list[list[tuple[str | None, str]]] = []

    def work() -> None:
        found.extend(extract(extractor, good, "good.docx") for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    extractor.close()

    assert found == [[(None, "All is well")]] * 40
