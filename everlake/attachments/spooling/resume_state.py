"""The note beside unfinished content by which a later fetch goes on with it."""

import os
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from everlake.attachments.fetching.http_headers import Validator

SUFFIX = ".resume"
_BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_MAX_BYTES = 64 * 1024


class ResumeState(msgspec.Struct, frozen=True, kw_only=True):
    """What unfinished content is part of.

    Attributes:
        url: the URL that was asked for, before any redirect.
        validator: of the answer that the content began with.
        total: bytes of the whole content; None if the answer did not say.
        boot: the run of the machine. Nothing of unfinished content is synced, so that what a
            later run finds of it may be anything.
    """

    url: str
    validator: Validator
    total: int | None
    boot: str


@cache
def boot_id() -> str:
    """This run of the machine; empty where the system does not tell, and nothing is resumed."""
    with suppress(OSError):
        return _BOOT_ID_FILE.read_text().strip()
    return ""


def write(path: Path, state: ResumeState) -> None:
    """Put ``state`` at ``path``, whole or not at all.

    Raises:
        OSError: from the disk.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_bytes(msgspec.json.encode(state))
        partial.rename(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def read(path: Path) -> ResumeState | None:
    """The sidecar at ``path``; None if there is none of this run of the machine."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        found = msgspec.json.decode(os.read(handle, _MAX_BYTES), type=ResumeState)
    except (OSError, msgspec.DecodeError):
        return None
    finally:
        os.close(handle)
    return found if boot_id() and found.boot == boot_id() else None
