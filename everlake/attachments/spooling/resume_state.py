"""Resume state: the file beside partial content by which a later fetch resumes it."""

import os
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from everlake import files

SUFFIX = ".resume"
_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_MAX_BYTES = 64 * 1024


class Validator(msgspec.Struct, frozen=True, kw_only=True):
    """Strong validator of HTTP content (RFC 9110, section 8.8.1).

    Two responses with the same strong validator have the same bytes, so that parts of both make
    one content.

    Attributes:
        header: ``ETag`` or ``Last-Modified``.
        value: the header's value as it was received.
    """

    header: str
    value: str


class ResumeState(msgspec.Struct, frozen=True, kw_only=True):
    """Origin of partial content.

    Attributes:
        url: the requested URL, before any redirect.
        validator: validator of the response that the content began with.
        total: size of the complete content in bytes; None when the response did not state it.
        boot: boot id of the machine. Partial content is not synced, so that after a reboot its
            bytes may be wrong.
    """

    url: str
    validator: Validator
    total: int | None
    boot: str


def state_path(path: Path) -> Path:
    """Return the path of the resume state of the content at ``path``."""
    return path.with_name(path.name + SUFFIX)


@cache
def boot_id() -> str:
    """Return the machine's boot id; empty where the system has none, and nothing is resumed."""
    with suppress(OSError):
        return _BOOT_ID_FILE.read_text().strip()
    return ""


def write(path: Path, state: ResumeState) -> None:
    """Write a resume state atomically. It is not synced: the boot id covers a power loss.

    Raises:
        OSError: the disk failed.
    """
    files.replace_atomically(
        path, msgspec.json.encode(state), partial=files.partial_path(path), durable=False
    )


def read(path: Path) -> ResumeState | None:
    """Return the resume state at ``path``; None when it is missing, invalid or of another boot."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        state = msgspec.json.decode(os.read(handle, _MAX_BYTES), type=ResumeState)
    except (OSError, msgspec.DecodeError):
        return None
    finally:
        os.close(handle)
    return state if boot_id() and state.boot == boot_id() else None
