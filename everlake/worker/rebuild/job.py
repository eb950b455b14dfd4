"""One rebuild: what it works with, and what becomes of it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from everlake.catalog.engine import Catalog
from everlake.lake import Lake
from everlake.lake.problems import Problem
from everlake.lake.site import Place
from everlake.storage import ObjectStore
from everlake.worker.rebuild.notes import Notes

Watch: TypeAlias = Callable[[str, int, int | None], None]
"""Told what is being done, how many records of it are done, and of how many if that is known."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """``staged`` is the lake whose tables are to take the place of ``lake``'s.

    ``scratch`` is an empty directory for what does not fit into memory.
    """

    catalog: Catalog
    store: ObjectStore
    lake: Lake
    staged: Lake
    place: Place
    workspace_id: str
    notes: Notes
    watch: Watch
    scratch: Path

    def save(self) -> None:
        """Write the notes down.

        Raises:
            StorageUnavailable, CatalogUnavailable, LakeUnavailable: they could not be written.
        """
        self.place.save_notes(self.notes.encoded())


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What a workspace's new tables hold, and what they could not be made to hold.

    ``kept`` is where the old tables are, when they held what the new ones do not.
    """

    workspace_id: str
    records: int
    utterances: int
    problems: list[Problem]
    kept: str | None = None
