"""Labelled inputs: what is sent, and which utterances are right."""

import re
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import msgspec
import yaml
from msgspec import UNSET, UnsetType

from everlake.contract.envelope import Participant

INPUTS_DIRECTORY = Path(__file__).parent / "inputs"

Half: TypeAlias = Literal["tune", "report"]
HALVES: tuple[Half, ...] = get_args(Half)
ANY = "any"
"""In place of a speaker, role or time: each is right, and none as well."""

Choice: TypeAlias = str | list[str | None] | None
"""What is right: this, or one of these; None for none; :data:`ANY`."""


class ExpectedUtterance(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One expected unit. Without ``role`` or ``said_at``, that member is not scored.

    A list in ``text`` has several right wordings.
    """

    text: str | list[str]
    speaker: Choice
    role: Choice | UnsetType = UNSET
    said_at: Choice | UnsetType = UNSET

    @property
    def texts(self) -> list[str]:
        """The wordings that are right, the best first."""
        return [self.text] if isinstance(self.text, str) else self.text


class LabelledFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An attachment as text. Its lines end as ``line_end`` says; ``charset`` is a Python codec."""

    filename: str
    mime_type: str
    text: str
    charset: str = "utf-8"
    line_end: Literal["\n", "\r\n"] = "\r\n"

    def encode(self) -> bytes:
        """Return the bytes of the file."""
        return self.text.replace("\n", self.line_end).encode(self.charset)


class LabelledInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input with its labels; README.md describes the members."""

    name: str
    look_alike: bool = False
    record_type: str = "message"
    participants: list[Participant] = []
    data: dict[str, Any] = {}
    file: LabelledFile | None = None
    utterances: list[ExpectedUtterance] = []
    absent: list[str] = []
    nobody: list[str] = []
    only: bool = False
    optional: list[str] = []
    line_breaks: Literal["exact", "free"] = "exact"


class InputFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind's inputs of one half, as in a file of ``inputs/``."""

    kind: str
    half: Half
    inputs: list[LabelledInput]


class _Loader(yaml.SafeLoader):
    """YAML in which only null, true, false and numbers are no strings: no dates, no yes."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("null", r"null|", ["n", ""]),
    ("bool", r"true|false", ["t", "f"]),
    ("int", r"-?(0|[1-9]\d*)", list("-0123456789")),
    ("float", r"-?\d+\.\d+", list("-0123456789")),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$"), _first
    )


def load_inputs() -> list[InputFile]:
    """Return all inputs, by kind and half.

    Raises:
        ValueError: a file is not of this form; the message names it.
    """
    files: list[InputFile] = []
    for path in sorted(INPUTS_DIRECTORY.glob("*.yaml")):
        try:
            # The loader is a SafeLoader.
            found = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506
            file = msgspec.convert(found, InputFile)
        except (yaml.YAMLError, msgspec.ValidationError) as error:
            raise ValueError(f"{path.name}: {error}") from error
        if path.name != f"{file.kind}.{file.half}.yaml":
            raise ValueError(f"{path.name}: kind and half are not those of its name")
        files.append(file)
    return files
