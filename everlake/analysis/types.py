"""Types shared by the readers of shapes."""

from collections.abc import Sequence
from datetime import tzinfo
from typing import NamedTuple, TypeAlias

from everlake.analysis.json_decoding import Json
from everlake.analysis.prose import CoverageIndex


class Attribution(NamedTuple):
    """Speaker, role and time, as in :class:`~everlake.model.utterances.Utterance`."""

    speaker: str | None = None
    role: str | None = None
    said_at: str | None = None


UNATTRIBUTED = Attribution()


class Scope(NamedTuple):
    """Context of a value, which it inherits from the objects around it."""

    recording_start: int | None = None
    """Start of the recording, in Unix milliseconds."""
    zone: tzinfo | None = None
    """Time zone of times that state none."""
    coverage: CoverageIndex | None = None
    """Texts that the enclosing object has already contributed."""
    is_metadata: bool = False
    """Whether the value is inside of metadata: a description of people, or machine data."""
    source: int = 0
    """Number of the list that the value is from; see :class:`.UtteranceBuilder`."""
    is_root: bool = False
    """Whether the value is the record's whole ``data``."""


class PendingValue(NamedTuple):
    """Value that is still to be read, with the name of its member; an item has its list's name."""

    name: str
    value: Json
    scope: Scope


Remaining: TypeAlias = Sequence[PendingValue]
"""Values that a reader leaves to other readers, in order of appearance."""
